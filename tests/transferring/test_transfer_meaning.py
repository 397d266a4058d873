"""What labels mean: numbers are numbers, ranks have an order, and neither is a class's place."""

import keras
import numpy as np
import pytest
from PIL import Image

import wszoo
from wszoo import tasks
from wszoo.data import from_arrays, load
from wszoo.data.examples import examples
from wszoo.data.labels import as_numbers

LABELS = ["5", "9", "40", "100"]
SHADES = {label: 10 + 2 * int(label) for label in LABELS}


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten(name="flat")(inputs)
    hidden = keras.layers.Dense(
        16, activation="tanh", bias_initializer=keras.initializers.RandomUniform(-2, 2, seed=0)
    )
    return keras.Model(inputs, hidden(x))


def write_images(folder, labels, shade_of):
    """A picture a label, its shade that of the label, and a table of them."""
    rng = np.random.default_rng(0)
    lines = ["path,label"]
    for i, label in enumerate(labels):
        pixels = np.clip(rng.normal(shade_of[label], 1, (4, 4)), 0, 255)
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{label}")
    (folder / "t.csv").write_text("\n".join(lines))
    return folder / "t.csv"


def read(task, data, order=None):
    return tasks.find(task).read(examples(data), order)


def decoded(ranks, class_names):
    """Predictions of an ordinal head whose outputs say these ranks."""
    task = tasks.find("ordinal")
    outputs = np.where(ranks[:, None] > np.arange(len(class_names) - 1), 1.0, -1.0)
    return task.named(task, class_names).decode(outputs)


def arrays_of(labels):
    x = np.arange(3 * len(labels), dtype="float32").reshape(-1, 3)
    return x, np.asarray(labels)


def test_numbers_of_a_table_are_learnt_as_these_numbers(net, tmp_path):
    table = write_images(tmp_path, LABELS * 15, SHADES)
    result = wszoo.transfer(net, "regression", table, epochs=1, verbose=0)
    source = load(table)
    x, y = source.arrays("test")
    wanted = np.array([float(source.class_names[place]) for place in y])
    predicted = result.predict(x)[:, 0]
    np.testing.assert_allclose(predicted, wanted, atol=2)
    mae = np.abs(predicted - wanted).mean()
    assert result.metrics["test"]["mae"] == pytest.approx(mae, rel=1e-4)
    assert result.class_names == ()


def test_ranks_of_a_table_are_in_the_order_of_their_numbers(net, tmp_path):
    labels = ["1", "2", "10", "11"]
    table = write_images(tmp_path, labels * 15, dict(zip(labels, (10, 90, 170, 250), strict=True)))
    result = wszoo.transfer(
        net, "ordinal", table, epochs=8, learning_rate=0.1, batch_size=8, freeze="all", verbose=0
    )
    assert result.class_names == ("1", "2", "10", "11")
    source = load(table)
    x, y = source.arrays("test")
    wanted = np.array([int(source.class_names[place]) for place in y])
    predicted, scores = result.predict(x), result.metrics["test"]
    right = np.mean(predicted == wanted)
    assert scores["accuracy"] == pytest.approx(right) and right >= 0.75
    assert scores["mae"] == pytest.approx(np.abs(predicted - wanted).mean())
    wszoo.save(result.model, tmp_path / "m.keras")
    again = wszoo.load(tmp_path / "m.keras")
    y = (wanted[:, None] > np.array([1, 2, 10])).astype("float32")
    assert again.evaluate(x, y, verbose=0, return_dict=True)["mae"] == pytest.approx(scores["mae"])


@pytest.mark.parametrize("labels", [["0.5", "2", "-1e1"], ["5", "9", "40", "100"]])
def test_every_way_in_gives_the_same_numbers(tmp_path, labels):
    y = np.arange(60) % len(labels)
    x, values = arrays_of(np.array([float(label) for label in labels])[y])
    source = from_arrays(x, y, name="s", class_names=labels)
    np.savez(tmp_path / "places.npz", x=x, y=y, class_names=labels)
    np.savez(tmp_path / "values.npz", x=x, y=values)
    value_of = dict(zip(map(tuple, x.tolist()), values.tolist(), strict=True))
    for data in (source, tmp_path / "places.npz", tmp_path / "values.npz", (x, values)):
        found = read("regression", data)
        assert found.class_names == () and set(found.splits) == {"train", "validation", "test"}
        for rows, numbers in found.splits.values():
            assert [value_of[tuple(row)] for row in rows.tolist()] == numbers.tolist()


def test_texts_with_numbers_are_values_too(tmp_path):
    stars = [1, 2, 10, 11]
    rows = [f"this is {'very ' * (i % 4)}good,{stars[i % 4]}" for i in range(80)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    names = load(tmp_path / "t.csv").class_names
    for split, (x, y) in examples(tmp_path / "t.csv").splits.items():
        values, ranked = read("regression", tmp_path / "t.csv"), read("ordinal", tmp_path / "t.csv")
        assert values.targets[split].tolist() == [float(names[place]) for place in y]
        assert [stars[rank] for rank in ranked.targets[split]] == values.targets[split].tolist()
        assert len(x) == len(y)


def test_a_number_that_train_lacks_is_a_value_and_no_class(tmp_path):
    ages = {"train": [5, 9, 30, 41], "validation": [7, 12], "test": [71, 5]}
    rows = [(split, age, i) for split, given in ages.items() for i, age in enumerate(given * 3)]
    lines = [f"word{age % 2} word{i % 3} and word{i % 2},{age},{split}" for split, age, i in rows]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label,split", *lines]))
    with pytest.raises(ValueError, match=r"train has no class \['12', '7', '71'\]"):
        load(path)
    source = load(path, targets="numbers")
    assert source.class_names == ("12", "30", "41", "5", "7", "71", "9")
    known = tasks.find("regression").read(examples(path, numbers=True), None)
    assert {split: y.tolist() for split, y in known.targets.items()} == {
        split: given * 3 for split, given in ages.items()
    }
    path.write_text("\n".join(["text,label,split", *lines, "word1 word2,old,test"]))
    with pytest.raises(ValueError, match=r"1 of 25 labels are none: line 26 'old'"):
        examples(path, numbers=True)
    with pytest.raises(ValueError, match=r"digits does not take targets='numbers'"):
        load("digits", targets="numbers")


@pytest.mark.parametrize("levels", [[1, 2, 10, 11], [0.5, 1.5, 30.0], [0, 1, 2], [-3, 7]])
@pytest.mark.parametrize("column", [False, True])
def test_ranks_given_as_arrays_keep_their_numbers(levels, column):
    x, y = arrays_of([levels[i % len(levels)] for i in range(90)])
    ranked = read("ordinal", (x, y[:, None] if column else y))
    wanted = dict(zip(map(tuple, x.tolist()), y.tolist(), strict=True))
    for rows, ranks in ranked.splits.values():
        given = [wanted[tuple(row)] for row in rows.tolist()]
        assert [levels[rank] for rank in ranks] == given
        units = decoded(ranks, ranked.class_names)
        assert units.tolist() == given
        assert units.dtype.kind == ("f" if 0.5 in levels else "i")


def test_an_order_is_asked_for_and_obeyed():
    order = ["low", "medium", "high"]
    x, y = arrays_of([i % 3 for i in range(90)])
    source = from_arrays(x, y, name="s", class_names=sorted(order))
    with pytest.raises(ValueError, match=r"\['high', 'low', 'medium'\] have no order.* order="):
        read("ordinal", source)
    ranked = read("ordinal", source, order)
    assert ranked.class_names == tuple(order)
    for split, places in examples(source).targets.items():
        assert [order[r] for r in ranked.targets[split]] == [sorted(order)[p] for p in places]
    assert decoded(np.array([2, 0]), ranked.class_names).tolist() == [2, 0]
    words = read("ordinal", (x, np.array(sorted(order))[y]), order)
    assert words.class_names == tuple(order) and set(words.targets["train"].tolist()) == {0, 1, 2}
    numbers = from_arrays(x, y, name="s", class_names=["1", "2", "3"])
    assert read("ordinal", numbers, [3, 1, 2]).class_names == ("3", "1", "2")


@pytest.mark.parametrize(
    ("task", "order", "words"),
    [
        ("ordinal", ["low", "high"], r"missing \['medium'\], unknown \[\]"),
        ("ordinal", ["low", "medium", "hihg"], r"unknown \['hihg'\]; did you mean 'high'"),
        ("ordinal", ["low", "medium", "high", "low"], "once, from low to high"),
        ("ordinal", "low", r"missing \['high', 'medium'\]"),
        ("classification", ["low", "medium", "high"], "is for the task 'ordinal'"),
        ("regression", ["low", "medium", "high"], "is for the task 'ordinal'"),
        ("regression", None, r"of its 3 labels \['high', 'low', 'medium'\] are none"),
    ],
)
def test_names_that_are_no_numbers_and_orders_that_do_not_fit_are_named(net, task, order, words):
    x, y = arrays_of([i % 3 for i in range(90)])
    source = from_arrays(x, y, name="s", class_names=["high", "low", "medium"])
    with pytest.raises(ValueError, match=words):
        wszoo.transfer(net, task, source, order=order, verbose=0)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.array([[0.0], [1.0]] * 30), r"whole numbers: pass y\.astype\(int\)$"),
        (np.array([0.0, 1.0] * 30), r"whole numbers: pass y\.astype\(int\)$"),
        (np.array([[0.5], [1.0]] * 30), "as values they are for the task 'regression'"),
        (np.eye(2)[[0, 1] * 30], r"use y\.argmax"),
        (np.array([[1, 1, 0], [0, 0, 0]] * 30), "'multi_label'"),
        (np.array([[0.2, 0.8], [0.6, 0.4]] * 30), "takes the likeliest class"),
        (np.array([[0.2, 3.0], [0.6, 0.4]] * 30), "rows of values are for the task 'regression'"),
        (np.array([True, False] * 30), r"y\.astype\(int\)"),
        (np.array(["cat", "dog"] * 30), "return_inverse"),
        (np.array(["1", "2.5"] * 30), r"numbers as text: pass y\.astype\(float\)"),
        (np.array([1, 2] * 30, dtype=object), r"pass np\.array\(y\.tolist\(\)\)"),
        (np.zeros((60, 1, 1)), r"give one label an example"),
    ],
)  # fmt: skip
def test_labels_that_are_no_classes_are_told_what_they_are(net, y, words):
    x = np.random.default_rng(0).random((60, 4, 4, 1), dtype="float32")
    with pytest.raises(ValueError, match=words) as told:
        wszoo.transfer(net, "classification", (x, y), verbose=0)
    assert ("argmax" in str(told.value)) == ("argmax" in words or "likeliest" in words)
    with pytest.raises(ValueError, match=words):
        from_arrays(x, y, name="mine")


def test_an_error_in_ranks_is_one_in_their_numbers():
    from wszoo.tasks.ranks import rank_error

    true = np.array([[1.0, 1, 0], [0, 0, 0], [1, 1, 1]])  # ranks 2, 0, 3
    logits = np.array([[-1.0, -1, -1], [-1, -1, -1], [2, 1, -1]])  # ranks 0, 0, 2
    assert np.asarray(rank_error(true, logits)).tolist() == [2, 0, 1]
    assert np.asarray(rank_error(true, logits, values=[1, 2, 10, 40])).tolist() == [9, 0, 30]


def test_what_is_a_number():
    assert as_numbers(["5", "009", "-1e2"]).tolist() == [5, 9, -100]
    assert as_numbers([" 0.5", ".25"]).tolist() == [0.5, 0.25]
    for name in ("nan", "inf", "1_000", "1,5", "", "٣", "0x10", "1 2"):
        assert as_numbers(["1", name]) is None, name
    assert as_numbers([]) is None
