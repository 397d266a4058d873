"""Imports run one way: recipes and benchmarks → wszoo, and inside wszoo as drawn below."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import wszoo

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wszoo"
EVERYWHERE = {
    "_lazy",
    "_version",
    "arguments",
    "checks",
    "checksums",
    "declared",
    "files",
    "keras_settings",
    "private",
    "shown",
    "locks",
    "user_cache",
}  # may import one another alone
RUNS = {"batches", "claims", "fingerprints"}  # what runs that can be resumed have in common

# What each part of wszoo may import of wszoo beside itself.
MAY_IMPORT = {
    "_classes": {"layers"},  # registered with Keras when they are imported
    "_lazy": set(),
    "_version": set(),
    "__init__": None,  # offers everything, and imports it when it is used
    "arguments": {"checks"},
    "batches": set(),
    "checks": set(),
    "checksums": set(),
    "declared": set(),
    "command_line": {"claims", "data", "exporting"},  # if a run was taken up; what words may be
    "files": set(),
    "keras_settings": set(),
    "private": set(),
    "shown": set(),
    "locks": set(),
    "user_cache": set(),
    "input_range": {"sharing"},
    "fingerprints": set(),
    "claims": {"fingerprints", "sharing"},
    "layers": set(),
    "sharing": set(),  # but for files/loading.py, see below
    "relaxed": {"sharing", "layers"},
    "data": {"batches", "fingerprints"},
    "tasks": {"data", "layers", "sharing"},
    "packaged": {"cards", "models", "registry", "weights"},  # it writes weights as all are written
    "cards": set(),
    "weight_checks": {"sharing"},
    "weights": {"cards", "packaged", "sharing", "weight_checks"},  # some tags are in packages
    "entry": {"sharing"},
    "pretrained": {"cards", "entry", "sharing", "weights"},
    "model_info": {"cards", "packaged", "registry", "weights"},
    "registry": {
        "entry",
        "pretrained",
        "sharing",
        "weights",
        "models",
    },  # it imports the models by looking for them
    "models": {"layers", "sharing", "registry"},
    "training": {"batches", "tasks", "sharing", "registry", "data", "weights"},
    "report": set(),
    "pictures": {"report"},
    "transferring": {
        *RUNS,
        "tasks",
        "input_range",
        "sharing",
        "registry",
        "data",
        "weights",
        "layers",
        "training",
    },
    "comparison": {
        *RUNS,
        "tasks",
        "sharing",
        "registry",
        "data",
        "training",
        "transferring",
        "report",
    },
    "tuner": {
        *RUNS,
        "sharing",
        "registry",
        "data",
        "weights",
        "layers",
        "training",
        "transferring",
        "relaxed",
    },
    "exporting": {"tasks", "sharing", "registry", "data", "weights", "layers"},
    "fitting": {"data", "input_range", "sharing", "tasks"},
    "evaluation": {
        "cards",
        "fitting",
        "tasks",
        "sharing",
        "registry",
        "data",
        "weights",
        "training",
        "exporting",
    },
    "predicting": {"cards", "data", "exporting", "registry", "sharing", "tasks"},
    "recipes": None,  # everything
    "cli": None,  # everything
    "__main__": {"cli"},
}
KERAS_TUNER = PACKAGE / "tuner" / "searching"  # its classes are made of KerasTuner's
FILES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "recipes").glob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree):
    """Every module, as far as names tell, that a syntax tree imports: `a.b` and, from it, `c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield node, node.module, alias.name


def parts_imported(path):
    """The parts of wszoo that a file imports, and those that its lazy exports stand for."""
    tree = ast.parse(path.read_text())
    for _, module, name in imports(tree):
        names = module.split(".")
        if names[0] == "wszoo":
            yield names[1] if len(names) > 1 else (name or "__init__")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "exports":
            for value in ast.walk(node.args[1]):
                if isinstance(value, ast.Constant) and str(value.value).startswith("wszoo."):
                    yield value.value.split(".")[1]


def test_there_is_something_to_look_at():
    assert {"layers", "sharing", "models", "data", "registry"} <= {part_of(f) for f in FILES}
    assert {part_of(file) for file in FILES} <= set(MAY_IMPORT)
    assert "sharing" in set(parts_imported(PACKAGE / "weights.py"))
    assert "layers" in set(parts_imported(PACKAGE / "models" / "autoencoders.py"))
    assert SCRIPTS


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_parts_import_in_one_direction(file):
    part = part_of(file)
    allowed = MAY_IMPORT[part]
    if allowed is None:
        return
    allowed = allowed | EVERYWHERE | {part}
    if file == PACKAGE / "sharing" / "files" / "loading.py":
        allowed |= {"_classes"}  # reading a file needs the classes registered with Keras
    assert set(parts_imported(file)) <= allowed


# Files that call one another all the same: a value may hold a model, and a model values; weights
# may come from a package, which keeps weights.
TWO_WAYS = {
    frozenset({"fingerprints/models.py", "fingerprints/values.py"}),
    frozenset({"exporting/formats/__init__.py", "exporting/formats/format.py"}),
    frozenset({"packaged/keeping.py", "weights.py"}),
}


def called_files(path):
    """The files of wszoo from which a file takes what it runs: imports for types are none."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node, module, name in imports(tree):
        places = [] if id(node) in for_types else [f"{module}.{name}", module]
        files = (PLACES[place] for place in places if place in PLACES)
        yield from list(files)[:1]


def place_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PLACES = {place_of(file): file for file in FILES}


def test_no_two_files_call_one_another():
    calls = {file: set(called_files(file)) - {file} for file in FILES}
    run = PACKAGE / "transferring" / "run.py"
    assert PACKAGE / "transferring" / "training" / "loop.py" in calls[run]
    both = {frozenset({a, b}) for a, others in calls.items() for b in others if a in calls[b]}
    assert {frozenset(str(f.relative_to(PACKAGE)) for f in pair) for pair in both} <= TWO_WAYS


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_tensorflow_is_imported_inside_functions(file):
    tree = ast.parse(file.read_text())
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    heavy = {"tensorflow", "tensorflow_datasets", "keras_tuner", "jax", "ai_edge_litert"}
    if file.parent == KERAS_TUNER:
        heavy -= {"keras_tuner"}
    eager = [m for node, m, _ in imports(tree) if id(node) not in lazy]
    assert not heavy & {module.split(".")[0] for module in eager}


@pytest.mark.parametrize("part", ["layers", "sharing", "models"])
def test_layers_sharing_and_models_run_on_any_backend(part):
    for file in (PACKAGE / part).rglob("*.py"):
        roots = {m.split(".")[0] for _, m, _ in imports(ast.parse(file.read_text()))}
        assert not roots & {"tensorflow", "jax", "torch", "tensorflow_datasets"}, file


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda f: f.name)
def test_scripts_use_the_public_names_alone(file):
    for _, module, name in imports(ast.parse(file.read_text())):
        if module.split(".")[0] == "wszoo":
            private = [n for n in [*module.split("."), name or ""] if n.startswith("_")]
            assert not private, (module, name)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_the_package_imports_no_script_and_no_test(file):
    roots = {module.split(".")[0] for _, module, _ in imports(ast.parse(file.read_text()))}
    scripts = {script.stem for script in SCRIPTS}
    assert not roots & ({"recipes", "benchmarks", "tests", "pytest"} | scripts)


def test_importing_wszoo_imports_no_framework():
    script = "import sys, wszoo; print({'keras', 'tensorflow', 'jax', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_the_public_names_are_there():
    for name in wszoo.__all__:
        assert getattr(wszoo, name) is not None
    assert set(wszoo.__all__) - {"__version__"} == set(dir(wszoo))
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = wszoo.nothing
