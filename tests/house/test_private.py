"""Private names of Keras, TensorFlow, TFDS and KerasTuner stand in wszoo/private.py alone."""

import ast
from pathlib import Path

import pytest

import wszoo

PACKAGE = Path(wszoo.__file__).parent
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "private.py"]
SAVED_MODEL_READER = {"os._exit"}


def names_of_wszoo(trees):
    """Private attributes, functions and modules that wszoo itself defines."""
    names = {path.stem for path in PACKAGE.rglob("_*.py")}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


TREES = {path: ast.parse(path.read_text()) for path in FILES}
OURS = names_of_wszoo(TREES.values())


def foreign(path, tree):
    """Private attributes that are read, and that wszoo does not define."""
    for node in ast.walk(tree):
        name = None
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr"):
            name = getattr(node.args[1], "value", None) if len(node.args) > 1 else None
        if not isinstance(name, str) or not name.startswith("_") or name.startswith("__"):
            continue
        if name not in OURS and ast.unparse(node) not in SAVED_MODEL_READER:
            yield f"{path.relative_to(PACKAGE)}:{node.lineno} {name}"


def test_there_is_something_to_look_at():
    assert len(FILES) > 150
    assert "_label_of" not in OURS
    sample = ast.parse("model._a_name_of_keras; getattr(model, '_another')")
    assert len(list(foreign(PACKAGE / "x.py", sample))) == 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_name_of_another_package(path):
    assert list(foreign(path, TREES[path])) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_module_of_another_package(path):
    hidden = ("keras.src", "tensorflow.python", "keras_tuner.src")
    for node in ast.walk(TREES[path]):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.startswith(hidden)]
