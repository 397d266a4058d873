"""Takes out of a SavedModel's graph what no server reads.

For a small model the graph is larger than it need be: of a CNN's 125 KB a third is the function
that would write the variables again, and of a transformer's 120 KB half are the names of nodes.
What loading uses stays: the restore function, the object graph, and the signatures.
"""

from pathlib import Path
from typing import Any


def slim_graph(folder: Path) -> None:
    """Rewrites `saved_model.pb` (not atomically: `folder` is one that is being made).

    Gone are the function that writes variables and the shapes noted beside nodes, which loading
    infers. If the model writes no variable, constants and reads of variables that are the same
    become one node, and nodes keep only the layer of their name:
    `functional_1/dense_1/Tensordot/Reshape` becomes `dense_1/17`, in the body of a loop `n17`.
    """
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.saved_model import fingerprinting_utils

    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta in saved.meta_graphs:
        graph, functions = meta.graph_def, meta.graph_def.library.function
        saver = meta.saver_def.save_tensor_name.partition(":")[0]
        for call in [node for node in graph.node if node.name == saver]:
            graph.node.remove(call)
            for unused in [f for f in functions if f.signature.name == call.attr["f"].func.name]:
                functions.remove(unused)
        for nodes in (graph.node, *(function.node_def for function in functions)):
            for node in nodes:
                node.attr.pop("_output_shapes", None)
                node.attr.pop("_has_manual_control_dependencies", None)  # for tracing alone
        plain = [f for f in functions if "traced_restore" not in f.signature.name]
        # Where a model counts or draws, a read before a write is not one after it.
        if not any("Assign" in node.op for function in plain for node in function.node_def):
            for function in plain:
                _shorten(function)
    path.write_bytes(saved.SerializeToString(deterministic=True))
    fingerprinting_utils.write_fingerprint(str(folder))


def _shorten(function: Any) -> None:
    """Merges equal sources (constants, reads) of a function that writes nothing; renames nodes."""
    name: dict[str, str] = {}
    kept: dict[tuple, str] = {}
    merged = []
    body = "while_" in function.signature.name
    for i, node in enumerate(function.node_def):
        path = node.name.split("/")
        new = f"n{i}" if body else f"{path[min(1, len(path) - 1)]}/{i}"
        if node.op in ("Const", "ReadVariableOp") and not any(x[0] == "^" for x in node.input):
            attributes = tuple((k, v.SerializeToString()) for k, v in sorted(node.attr.items()))
            new_or_old = kept.setdefault((node.op, tuple(node.input), attributes), new)
            if new_or_old != new:
                merged.append(node)
            new = new_or_old
        name[node.name] = new

    def renamed(reference: str) -> str:
        """An input: `node:output:0`, `^node`, or the name of an argument."""
        mark = "^" if reference.startswith("^") else ""
        node, colon, rest = reference.removeprefix("^").partition(":")
        return f"{mark}{name.get(node, node)}{colon}{rest}"

    for node in merged:
        function.node_def.remove(node)
    for node in function.node_def:
        node.name = name[node.name]
        inputs = list(dict.fromkeys(x for x in map(renamed, node.input) if x[0] == "^"))
        inputs = [renamed(x) for x in node.input if x[0] != "^"] + inputs
        del node.input[:]
        node.input.extend(inputs)
    for key, value in list(function.ret.items()):
        function.ret[key] = renamed(value)
    seen: set[str] = set()
    for key, value in sorted(function.control_ret.items()):
        function.control_ret[key] = renamed(value)
        if renamed(value) in seen:  # its node was merged with another that also has to run
            del function.control_ret[key]
            function.signature.control_output.remove(key)
        seen.add(renamed(value))
