"""The process that runs `.tflite` files and SavedModels by their own runtimes, without wszoo.

Asked and answering as `reading.py`. What crashes here would crash any program that runs the file.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Answers until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from benchmarks.faults.files.reading import digest

    for line in sys.stdin:
        request = json.loads(line)
        try:
            path = request["path"]
            outputs = lite(path) if path.endswith(".tflite") else served(path)
            answer: dict[str, Any] = {"numbers": digest(outputs)}
        except Exception as error:
            answer = {"error": [[k.__name__ for k in type(error).__mro__], str(error)]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def lite(path: str) -> dict[str, np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(path, num_threads=1).get_signature_runner()
    return runner(**{name: np.full(spec["shape"], 0.5, spec["dtype"])
                     for name, spec in runner.get_input_details().items()})  # fmt: skip


def served(path: str) -> dict[str, np.ndarray]:
    import tensorflow as tf

    run = tf.saved_model.load(path).signatures["serving_default"]
    inputs = {name: tf.fill([1, *spec.shape[1:]], tf.cast(0.5, spec.dtype))
              for name, spec in run.structured_input_signature[1].items()}  # fmt: skip
    return {name: value.numpy() for name, value in run(**inputs).items()}


if __name__ == "__main__":
    main()
