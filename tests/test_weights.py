"""Weights and their cards: a round trip, and every way in which a folder can be wrong."""

import json
import shutil

import h5py
import numpy as np
import pytest

import wszoo
from wszoo import cards, weights

CONFIG = {"input_shape": (12, 12, 1), "width": 8, "head": 5}


def card_of(model, **changes):
    return {
        "model": "conv_net",
        "tag": "tested",
        "plan": wszoo.plan_of(model).restrict([f"block_{i}" for i in range(6)]).to_dict(),
        "config": CONFIG,
        "data": "none",
        "licence": "CC0",
        "command": "pytest",
        "seed": 0,
        "metrics": {"accuracy": 0.5},
    } | changes


@pytest.fixture(scope="module")
def model():
    made = wszoo.get("conv_net", sharing="AABBCC", **CONFIG)
    made.compile("adam", "mse", run_eagerly=True)
    x = np.random.default_rng(0).uniform(size=(8, 12, 12, 1))
    made.fit(x, np.ones((8, 5)), epochs=2, verbose=0)
    return made


@pytest.fixture(scope="module")
def original(model, tmp_path_factory):
    return weights.write(tmp_path_factory.mktemp("w") / "conv_net.tested", model, card_of(model))


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original.folder, tmp_path / "conv_net.tested")


def images():
    return np.random.default_rng(1).uniform(size=(3, 12, 12, 1)).astype("float32")


def change_card(folder, **changes):
    path = folder / cards.FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_round_trip_by_path(model, folder):
    for again in (
        wszoo.get("conv_net", weights=str(folder)),
        wszoo.get("conv_net", weights=folder, sharing="AABBCC", width=8),
    ):
        assert wszoo.plan_of(again) == wszoo.plan_of(model)
        np.testing.assert_array_equal(again(images()), model(images()))


def test_round_trip_by_name(model, original, folder, monkeypatch):
    monkeypatch.setattr(weights, "home", lambda: folder.parent)
    assert weights.tags("conv_net") == ["tested"]
    found = weights.find("conv_net", "tested")
    assert found.name == "conv_net.tested"
    assert found.card == cards.plain(original.card)
    for again in (
        wszoo.get("conv_net.tested"),
        wszoo.get("conv_net.tested", weights=True),
        wszoo.get("conv_net", weights="tested"),
    ):
        np.testing.assert_array_equal(again(images()), model(images()))
    with pytest.raises(ValueError, match=r"'tasted'; did you mean 'tested'\?.*\['tested'\]"):
        wszoo.get("conv_net.tasted")
    assert wszoo.info("conv_net").weights == {"tested": found.card}
    assert "conv_net" in wszoo.list_models(pretrained=True)


def test_a_tag_wins_over_a_folder_that_happens_to_be_there(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "home", lambda: folder.parent)
    (tmp_path / "here" / "tested").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert weights.find("conv_net", "tested").folder == folder


def test_the_card_says_what_is_stored(model, original):
    assert original.card["stored_parameters"] == wszoo.audit(model).stored_parameters
    assert original.sha256 == weights.file_sha256(original.weights)
    assert {"wszoo", "keras"} <= set(original.card["versions"])
    assert set(cards.KEYS) <= set(json.loads((original.folder / "card.json").read_text()))


def test_a_corrupted_byte_is_seen(folder):
    data = bytearray((folder / weights.FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / weights.FILE).write_bytes(data)
    with pytest.raises(ValueError, match="not the file its card describes"):
        wszoo.get("conv_net", weights=str(folder))


@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_file_cut_off_is_seen(folder, keep):
    path = folder / weights.FILE
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match="cut off"):
        wszoo.get("conv_net", weights=str(folder))
    with pytest.raises(ValueError, match="does not fit 'conv_net'"):  # without a card to say so
        wszoo.get("conv_net", weights=str(path), sharing="AABBCC", **CONFIG)


def test_a_missing_file_or_card_is_named(folder):
    (folder / weights.FILE).unlink()
    with pytest.raises(ValueError, match=r"no weights file .*model\.weights\.h5"):
        wszoo.get("conv_net", weights=str(folder))
    (folder / cards.FILE).unlink()
    with pytest.raises(ValueError, match=r"has no card\.json"):
        wszoo.get("conv_net", weights=str(folder))
    with pytest.raises(ValueError, match=r"has no card\.json"):
        wszoo.get("conv_net", weights=str(folder / "nowhere"))


@pytest.mark.parametrize("key", cards.KEYS)
def test_an_incomplete_card_is_named(folder, key):
    path = folder / cards.FILE
    card = json.loads(path.read_text())
    del card[key]
    path.write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"lacks {key}$"):
        wszoo.get("conv_net", weights=str(folder))


@pytest.mark.parametrize("text", ["{", "[1]", "null"])
def test_a_card_that_is_none_is_named(folder, text):
    (folder / cards.FILE).write_text(text)
    with pytest.raises(ValueError, match=r"conv_net\.tested"):
        wszoo.get("conv_net", weights=str(folder))


def test_weights_of_another_model_are_refused(folder):
    with pytest.raises(ValueError, match=r"holds weights of 'conv_net', not 'tied_ae'"):
        wszoo.get("tied_ae", weights=str(folder))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"width": 16}, r"trained with width=8, not width=16"),
        ({"head": 7}, r"head=5, not head=7; head=None gives its backbone"),
        ({"width": 16, "head": None}, r"width=8, not width=16"),
        ({"sharing": "tied"}, r"plan 'AABBCC', not 'AAAAAA'.*retie"),
        ({"depth": 4}, "depth=6, not depth=4"),
    ],
)
def test_what_does_not_fit_is_said_with_what_there_is(folder, asked, words):
    with pytest.raises(ValueError, match=words):
        wszoo.get("conv_net", weights=str(folder), **asked)


def test_cutting_the_head_gives_the_features_of_the_whole(model, folder):
    import keras

    backbone = wszoo.get("conv_net", weights=str(folder), head=None)
    features = keras.Model(model.input, model.get_layer("features").output)
    np.testing.assert_array_equal(backbone(images()), features(images()))
    assert wszoo.plan_of(backbone).pattern == wszoo.plan_of(features).pattern


@pytest.mark.parametrize("theirs", ["untied", "tied", "AABCCC"])
def test_a_weights_file_of_a_plan_with_other_owners_is_refused(model, tmp_path, theirs):
    """Keras fills layers by their place, and would take the file without a word."""
    path = tmp_path / "other.weights.h5"
    wszoo.get("conv_net", sharing=theirs, **CONFIG).save_weights(path)
    with pytest.raises(ValueError, match="saved under another plan"):
        wszoo.get("conv_net", sharing="AABBCC", weights=path, **CONFIG)


def test_a_weights_file_of_other_settings_is_refused(model, tmp_path):
    path = tmp_path / "other.weights.h5"
    model.save_weights(path)
    for other in ({"head": None}, {"head": 6}, {"width": 16}):
        with pytest.raises(ValueError, match="does not fit 'conv_net'"):
            wszoo.get("conv_net", sharing="AABBCC", weights=path, **(CONFIG | other))


@pytest.mark.parametrize("bad", [{"metrics": {1, 2}}, {"licence": ...}])
def test_a_write_that_fails_leaves_the_old_folder_whole(model, folder, bad):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TypeError):
        weights.write(folder, model, card_of(model, **bad))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_card_that_lacks_a_key_is_not_written(model, folder):
    card = card_of(model)
    del card["licence"]
    with pytest.raises(ValueError, match="lacks licence"):
        weights.write(folder.parent / "new", model, card)
    assert list(folder.parent.iterdir()) == [folder]


def test_a_write_takes_the_place_of_the_old_folder(model, folder):
    again = weights.write(folder, model, card_of(model, seed=9))
    assert weights.find("conv_net", str(folder)).card["seed"] == 9
    assert sorted(p.name for p in folder.iterdir()) == [cards.FILE, weights.FILE]
    assert list(folder.parent.iterdir()) == [folder]
    assert again.folder == folder


SHIPPED = [(name, tag) for name in wszoo.list_models() for tag in weights.tags(name)]


@pytest.mark.parametrize(("name", "tag"), SHIPPED)
def test_shipped_weights_are_what_their_cards_say(name, tag):
    saved = weights.find(name, tag)
    model = wszoo.get(f"{name}.{tag}")
    assert (saved.card["model"], saved.card["tag"]) == (name, tag)
    assert wszoo.audit(model).stored_parameters == saved.card["stored_parameters"]
    declared = saved.card["plan"]["sites"]
    assert wszoo.plan_of(model).restrict(declared).to_dict() == saved.card["plan"]


def test_the_file_holds_weights_and_no_optimizer(original):
    import h5py

    names: list[str] = []
    with h5py.File(original.weights) as file:
        file.visit(names.append)
    assert names and not [name for name in names if "optimizer" in name]


WRONG = {
    "sha256": [None, "", "0" * 63, 5],
    "tag": ["../../precious", "..", "a b", "a\nb"],
    "model": ["../conv_net"],
    "config": [None, "wide"],
    "plan": [[]],
    "seed": [True],
    "metrics": [{"accuracy": float("nan")}],
    "source": [{"name": "mnist", "download": True}],
    "vocabulary": [[1]],
}


@pytest.mark.parametrize("key", WRONG)
def test_a_card_of_other_types_is_refused_when_it_is_read_and_written(folder, model, key):
    path = folder / cards.FILE
    sound = json.loads(path.read_text())
    del sound["own_sha256"]
    for value in WRONG[key]:
        path.write_text(json.dumps(sound | {key: value}))
        with pytest.raises(ValueError, match=f"{key[:6]}.*conv_net.tested"):
            wszoo.get("conv_net", weights=folder)
        if key != "sha256":  # which `write` finds itself
            with pytest.raises(ValueError, match=f"{key[:6]}.*new"):
                weights.write(folder.parent / "new", model, card_of(model) | {key: value})
    assert not (folder.parent / "new").exists()


def test_a_card_that_was_changed_is_seen_and_may_be_changed_by_hand(folder):
    change_card(folder, licence="CC1")
    with pytest.raises(ValueError, match="takes the line 'own_sha256' out"):
        wszoo.get("conv_net", weights=folder)
    card = json.loads((folder / cards.FILE).read_text())
    del card["own_sha256"]
    (folder / cards.FILE).write_text(json.dumps(card))
    assert weights.find("conv_net", str(folder)).card["licence"] == "CC1"


def test_every_changed_letter_of_a_card_is_seen(folder):
    path = folder / cards.FILE
    whole = path.read_bytes()
    for place in range(len(whole)):
        if not chr(whole[place]).isspace():
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(ValueError, match=r"conv_net\.tested"):
                weights.find("conv_net", str(folder))


def test_a_card_declares_no_model_beyond_its_file(folder):
    card = json.loads((folder / cards.FILE).read_text())
    del card["own_sha256"]
    card["config"]["width"] = 10**6
    (folder / cards.FILE).write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"conv_net\.tested.*for which the file holds nothing"):
        wszoo.get("conv_net", weights=folder)


def test_a_bare_file_that_declares_too_much_or_holds_nan_is_refused(folder, model):
    path = folder / weights.FILE
    options = {"sharing": "AABBCC", **CONFIG}
    values = [np.array(w) for w in model.get_weights()]
    model.set_weights([np.full_like(values[0], np.nan), *values[1:]])
    model.save_weights(path)
    model.set_weights(values)
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        wszoo.get("conv_net", weights=str(path), **options)
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/a/vars/0", (10**6, 10**6))
    with pytest.raises(ValueError, match=r"declares float32.*and holds 0"):
        wszoo.get("conv_net", weights=str(path), **options)


def test_weights_do_not_replace_a_folder_of_something_else(model, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("all")
    with pytest.raises(ValueError, match=r"holds 'thesis\.tex'"):
        weights.write(tmp_path / "precious", model, card_of(model))
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "all"
