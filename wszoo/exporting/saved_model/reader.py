"""A program that loads SavedModels as strangers do: with TensorFlow, without Keras or wszoo.

    python -m wszoo.exporting.saved_model.reader

A line on its input asks, a line on its output answers, both JSON. A question has a `folder`, a
`signature`, files with the `inputs` of each call (arrays by `names`) and a folder `out` for
results. It loads the SavedModel anew with `tf.saved_model.load` and in a graph session, makes the
calls one after the other, and answers with the files of results by loader, or with an `error`. It
ends with the program that started it.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Call = dict[str, np.ndarray]
LOADERS = ("tf.saved_model.load", "a graph session")


def main() -> None:
    """Answers until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what TensorFlow or a model prints is no answer
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    prepare()
    while True:
        request = json.loads(requests.get())
        try:
            answer = _answer(request)
        except Exception as error:  # whatever a SavedModel is refused for
            answer = {"error": _sentence(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def prepare() -> None:
    """Imports TensorFlow, which brings Keras along where it finds it: here it does not."""
    without: dict[str, Any] = {"keras": None}  # Python's word for "there is none"
    sys.modules.update(without)
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")


def _listen(requests: "queue.Queue[str]") -> None:
    """In a thread of its own, so that a call that hangs ends too when the asker is gone."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    calls = [_read(path, request["names"]) for path in request["inputs"]]
    results: dict[str, list[list[Any]]] = {}
    for number, (loader, run) in enumerate(zip(LOADERS, (_loaded, _session), strict=True)):
        try:
            outputs = list(run(request["folder"], request["signature"], calls))
        except Exception as error:
            return {"error": _sentence(error), "loader": loader}
        results[loader] = []
        for call, values in enumerate(outputs):
            path = Path(request["out"]) / f"{number}.{call}.npz"
            np.savez(path, *map(_plain, values.values()))
            results[loader].append([list(values), str(path)])
    return {"results": results}


def _sentence(error: Exception) -> str:
    """The first line that says something: TensorFlow goes on for pages."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if len(line) > 2 and line != "Graph execution error:"]
    return f"{type(error).__name__}: {(told or [''])[0][:300]}"


def _loaded(folder: str, signature: str, calls: list[Call]) -> Iterator[Call]:
    import tensorflow as tf

    whole = tf.saved_model.load(folder)
    run = whole.signatures[signature]
    specs = run.structured_input_signature[1]
    for call in calls:
        tensors = {name: tf.constant(_as(v, specs[name].dtype)) for name, v in call.items()}
        yield {name: value.numpy() for name, value in run(**tensors).items()}


def _session(folder: str, signature: str, calls: list[Call]) -> Iterator[Call]:
    """By signature in a session, which is how TensorFlow Serving loads."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.loader.load(session, ["serve"], folder)
        definition = meta.signature_def[signature]
        inputs, outputs = definition.inputs, definition.outputs
        fetches = {name: info.name for name, info in outputs.items()}
        for call in calls:
            feeds = {
                inputs[name].name: _as(value, tf.as_dtype(inputs[name].dtype))
                for name, value in call.items()
            }
            yield session.run(fetches, feeds)


def _as(values: np.ndarray, dtype: Any) -> Any:
    return values.astype(object if values.dtype.kind in "SU" else dtype.as_numpy_dtype)


def _read(path: str, names: list[str]) -> Call:
    with np.load(path) as file:
        return {name: file[f"arr_{i}"] for i, name in enumerate(names)}


def _plain(values: Any) -> np.ndarray:
    """An array of a dtype that NumPy has itself: text as bytes, bfloat16 as float32."""
    array = np.asarray(values)
    if array.dtype.kind in "OSU":
        return array.astype("S")
    return array if array.dtype.kind in "biufc" else array.astype("float32")


if __name__ == "__main__":
    main()
