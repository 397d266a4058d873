"""Where the laws of each module of wszoo stand: `python tests/house/test_where.py` prints it.

A module's laws are in the test file of its name and in those that import it; those of a part that
no test imports are in the tests of the modules that are made of it, or of what LAWS says.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

import wszoo

PACKAGE = Path(wszoo.__file__).parent
TESTS = Path(__file__).resolve().parents[1]
# Modules and rooms whose laws are asked of the package, of a command or of another process.
LAWS = {
    "__main__.py": "cli/test_cli.py",
    "_classes.py": "sharing/test_files.py",
    "_lazy.py": "house/test_doors.py",
    "_version.py": "house/test_doors.py",
    "arguments/": "benchmarks/test_bad_calls.py",
    "cli/": "cli/test_cli.py",
    "command_line/": "command_line/test_stopping.py",
    "data/formats/": "data/test_data_folders.py",
    "data/formats/tables.py": "data/test_data_text.py",
    "data/sets/texts.py": "data/test_data_text.py",
    "exporting/parity/": "exporting/test_parity.py",
    "exporting/saved_model/": "exporting/test_foreign_saved_models.py",
    "exporting/saved_model/reader.py": "exporting/test_checker.py",
    "exporting/tflite/": "exporting/test_export_litert.py",
    "exporting/tflite/describe.py": "exporting/test_meaning.py",
    "exporting/tflite/metadata.py": "exporting/test_meaning.py",
    "fingerprints/": "fingerprints/test_fingerprints.py",
    "layers/": "layers/test_transformer_layers.py",
    "model_info.py": "test_registry.py",
    "models/": "models/test_contract.py",
    "predicting/": "predicting/test_predicting.py",
    "private.py": "house/test_private.py",
    "recipes/anomaly/": "recipes/test_recipes_time.py",
    "recipes/classify_audio/": "recipes/test_recipes_time.py",
    "recipes/compare/": "recipes/test_recipes_compare.py",
    "recipes/compress/": "recipes/test_recipes_compress.py",
    "recipes/denoise/": "recipes/test_recipes.py",
    "recipes/export_all/": "recipes/test_recipes.py",
    "recipes/finetune/": "recipes/test_recipes_finetune.py",
    "recipes/label_curve/": "recipes/test_recipes_label_curve.py",
    "recipes/language_model/": "recipes/test_recipes_text.py",
    "recipes/multitask/": "recipes/test_recipes_multitask.py",
    "recipes/pretrain/": "recipes/test_recipes_pretrain.py",
    "recipes/search_ties/": "recipes/test_recipes_search.py",
    "relaxed/": "relaxed/test_relax.py",
    "sharing/files/": "sharing/test_files.py",
    "tasks/": "tasks/test_tasks.py",
    "transferring/training/": "transferring/test_transfer_run.py",
    "tuner/racing/": "tuner/test_race.py",
}
MODULES = sorted(
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"  # what packages offer is held by test_doors.py
)
FILES = sorted(TESTS.rglob("test_*.py"))


@cache
def imported(file: Path) -> set[str]:
    """Modules of wszoo, as paths in it, that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {f"{name.removeprefix('wszoo.').replace('.', '/')}.py" for name in names}


def is_named(file: Path, module: str) -> bool:
    """If a test file has a module's name and stands in its room, whose name may stand before it."""
    *rooms, stem = module.removesuffix(".py").strip("_").split("/")
    short = {"transferring": "transfer", "exporting": "export"}
    names = {f"test_{stem}.py", *(f"test_{short.get(room, room)}_{stem}.py" for room in rooms)}
    return file.name in names and file.parent == TESTS.joinpath(*rooms[:1])


@cache
def own_tests(module: str) -> tuple[Path, ...]:
    """The test file of a module's name first, then those that import it."""
    by_name = [file for file in FILES if is_named(file, module)]
    return (*by_name, *(file for file in FILES if module in imported(file) and file not in by_name))


def listed(module: str) -> str:
    """The entry of LAWS that a module falls under: its own, or its room's."""
    return max((entry for entry in LAWS if module.startswith(entry)), key=len, default="")


def laws_of(module: str) -> list[str]:
    """The files that hold a module's laws."""
    files = own_tests(module)
    if not files and (entry := listed(module)):
        return [LAWS[entry]]
    if not files:
        whole = [other for other in MODULES if module in imported(PACKAGE / other)]
        files = tuple(dict.fromkeys(file for other in whole for file in own_tests(other)))
    return [file.relative_to(TESTS).as_posix() for file in files]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_a_file_that_holds_its_laws(module):
    assert laws_of(module), f"write tests/…/test_{Path(module).stem}.py, or say in LAWS where"


def test_no_entry_is_dead():
    used = {listed(module) for module in MODULES if not own_tests(module)}
    assert sorted(LAWS) == sorted(used - {""})
    assert not [file for file in LAWS.values() if not (TESTS / file).is_file()]


if __name__ == "__main__":
    for each in MODULES:
        print(f"{each:45} {' '.join(laws_of(each)[:3])}")
