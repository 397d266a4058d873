"""The installed `wszoo`: every recipe a command, help at once, and a wheel that has it all."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wszoo import cli
from wszoo.command_line import command_of, starting
from wszoo.recipes import label_curve
from wszoo.transferring import rivals

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"keras", "tensorflow", "jax", "scipy", "sklearn", "matplotlib", "h5py", "PIL", "pandas"}
SECONDS = 1.0  # of a processor, for help with the start of Python
HELP = """
import json, sys
from typer.testing import CliRunner
from wszoo.cli import COMMANDS, app
pages = {}
for name in COMMANDS:
    done = CliRunner().invoke(app, [name, "-h"], prog_name="wszoo")
    pages[name] = [done.exit_code, done.stdout]
print(json.dumps([pages, sorted(sys.modules)]))
"""


def python(*arguments, **environment):
    command = [sys.executable, *map(str, arguments)]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_help_of_every_command_imports_nothing_heavy():
    before = os.times()
    done = python("-c", HELP)
    after = os.times()
    assert done.returncode == 0, done.stderr
    pages, modules = json.loads(done.stdout)
    assert pages.keys() == set(cli.COMMANDS)
    assert all(code == 0 and f"wszoo {name}" in page for name, (code, page) in pages.items())
    assert not HEAVY & set(modules)
    spent = after.children_user - before.children_user
    assert spent < SECONDS * len(pages) / 2, "all of them, in the time of half of them"


def test_every_script_is_a_command_and_every_recipe_has_a_script():
    scripts = {path.stem.replace("_", "-") for path in (ROOT / "recipes").glob("*.py")}
    assert scripts == set(cli.RECIPES)
    page = python(ROOT / "recipes" / "denoise.py", "--help")
    assert page.returncode == 0 and "Usage: denoise.py" in page.stdout


def test_what_options_name_is_what_there_is():
    assert set(label_curve.WAYS) == set(rivals.WAYS)


def test_a_shell_completes_commands():
    words = {"COMP_WORDS": "wszoo comp", "COMP_CWORD": "1", "_WSZOO_COMPLETE": "complete_bash"}
    done = python(
        "-c", "import sys; sys.argv[0] = 'wszoo'; from wszoo.cli import main; main()", **words
    )
    assert done.stdout.split() == ["compare", "compress"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package as it is installed from a wheel, unpacked."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
        names = archive.namelist()
    return folder / "site", names


def test_a_wheel_has_recipes_and_weights(wheel):
    place, names = wheel
    assert not [name for name in names if name.startswith(("recipes/", "tests/", "benchmarks/"))]
    assert "wszoo = wszoo.cli:main" in "".join(
        path.read_text() for path in place.glob("*.dist-info/entry_points.txt")
    )
    environment = {"PYTHONPATH": str(place)}
    listed = python("-P", "-m", "wszoo", "list", "--json", **environment)
    weights = {row["name"]: row["weights"] for row in json.loads(listed.stdout)}
    assert "omniglot" in weights["conv_net"]
    page = python("-P", "-m", "wszoo", "finetune", "-h", **environment)
    assert page.returncode == 0 and "--compare" in page.stdout, page.stderr
    where = python("-P", "-c", "import wszoo; print(wszoo.__file__)", **environment)
    assert where.stdout.startswith(str(place))


def test_what_libraries_write_while_they_start_is_kept_back(capfd):
    with starting.kept_back():
        os.write(2, b"a library speaks\n")
    assert capfd.readouterr().err == ""
    with pytest.raises(ImportError), starting.kept_back():
        os.write(2, b"no driver\n")
        raise ImportError("nothing")
    assert capfd.readouterr().err == "no driver\n"


def test_options_are_refused_before_the_command_is_imported():
    from dataclasses import dataclass

    @dataclass
    class Options:
        least: int = 0

        def __post_init__(self):
            if self.least < 0:
                raise ValueError("least")

    command = command_of(Options, "no.such.module")
    with pytest.raises(ValueError, match="least"):
        command(least=-1)
    with pytest.raises(ImportError):
        command(least=1)


def test_int8_takes_the_data_that_a_finetune_learnt_from(tmp_path, capsys):
    from wszoo.cli import export_files
    from wszoo.cli.export import Export

    model = tmp_path / "model.keras"
    model.touch()
    asked = {way: Export(str(model), tmp_path, precision=way) for way in ("int8", "float32")}
    assert export_files.data_for(str(model), asked["int8"]) is None
    (tmp_path / "metrics.json").write_text(json.dumps({"data": "my_photos"}))
    assert export_files.data_for(str(model), asked["int8"]) == "my_photos"
    assert "calibrated on my_photos" in capsys.readouterr().out
    assert export_files.data_for(str(model), asked["float32"]) is None
    assert export_files.data_for("conv_net.mnist", asked["int8"]) == "card"
