"""`wszoo finetune DATA`: a backbone that suits the data, one run, and what it says at its end."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import wszoo
from wszoo.recipes.finetune import TASKS, Finetune, choosing, command
from wszoo.sharing.about import about
from wszoo.tasks import names


def photos(folder, mode="RGB", side=40):
    """Two kinds of photos, warm and cold ones, of several shapes."""
    rng = np.random.default_rng(0)
    for label, shade in (("cold", (20, 60, 200)), ("warm", (220, 120, 20))):
        (folder / label).mkdir(parents=True)
        for i in range(10):
            pixels = rng.normal(shade, 30, (side + 2 * i, side, 3)).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).convert(mode).save(folder / label / f"{i}.png")
    return folder


def test_tasks_are_those_that_a_head_can_be_put_on_for():
    assert names(head=True) == TASKS


def test_a_backbone_suits_the_kind_of_data(tmp_path, words):
    (tmp_path / "mail.csv").write_text("text,label\n" + "pay my bill,bank\nsend it,post\n" * 20)
    rows = "".join(f"colour/{c}/{i}.png,{c}\n" for c in ("cold", "warm") for i in range(10))
    (tmp_path / "list.csv").write_text("path,label\n" + rows)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).random((20, 8, 8, 1)), y=[0, 1] * 10)
    cases = {
        str(photos(tmp_path / "colour")): choosing.COLOUR,
        str(tmp_path / "list.csv"): choosing.COLOUR,
        str(photos(tmp_path / "grey", "L")): choosing.GREY,
        str(tmp_path / "x.npz"): choosing.GREY,
        "digits": choosing.GREY,
        str(words): choosing.RECORDINGS,
        str(tmp_path / "mail.csv"): choosing.TEXTS,
    }
    assert {data: choosing.backbone_for(Finetune(data)) for data in cases} == cases
    np.savez(tmp_path / "rows.npz", x=np.zeros((20, 5)), y=[0, 1] * 10)
    with pytest.raises(ValueError, match=r"examples of shape \(5,\).*name one with --backbone"):
        choosing.backbone_for(Finetune(str(tmp_path / "rows.npz")))


@pytest.fixture
def words(tmp_path):
    from benchmarks.faults.lines.commands import tone

    for label, hertz in (("high", 2000), ("low", 300)):
        for i in range(10):
            tone(tmp_path / "words" / label / f"{i}.wav", hertz + 10 * i)
    return tmp_path / "words"


@pytest.mark.filterwarnings("ignore:.*lose up to")
def test_one_command_learns_says_what_it_learnt_and_is_not_run_twice(tmp_path, capsys):
    out, data = tmp_path / "mine", photos(tmp_path / "photos", "L")
    command(str(data), smoke=True, out=out)
    said = capsys.readouterr().out
    assert all(way in said for way in ("probe", "frozen", "finetuned", "On the test examples"))
    assert f"wszoo predict {out / 'model.keras'} PHOTO" in said
    written = {"metrics.json", "curves.png", "confusion.png", "doubtful.png", "model.keras"}
    assert written <= {path.name for path in out.iterdir()}
    first = json.loads((out / "metrics.json").read_text())
    least = min(first["history"], key=lambda row: row["val_loss"])
    assert first["best"] == {"start": "probe"}.get(least["phase"], least["phase"])
    facts = about(wszoo.load(out / "model.keras"))
    assert facts["class_names"] == ["cold", "warm"] and facts["task"] == "classification"
    (found,) = wszoo.predict(out / "model.keras", data / "warm" / "3.png")
    assert found.data["class"] in ("cold", "warm")

    command(str(data), smoke=True, out=out)
    assert "Epoch" not in capsys.readouterr().out  # nothing is trained again
    assert json.loads((out / "metrics.json").read_text()) == first
    (kept,) = (out / "run").iterdir()
    command(str(data), smoke=True, out=out, seed=1)  # another run takes its place
    assert "Epoch" in capsys.readouterr().out
    (other,) = (out / "run").iterdir()
    assert other != kept


def test_a_size_is_for_backbones_that_take_several(tmp_path):
    with pytest.raises(ValueError, match=r"conv_net.omniglot takes images of 28 pixels a side"):
        command("digits", image_size=32, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 3}, "--epochs goes with --freeze or --lora"),
        ({"seeds": 3}, "--seeds goes with --compare"),
        ({"compare": True, "freeze": "all"}, "--freeze is a run of your own"),
        ({"compare": True, "head": "mlp"}, "--head does not go with --compare"),
        ({"labels_per_class": [2, 5]}, "several times with --compare alone"),
        ({"weights": "none"}, "--weights is for a backbone keras:NAME"),
        ({"cache": "of"}, "--cache must be auto, off or a folder"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Finetune("digits", **options)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"hat": 10}, "one class only; two or more are needed"),
        ({"hat": 1, "shoe": 1}, "2 training examples are too few to carve"),
        ({"hat": 5, "shoe": 0}, r"no images in \['shoe'\]"),
    ],
)
def test_folders_that_nothing_can_be_learnt_from(tmp_path, files, words):
    made = photos(tmp_path / "made")
    for label, count in files.items():
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(count):
            file = made / "warm" / f"{i}.png"
            shutil.copy(file, tmp_path / "photos" / label)
    with pytest.raises(ValueError, match=words):
        command(str(tmp_path / "photos"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:.*lose up to")
def test_a_film_among_photos_is_left_out_and_named(tmp_path):
    data = photos(tmp_path / "photos", "L")
    (data / "warm" / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    with pytest.warns(UserWarning, match=r"left out 1 files: 1 \.mp4"):
        source = choosing.source_for(Finetune(str(data), backbone=choosing.GREY))
    assert sum(len(source.arrays(split)[1]) for split in source.splits) == 20
