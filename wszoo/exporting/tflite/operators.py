"""Operators of a `.tflite` file's objects: who reads what, and new ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.tflite.file import schema

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT, SubGraphT


@dataclass(frozen=True)
class Reader:
    """One use of a tensor: input number `position` of `operator`."""

    operator: "OperatorT"
    position: int


def code(model: "ModelT", operator: "OperatorT") -> int:
    """The operator's number in `BuiltinOperator`. Old files keep it in a one-byte field."""
    entry = model.operatorCodes[operator.opcodeIndex]
    return max(entry.builtinCode, entry.deprecatedBuiltinCode)


def opcode_index(model: "ModelT", builtin: int, version: int) -> int:
    """Where the model lists a builtin operator in a version; added where it is missing."""
    for index, entry in enumerate(model.operatorCodes):
        found = max(entry.builtinCode, entry.deprecatedBuiltinCode)
        if (found, entry.version) == (builtin, version) and entry.customCode is None:
            return index
    entry = schema().OperatorCodeT(
        builtinCode=builtin, deprecatedBuiltinCode=min(builtin, 127), version=version
    )
    model.operatorCodes.append(entry)
    return len(model.operatorCodes) - 1


def new_operator(
    model: "ModelT",
    builtin: str,
    inputs: list[int],
    outputs: list[int],
    options: object,
    version: int = 1,
) -> "OperatorT":
    """An operator by its name in the schema, such as `"DENSIFY"`, with its options object."""
    kind = type(options).__name__.removesuffix("T")
    return schema().OperatorT(
        opcodeIndex=opcode_index(model, getattr(schema().BuiltinOperator, builtin), version),
        inputs=np.array(inputs, np.int32),
        outputs=np.array(outputs, np.int32),
        builtinOptionsType=getattr(schema().BuiltinOptions, kind),
        builtinOptions=options,
    )


def readers(graph: "SubGraphT") -> dict[int, list[Reader]]:
    """Tensor index → its uses as an input, over one subgraph."""
    found: dict[int, list[Reader]] = {}
    for operator in graph.operators:
        for position, tensor in enumerate(operator.inputs):
            found.setdefault(int(tensor), []).append(Reader(operator, position))
    return found


def view_of(graph: "SubGraphT", t: int, buffer: int, shape: Iterable[int]) -> int:
    """Adds a tensor like `t` that reads `buffer` in `shape`; its number."""
    like = graph.tensors[t]
    graph.tensors.append(
        schema().TensorT(
            shape=np.array(shape, np.int32),
            type=like.type,
            buffer=buffer,
            name=(like.name or b"") + b";shared",
            quantization=like.quantization,
            hasRank=True,
        )
    )
    return len(graph.tensors) - 1


def operator_names() -> dict[int, str]:
    """Number of a builtin operator → its name in the schema."""
    return {v: k for k, v in vars(schema().BuiltinOperator).items() if isinstance(v, int)}


def drop_outputs(model: "ModelT", prefix: str) -> None:
    """Takes outputs whose signature name begins with `prefix` out of signatures and subgraphs."""
    for signature in model.signatureDefs or []:
        graph = model.subgraphs[signature.subgraphIndex]
        gone = {o.tensorIndex for o in signature.outputs if o.name.decode().startswith(prefix)}
        signature.outputs = [o for o in signature.outputs if o.tensorIndex not in gone]
        graph.outputs = np.array([i for i in graph.outputs if i not in gone], np.int32)
