"""Names of a caller's, or of a file's, that become parts of paths: one pattern, everywhere."""

import json
import shlex

import keras
import pytest

import wszoo
from wszoo import weights
from wszoo.comparison.study import _slug
from wszoo.exporting.saved_model.serving import how_to_serve


@pytest.mark.parametrize("name", ["..", "a b", "a'b", "a\nb", "$(x)"])
def test_a_model_is_not_exported_under_a_name_that_is_no_files(tmp_path, name):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs), name=name)
    with pytest.raises(ValueError, match=r"name of a model that is exported must be.*name='…'"):
        wszoo.export(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["plain", "it's; rm -r $HOME", "a:b, c"])
def test_lines_for_a_shell_are_quoted(tmp_path, place):
    folder = tmp_path / place / "net" / "1"
    text = how_to_serve(folder).partition("# serve")[2].replace("\\\n", "")
    docker, curl = (
        shlex.split(next(line for line in text.splitlines() if line.startswith(start)))
        for start in ("docker", "curl -d")
    )
    mount = next(word for word in docker if "/models/net" in word)
    assert str(folder.parent) in mount and "net" in docker[-2]
    assert docker[docker.index(mount) - 1] == ("--mount" if ":" in place else "-v")
    assert json.loads(curl[2])["signature_name"] == "serving_default"
    assert curl[3] == "http://localhost:8501/v1/models/net:predict"


@pytest.mark.parametrize("name", ["../x", "a b", "net.tag"])
def test_a_model_is_not_registered_under_a_name_that_is_no_files(name):
    def build(bank):
        raise AssertionError("not built")

    build.__name__ = name
    with pytest.raises(ValueError, match="the name of a model"):
        wszoo.register(sites=list, sharing="tied", task="classification", family="x")(build)
    assert name not in wszoo.list_models()


@pytest.mark.parametrize("name", ["..", "*", "../saved_models/tied_ae"])
def test_tags_are_looked_for_under_no_other_name(name):
    assert weights.tags("tied_ae") and weights.tags(name) == []


def test_labels_that_differ_have_files_that_do():
    labels = ["a b", "a-b", "a/b", "../a", "é", "-", "x" * 500, "x" * 501, "AABB"]
    slugs = [_slug(label) for label in labels]
    assert len(set(slugs)) == len(labels) and slugs[-1] == "AABB"
    assert all(len(slug) < 100 and "/" not in slug for slug in slugs)
