"""Public names: typed for editors and checkers, imported when they are used."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wszoo

PARTS = ("exporting", "layers", "relaxed", "transferring", "tuner")
PACKAGES = ["wszoo", *(f"wszoo.{part}" for part in PARTS)]
EAGER = ["wszoo.comparison", "wszoo.data", "wszoo.tasks"]


def for_checkers(package):
    """The names that a type checker sees: those imported under `if TYPE_CHECKING`."""
    tree = ast.parse(Path(package.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.name for node in block.body for alias in node.names}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_checker_sees_the_names_that_are_there(name):
    package = importlib.import_module(name)
    public = set(package.__all__) - {"__version__"}
    assert for_checkers(package) == public == set(dir(package)) - {"__version__"}
    assert all(getattr(package, each) is not None for each in public)


@pytest.mark.parametrize("name", EAGER)
def test_packages_without_lazy_names_have_what_they_list(name):
    package = importlib.import_module(name)
    assert all(hasattr(package, each) for each in package.__all__)


def test_transfer_and_export_are_functions_whose_arguments_show():
    import wszoo.exporting.api
    import wszoo.transferring.run

    for function, first in ((wszoo.transfer, "backbone"), (wszoo.export, "model")):
        assert inspect.isfunction(function)
        assert next(iter(inspect.signature(function).parameters)) == first


def is_error(value):
    return inspect.isclass(value) and issubclass(value, BaseException)


@pytest.mark.parametrize("name", [*PACKAGES, *EAGER])
def test_no_argument_and_no_result_of_a_public_function_is_any(name):
    package = importlib.import_module(name)
    values = [getattr(package, each) for each in package.__all__]
    functions = [value for value in values if callable(value) and not is_error(value)]
    assert functions
    for function in functions:
        signature = inspect.signature(function)
        said = [signature.return_annotation]
        said += [p.annotation for p in signature.parameters.values()
                 if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]  # fmt: skip
        assert not any(each in (Any, "Any") for each in said), function


@pytest.mark.slow
def test_a_type_checker_knows_public_names_and_plain_keywords(tmp_path):
    pytest.importorskip("mypy", reason="mypy is in the extra 'dev'")
    names = [
        f"{name}.{each}"
        for name in [*PACKAGES, *EAGER]
        for each in importlib.import_module(name).__all__
        if not inspect.ismodule(getattr(importlib.import_module(name), each))
    ]
    lines = [f"import {name}" for name in [*PACKAGES, *EAGER]]
    lines += [f"reveal_type({name})" for name in names]
    lines += ["wszoo.transfer('a', epochs=2, lora=4)", "wszoo.transfer('a', epoch=2)"]
    (tmp_path / "program.py").write_text("\n".join(lines))
    root = Path(wszoo.__file__).parents[1]
    places = ["--config-file", root / "pyproject.toml", "--cache-dir", root / ".mypy_cache"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, places), "program.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
    )
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(names), done.stdout + done.stderr
    assert not [line for line in revealed if line.endswith('"Any"')]
    (wrong,) = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert 'Unexpected keyword argument "epoch" for "transfer"' in wrong
