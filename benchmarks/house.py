"""How the code is laid out, in figures: sizes of files and functions, arguments, documentation.

    python -m benchmarks.house            # of wszoo, its recipes among it, and of benchmarks
    python -m benchmarks.house --worst 10 # and the longest of each
    python -m benchmarks.house --walk     # files that a call of wszoo.transfer goes through

`documented` counts public functions, methods and classes; `annotated` arguments and results of all
functions; `Any` is its share of all names in annotations.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated

import typer

from wszoo.command_line import run

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("wszoo", "benchmarks")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Measured:
    """A function: where it is, its lines, its arguments without `self`, whether it has words."""

    place: str
    lines: int
    arguments: int
    public: bool
    documented: bool


def main(
    worst: Annotated[int, typer.Option(min=0, help="Also name so many of each.")] = 0,
    walk: Annotated[bool, typer.Option(help="Of a call of wszoo.transfer instead.")] = False,
) -> None:
    """Prints a row a part, or a row a room that a call goes through."""
    if walk:
        from benchmarks import walk as walking

        print(walking.page(walking.through_transfer()))
        return
    for part in PARTS:
        files = sorted((ROOT / part).rglob("*.py"))
        functions = [function for file in files for function in functions_of(file)]
        print(part, " · ".join(figures(files, functions)), sep=": ")
        for name, values in worst_of(files, functions, worst).items():
            print(f"   {name}: {', '.join(values)}")


def figures(files: list[Path], functions: list[Measured]) -> list[str]:
    public = [function for function in functions if function.public]
    names = annotation_names(files)
    total = max(1, sum(names.values()))
    return [
        f"{len(files)} files of {spread([lines_of(file) for file in files])} lines",
        f"{len(functions)} functions of {spread([function.lines for function in functions])} lines",
        f"at most {max(function.arguments for function in functions)} arguments",
        f"{sum(function.documented for function in public) / len(public):.0%} documented",
        f"{names['Any'] / total:.1%} Any",
    ]


def worst_of(files: list[Path], functions: list[Measured], many: int) -> dict[str, list[str]]:
    if not many:
        return {}
    long = sorted(files, key=lines_of, reverse=True)[:many]
    by_lines = sorted(functions, key=lambda function: -function.lines)[:many]
    bare = [function.place for function in functions if function.public and not function.documented]
    return {
        "files": [f"{file.relative_to(ROOT)} {lines_of(file)}" for file in long],
        "functions": [f"{function.place} {function.lines}" for function in by_lines],
        "without words": bare[:many],
    }


def functions_of(file: Path) -> Iterator[Measured]:
    """Functions and methods of a file and its public classes; functions in functions are none."""
    tree = ast.parse(file.read_text())
    for node in tree.body:
        yield from _measured(file, node, "")
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from _measured(file, inner, f"{node.name}.")


def _measured(file: Path, node: ast.AST, prefix: str) -> Iterator[Measured]:
    if not isinstance(node, Function | ast.ClassDef):
        return
    if any("overload" in ast.unparse(d) for d in node.decorator_list):
        return  # a spelling of the function that follows
    name, owner = node.name, prefix.rstrip(".")
    property_setter = any("setter" in ast.unparse(d) for d in node.decorator_list)
    public = not name.startswith("_") and not owner.startswith("_") and not property_setter
    inherited = name in INHERITED and bool(owner)
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    arguments = 0
    if isinstance(node, Function):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments = len([a for a in given if a.arg not in ("self", "cls")])
    else:
        lines = 0
    place = f"{file.relative_to(ROOT)}:{prefix}{name}"
    documented = bool(ast.get_docstring(node)) or inherited
    yield Measured(place, lines, arguments, public, documented)


# Methods that a class of Keras or KerasTuner documents.
INHERITED = {
    "build", "call", "compute_mask", "compute_output_shape", "compute_output_spec", "fit",
    "from_config", "get_config", "get_state", "load_model", "load_own_variables",
    "on_epoch_begin", "on_epoch_end", "on_train_batch_end", "on_train_begin", "on_train_end",
    "on_trial_end", "populate_space", "reload", "reset_state", "result", "run_trial", "save",
    "save_own_variables", "score_trial", "set_state", "trainable", "update_state", "update_step",
}  # fmt: skip


def annotation_names(files: list[Path]) -> Counter:
    """How often each name stands in the annotations of arguments, results and fields."""
    counts: Counter = Counter()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            for annotation in _annotations(node):
                counts.update(_names(annotation))
    return counts


def _annotations(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, Function):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        given += [a for a in (node.args.vararg, node.args.kwarg) if a]
        yield from (a.annotation for a in given if a.annotation)
        if node.returns:
            yield node.returns
    elif isinstance(node, ast.AnnAssign):
        yield node.annotation


def _names(annotation: ast.AST) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            with suppress(SyntaxError):  # the words of an option, inside of Annotated
                yield from _names(ast.parse(node.value, mode="eval"))


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def spread(values: list[int]) -> str:
    """Median, ninth decile and most."""
    values = [value for value in values if value]
    return f"{median(values):.0f} / {quantiles(values, n=10)[-1]:.0f} / {max(values)}"


if __name__ == "__main__":
    run(main)
