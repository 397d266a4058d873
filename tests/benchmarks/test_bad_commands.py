"""Wrong command lines are refused by one clear error; benchmarks/faults tries them all."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.faults import bad_commands
from benchmarks.faults.lines import command_lines
from wszoo import cli
from wszoo.command_line import options
from wszoo.transferring.freezing import freeze_plan_yaml
from wszoo.transferring.freezing.freeze_plan import FreezePlan


def test_a_sample_of_wrong_lines_of_every_command_is_refused_clearly(tmp_path):
    found = bad_commands.run(tmp_path, seed=0, short=True)
    assert found["tried"] == bad_commands.SHORT
    wrong = [row for row in found["rows"] if "what" not in row]
    assert not wrong, json.dumps(wrong, indent=1)


def test_every_command_and_recipe_has_a_right_line():
    assert {name for name, *_ in command_lines.commands()} == set(command_lines.LINES)


def test_what_a_campaign_takes_for_clear():
    named = bad_commands._named
    assert named("--seeds must be a whole number of at least 1; received 0", "--seeds", "0")
    assert not named("'>' not supported between str and int", "--learning-rate", "0")
    assert named("no model named 'tied_ea'", "model", "tied_ea")
    assert not named("list index out of range", "--plans", ",")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--max-ratio", "nan"], "--max-ratio must be a finite number"),
        (["--max-ratio", "0.5"], "--max-ratio must be a finite number of at least 1"),
        (["--sharing", "untied"], "--sharing is for models and .keras files"),
    ],
)
def test_a_gate_of_a_ci_does_not_open_for_what_is_no_number(tmp_path, given, words):
    (tmp_path / "m.tflite").write_bytes(b"")
    found = CliRunner().invoke(cli.app, ["audit", str(tmp_path / "m.tflite"), *given])
    assert isinstance(found.exception, ValueError) and words in str(found.exception)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-3E+2", -300.0),
        ("5", 5),
        ("012", 12),
        ("0x1f", 31),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("no", "no"),
        ("3:20", "3:20"),
        ("'1e-3'", "1e-3"),
        ("~", None),
    ],
)
def test_plans_are_read_as_yaml_1_2(text, value):
    found = freeze_plan_yaml.load(f"a: {text}")["a"]
    assert found == value and type(found) is type(value)


def test_a_rate_without_a_point_is_the_number_that_everybody_means(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text("phases: [{name: top, train: [head, block_5], epochs: 2, learning_rate: 1e-3}]")
    assert FreezePlan.from_yaml(file).phases[0].learning_rate == 1e-3


# Which sites there are is known from the model alone.
@pytest.mark.parametrize("name", sorted(set(bad_commands.PLANS) - {"site.yaml"}))
def test_a_file_that_is_no_plan_is_named_with_what_is_wrong(tmp_path, name):
    file = tmp_path / name
    file.write_text(bad_commands.PLANS[name])
    with pytest.raises(ValueError, match=name) as error:
        FreezePlan.from_yaml(file)
    said = str(error.value)
    if "name: a" in bad_commands.PLANS[name] and name not in ("stages.yaml", "pattern.yaml"):
        assert "phase" in said or "'a'" in said


def test_a_folder_to_write_to_may_be_new_but_not_behind_a_file(tmp_path):
    check = options.option_values.new_folder
    assert check("--out", tmp_path / "a" / "b") == tmp_path / "a" / "b"
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(OSError, match=r"--out must be a folder to write to; .*is a file"):
            check("--out", wrong)
