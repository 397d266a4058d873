"""The command line, as a user runs it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import wszoo
from wszoo.cli import app


def ask(*args):
    """What a command prints; it must end well."""
    result = CliRunner().invoke(app, list(args))
    assert result.exit_code == 0, result.output
    return result.stdout


def shell(*args):
    command = "import sys; from wszoo.cli import main; sys.argv[0] = 'wszoo'; main()"
    return subprocess.run([sys.executable, "-c", command, *args], capture_output=True, text=True)


def test_list():
    rows = json.loads(ask("list", "--json"))
    assert [row["name"] for row in rows] == wszoo.list_models()
    table = ask("list")
    assert all(name in table for name in wszoo.list_models())
    assert [row["name"] for row in json.loads(ask("list", "tied_*", "--json"))] == [
        "tied_ae",
        "tied_conv_ae",
        "tied_lm",
        "tied_seq_ae",
    ]
    found = json.loads(ask("list", "--task", "reconstruction", "--json"))
    assert [row["name"] for row in found] == wszoo.list_models(task="reconstruction")
    for flag, wanted in (("--pretrained", True), ("--no-pretrained", False)):
        found = json.loads(ask("list", flag, "--json"))
        assert [row["name"] for row in found] == wszoo.list_models(pretrained=wanted)
    assert json.loads(ask("list", "nothing*", "--json")) == []


@pytest.mark.parametrize("name", wszoo.list_models())
def test_info(name):
    known = wszoo.info(name).to_dict()
    assert json.loads(ask("info", name, "--json")) == known == json.loads(json.dumps(known))
    page = "".join(ask("info", name).split())  # a long pattern takes several lines
    assert name in page and known["sharing"] in page
    assert all(site in page for site in known["sites"])
    assert all(tag in page for tag in known["weights"])


def test_audit_of_a_model():
    found = json.loads(ask("audit", "tied_ae", "--json"))
    assert found == json.loads(json.dumps(wszoo.audit(wszoo.get("tied_ae")).to_dict()))
    assert f"{found['stored_parameters']:,}" in ask("audit", "tied_ae")
    inside = json.loads(ask("audit", "tiled_net", "--json"))
    assert f"{inside['inner_unrolled_parameters']:,}" in ask("audit", "tiled_net")
    untied = json.loads(ask("audit", "tied_ae", "--sharing", "untied", "--json"))
    assert untied["stored_parameters"] == found["unrolled_parameters"]


def test_audit_of_a_file(tmp_path):
    model, path = wszoo.get("tied_ae", widths=(8, 4)), str(tmp_path / "model.keras")
    wszoo.save(model, path)
    found = json.loads(ask("audit", path, "--json"))
    assert found["stored_parameters"] == model.count_params()
    other = json.loads(ask("audit", path, "--sharing", "untied", "--json"))
    assert other["stored_parameters"] == found["unrolled_parameters"]


def test_version_and_help():
    assert ask("--version").strip() == wszoo.__version__
    page = ask("--help")
    assert all(command in page for command in ("list", "info", "audit"))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["info", "conv_nat"], "no model named 'conv_nat'; did you mean 'conv_net'"),
        (["audit", "conv_nat"], "no model named 'conv_nat'; did you mean 'conv_net'"),
        (["audit", "conv_net.nope"], "conv_net has no weights tagged 'nope'"),
        (["audit", "missing.keras"], "no file 'missing.keras'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(args, words):
    result = shell(*args)
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("wszoo: ")
    assert words in lines[-1]
    assert "Traceback" not in result.stderr
    if args[0] == "info":
        assert len(lines) == 1


@pytest.mark.parametrize(
    "args", [["list"], ["list", "--json"], ["info", "tied_ae"], ["--help"], ["--version"]]
)
def test_reading_the_registry_imports_no_framework(args):
    script = (
        "import sys; from wszoo.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "sys.exit(len({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_evaluate_reproduces_the_card():
    found = json.loads(ask("evaluate", "tied_ae.digits", "--json"))
    card = wszoo.info("tied_ae").weights["digits"]
    assert found == {
        key: {"measured": value["value"], "card": value["value"]}
        for key, value in card["metrics"].items()
    }


def test_evaluate_says_when_the_card_is_not_reproduced(monkeypatch):
    from wszoo import evaluation

    real = evaluation.card_of("tied_ae.digits")
    wrong = real | {"metrics": {"test_mse": {"value": 0.5}}}
    monkeypatch.setattr(evaluation, "card_of", lambda name: wrong)
    result = CliRunner().invoke(app, ["evaluate", "tied_ae.digits"])
    assert result.exit_code == 1 and "(card: 0.5)" in result.stdout
    monkeypatch.undo()
    assert CliRunner().invoke(app, ["evaluate", "tied_ae.nothing"]).exit_code != 0
