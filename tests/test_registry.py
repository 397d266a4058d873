"""The registry: names, settings, filters, and models that other packages bring."""

import os
import subprocess
import sys
import textwrap

import pytest

import wszoo
from wszoo import registry


@pytest.fixture
def clean():
    """Puts the registry back as it was."""
    wszoo.list_models()
    before = dict(registry._entries)
    yield
    registry._entries.clear()
    registry._entries.update(before)


def add(name, **kwargs):
    def build(bank, *, width: int = 2):
        """Two dense layers.

        More about them.
        """
        import keras

        inputs = x = keras.Input((width,))
        for site in ("one", "two"):
            x = bank(site, keras.layers.Dense, width)(x)
        return keras.Model(inputs, x)

    build.__name__ = name
    settings = {
        "sites": lambda **_: ["one", "two"],
        "sharing": "tied",
        "task": "toy",
        "family": "toys",
    }
    return build, wszoo.register(**(settings | kwargs))(build)


def test_register_returns_the_builder_and_lists_it(clean):
    build, returned = add("toy")
    assert returned is build
    assert "toy" in wszoo.list_models()
    assert wszoo.list_models(task="toy") == wszoo.list_models(family="toys") == ["toy"]
    assert wszoo.plan_of(wszoo.get("toy")).pattern == "AA"
    assert wszoo.plan_of(wszoo.get("toy", sharing="untied", width=3)).pattern == "AB"


def test_a_name_is_registered_once_unless_it_is_replaced(clean):
    add("toy")
    with pytest.raises(ValueError, match=r"'toy' is already registered by .*replace=True"):
        add("toy")
    add("toy", sharing="untied", replace=True)
    assert wszoo.plan_of(wszoo.get("toy")).pattern == "AB"
    with pytest.raises(ValueError, match=r"'conv_net' is already registered by wszoo\.models"):
        add("conv_net")


def test_replacing_a_model_changes_its_size(clean):
    add("toy")
    assert registry.parameters("toy") == 2 * 2 + 2
    add("toy", sharing="untied", replace=True)
    assert registry.parameters("toy") == 2 * (2 * 2 + 2)


def test_info_says_what_is_known(clean):
    add("toy")
    toy = wszoo.info("toy")
    assert toy.summary == "Two dense layers."
    assert toy.config == {"width": 2}
    assert (toy.sites, toy.sharing, toy.weights) == (("one", "two"), "AA", {})
    assert set(toy.to_dict()) == set(wszoo.info("conv_net").to_dict())
    assert repr(toy) == "ModelInfo('toy': toy, 2 sites; weights none)"


def test_info_of_a_tag_has_its_card_alone_and_prints_as_the_command_does():
    tag = wszoo.info("tied_ae.digits")
    assert tag.weights == {"digits": wszoo.info("tied_ae").weights["digits"]}
    assert repr(tag) == "ModelInfo('tied_ae.digits': reconstruction, 4 sites)"
    page = "".join(str(tag).split())
    assert tag.weights["digits"]["sha256"] in page and "fashion_mnist" not in page
    assert "tied_ae" in page and "<pre>" in tag._repr_html_()
    with pytest.raises(ValueError, match="no weights tagged 'digit'; did you mean 'digits'"):
        wszoo.info("tied_ae.digit")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: wszoo.get("conv_nat"), r"no model named 'conv_nat'; did you mean 'conv_net'"),
        (lambda: wszoo.info("tied"), "did you mean .*'tied_ae'"),
        (lambda: wszoo.get("zzzzzz"), r"'zzzzzz'; see wszoo\.list_models"),
        (lambda: wszoo.get("conv_net", dept=3), r"no setting dept; did you mean 'depth'.*width"),
        (lambda: wszoo.get("conv_net", weights="nope"), "no weights tagged 'nope'"),
        (lambda: wszoo.get("conv_net.nope"), "no weights tagged 'nope'"),
        (lambda: wszoo.get("conv_net.x", weights="y"), "tag, and weights='y' another"),
        (lambda: wszoo.get("conv_net", sharing="AB"), "2 labels for 6 sites"),
        (lambda: wszoo.get("conv_net", sharing="aabbcc"), "unknown plan 'aabbcc'"),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()


def test_a_model_without_default_weights_says_so(clean):
    add("toy")
    with pytest.raises(ValueError, match="toy has no default tag"):
        wszoo.get("toy", weights=True)


def test_filters(clean):
    everything = wszoo.list_models()
    assert everything == sorted(everything) and len(everything) >= 3
    assert wszoo.list_models("tied_*") == ["tied_ae", "tied_conv_ae", "tied_lm", "tied_seq_ae"]
    assert wszoo.list_models("nothing*") == []
    tasks = {wszoo.info(name).task for name in everything}
    assert sorted(n for t in tasks for n in wszoo.list_models(task=t)) == everything
    with_weights = wszoo.list_models(pretrained=True)
    assert sorted(with_weights + wszoo.list_models(pretrained=False)) == everything
    add("toy")
    sizes = {name: registry.parameters(name) for name in wszoo.list_models()}
    bound = sorted(sizes.values())[1]
    assert set(wszoo.list_models(max_parameters=bound)) == {n for n in sizes if sizes[n] <= bound}
    assert wszoo.list_models(max_parameters=0) == []


PLUGIN = """
import wszoo

@wszoo.register(sites=lambda **_: ["a", "b"], sharing="tied", task="toy", family="toys")
def from_outside(bank):
    "A model of another package."
    import keras
    inputs = keras.Input((2,))
    x = bank("a", keras.layers.Dense, 2)(inputs)
    return keras.Model(inputs, bank("b", keras.layers.Dense, 2)(x))

def hook():
    global called
    called = True
"""


def run_with_plugin(folder, points, script):
    """Runs a script with a package on the path, installed as far as Python can tell."""
    info = folder / "outside-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[wszoo.models]\n" + "\n".join(points) + "\n")
    (folder / "outside.py").write_text(PLUGIN)
    path = os.pathsep.join([str(folder), *sys.path])
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def test_another_package_adds_models(tmp_path):
    result = run_with_plugin(
        tmp_path,
        ["good = outside", "hooked = outside:hook"],
        """
        import sys, wszoo
        assert "from_outside" in wszoo.list_models()
        assert wszoo.info("from_outside").sharing == "AA"
        assert sys.modules["outside"].called
        assert not {"keras", "numpy"} & set(sys.modules)  # so that `wszoo list` takes no time
        """,
    )
    assert result.returncode == 0, result.stderr
    assert "plugin" not in result.stderr


def test_a_broken_package_is_reported_and_left_out(tmp_path):
    result = run_with_plugin(
        tmp_path,
        ["gone = outside_that_is_missing", "good = outside", "typo = outside:nothing"],
        """
        import wszoo
        from wszoo.registry import broken_plugins
        assert {"from_outside", "conv_net"} <= set(wszoo.list_models())
        assert set(broken_plugins) == {"gone", "typo"}, broken_plugins
        assert "ModuleNotFoundError" in broken_plugins["gone"]
        """,
    )
    assert result.returncode == 0, result.stderr
    assert "plugin 'gone' (outside_that_is_missing) is left out: ModuleNotFound" in result.stderr
    assert "plugin 'typo' (outside:nothing) is left out: AttributeError" in result.stderr


def test_a_name_of_the_zoo_is_taken_before_anything_is_listed():
    script = """
    import wszoo
    settings = dict(sites=lambda **_: ["a"], sharing="tied", task="toy", family="toys")
    def tied_ae(bank): "Another."
    try:
        wszoo.register(**settings)(tied_ae)
    except ValueError as error:
        assert "wszoo.models" in str(error)
    else:
        raise SystemExit("not refused")
    wszoo.register(**settings, replace=True)(tied_ae)
    assert wszoo.info("tied_ae").summary == "Another."
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_settings_that_no_weight_depends_on_may_be_chosen_with_a_tag():
    loops = wszoo.get("rnn.spoken_digit")
    steps = wszoo.get("rnn.spoken_digit", unroll=True, dropout=0.0)
    assert [layer.unroll for layer in steps.layers if hasattr(layer, "unroll")] == [True, True]
    for one, other in zip(loops.weights, steps.weights, strict=True):
        assert (one.numpy() == other.numpy()).all()
    with pytest.raises(ValueError, match="units=64, not units=8"):
        wszoo.get("rnn.spoken_digit", units=8)
