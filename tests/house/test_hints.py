"""Hints are true: an argument or option that a message names exists where its reader can give it.

Every text of the package that is no docstring is read for `word=` and `--option`. A `word=` inside
a spelled call, as in `np.unique(y, return_inverse=True)`, is an argument of that function; one
alone is an argument of what a user calls to come to the message (`ENTRIES`, by part of the package)
or of something that the message names in full, such as `keras.layers.ReversibleEmbedding`.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import wszoo
import wszoo.cli
import wszoo.registry
from wszoo.arguments import parameters

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wszoo"
CALL = re.compile(r"([A-Za-z_][\w.]*)\(([^()]*)\)")
WORD = re.compile(r"(?<![\w.$])([a-z_]\w*)=(?![=>])")
FULL = re.compile(r"\b(?:keras|wszoo|np)(?:\.\w+)+")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")

# What a user calls and, deeper, gets messages of this part from.
ENTRIES = {
    "data": [
        "wszoo.data:load",
        "wszoo.data:from_arrays",
        "wszoo.data.formats.series:read_csv",
        "wszoo.transferring.run:transfer",  # it loads what it is given by name
    ],
    "exporting": ["wszoo.exporting.api:export"],
    "tasks": ["wszoo.transferring.run:transfer"],
    "input_range": ["wszoo.transferring.run:transfer"],
    "pretrained": ["wszoo.registry:get"],
    "registry": ["wszoo.registry:get", "wszoo.registry:register"],
    "relaxed": ["wszoo.relaxed.relaxing:relax", "wszoo.relaxed.merging:merge_relaxed"],
    "sharing": [
        "wszoo.sharing.files.loading:load",
        "wszoo.sharing.files.saving:save",
        "wszoo.sharing.surgery.retie:retie",
    ],
    # Notes speak of the policy of a freeze plan.
    "transferring": [
        "wszoo.transferring.run:transfer",
        "wszoo.transferring.freezing.freeze:freeze",
    ],
    "tuner": ["wszoo.tuner.searching.search:search", "wszoo.tuner.pricing.suggest:suggest"],
}
NAMES = {"np": np, "y": np.ndarray, "keras": keras, "wszoo": wszoo}  # as messages spell them
# Words before `=` that are no arguments.
EXCEPTIONS = {
    ("exporting/saved_model/serving.py", "type"),  # of a docker command
    ("exporting/saved_model/serving.py", "source"),
    ("exporting/saved_model/serving.py", "target"),
    ("comparison/arms.py", "label"),  # `label=PLAN` is how an arm is spelled
    ("recipes/anomaly/__init__.py", "sensor"),  # a column of a file
    ("recipes/compare/__init__.py", "label"),
    ("exporting/tflite/build.py", "input_range"),  # a fact, and these have any name
    ("sharing/keras_errors.py", "config"),  # where Keras' own messages are cut
}


def texts(tree):
    """Strings of a syntax tree without its docstrings, `{}` for what an f-string puts in."""
    aside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            aside.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            aside |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in aside:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [p.value if isinstance(p, ast.Constant) else "{}" for p in node.values]
            yield "".join(parts)


def arguments(function):
    """Names that a call may give; of a layer also those of its own calls."""
    if function is keras.Model:  # its signature is *args, **kwargs
        return {"inputs", "outputs", "name"}
    names = set(parameters(function))
    if inspect.isclass(function) and issubclass(function, keras.layers.Layer):
        names |= set(inspect.signature(function.call).parameters)
    if function is wszoo.registry.get:  # and the settings of what it builds
        names |= {key for name in wszoo.list_models() for key in wszoo.info(name).config}
    return names


def entry_arguments(file):
    """The arguments of what a user calls to come to a message in this file."""
    part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part == "layers":
        layers = [getattr(wszoo.layers, name) for name in dir(wszoo.layers)]
        return set().union(*(arguments(layer) for layer in layers if inspect.isclass(layer)))
    if part == "models":
        return arguments(wszoo.registry.get)
    places = [place.split(":") for place in ENTRIES.get(part, [])]
    functions = [getattr(importlib.import_module(module), name) for module, name in places]
    return set().union(*map(arguments, functions))


def called(spelling, module):
    """The object of a dotted name as a message spells it, or `None`."""
    first, *rest = spelling.split(".")
    found = NAMES.get(first, getattr(module, first, None))
    for name in rest:
        found = getattr(found, name, None)
    return found


def false_hints(text, file):
    """The arguments that a text of a file names and nobody can give."""
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    false = []
    for spelling, inside in CALL.findall(text):
        words = WORD.findall(inside)
        if words and (function := called(spelling, module)) is not None:
            false += [word for word in words if word not in arguments(function)]
            text = text.replace(f"{spelling}({inside})", "")
    named = [called(spelling, module) for spelling in FULL.findall(text)]
    valid = entry_arguments(file).union(*(arguments(f) for f in named if callable(f)))
    alone = [word for word in WORD.findall(text) if word not in valid]
    place = str(file.relative_to(PACKAGE))
    return [word for word in [*false, *alone] if (place, word) not in EXCEPTIONS]


def options(command):
    """The options of a typer command, and of those within it."""
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union(*map(options, getattr(command, "commands", {}).values()))


FILES = {
    file: hints
    for file in sorted(PACKAGE.rglob("*.py"))
    if (hints := [t for t in texts(ast.parse(file.read_text())) if WORD.search(t)])
}


def test_there_are_hints_to_read():
    assert len(FILES) > 20 and sum(map(len, FILES.values())) > 40


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_arguments_that_messages_name_exist(file):
    false = {text: words for text in FILES[file] if (words := false_hints(text, file))}
    assert not false


def test_a_false_hint_is_found():
    convert, files = (
        PACKAGE / "exporting" / "tflite" / "convert.py",
        PACKAGE / "sharing" / "files" / "saving.py",
    )
    assert false_hints("give one, such as batch=1", convert) == ["batch"]
    assert not false_hints("give one, such as signature_batch=1", convert)
    assert false_hints("take wszoo.load(path, safe_mode=False)", files) == ["safe_mode"]
    assert not false_hints("take keras.saving.load_model(path, safe_mode=False)", files)
    assert false_hints("pass safe_mode=False", files) == ["safe_mode"]
    assert not false_hints("pass safe_mode=False to keras.saving.load_model", files)


def test_options_that_messages_name_exist():
    known = {"--json", "--version", "--set", "--help"}
    known |= {"--mount", "--force-reinstall", "--no-deps"}  # of docker and pip
    known = known.union(*map(options, map(wszoo.cli.command, wszoo.cli.COMMANDS)))
    for file in sorted(PACKAGE.rglob("*.py")):
        for text in texts(ast.parse(file.read_text())):
            assert set(OPTION.findall(text)) <= known, (file, text)


@pytest.mark.parametrize("recipe", wszoo.cli.RECIPES)
def test_options_that_a_recipe_names_are_its_own(recipe):
    files = sorted((PACKAGE / "recipes" / recipe.replace("-", "_")).glob("*.py"))
    assert len(files) > 1
    trees = [ast.parse(file.read_text()) for file in files]
    named = {word for tree in trees for text in texts(tree) for word in OPTION.findall(text)}
    assert named <= options(wszoo.cli.command(recipe))


def test_limits_that_export_names_are_options_too():
    export = wszoo.cli.command("export")
    assert {"--bound", "--max-loss", "--signature-batch"} <= options(export)
