"""What TF Serving wants beside a SavedModel: warm-up requests, its configuration, the calls."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from wszoo import checks
from wszoo.exporting.names import by_input, input_names
from wszoo.exporting.parity import as_bytes, fixed_batch, input_range, random_inputs

if TYPE_CHECKING:
    import keras

WARMUP = "assets.extra/tf_serving_warmup_requests"  # where TF Serving looks for them


def write_warmup(folder: Path, name: str, inputs: Mapping[str, np.ndarray]) -> Path:
    """Writes one warm-up request to a SavedModel: TF Serving runs it before it serves.

    `name` is the model's name at the server, `inputs` arrays by input name with a batch
    dimension. Raises `ImportError` without the extra `serving`.

    Source: https://www.tensorflow.org/tfx/serving/saved_model_warmup
    """
    import tensorflow as tf

    predict_pb2, prediction_log_pb2 = messages()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = "serving_default"
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    path = folder / WARMUP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    return path


def first_request(
    model: "keras.Model", inputs: Mapping[str, np.ndarray] | None, uint8: bool
) -> dict[str, np.ndarray]:
    """One batch of each input, by name: of one example, or as many as the model fixes.

    The first of those that are given, or random ones.
    """
    size = fixed_batch(model) or 1
    given = random_inputs(model, size) if inputs is None else by_input(model, inputs)
    request = {name: np.asarray(value)[:size] for name, value in given.items()}
    if uint8:
        return as_bytes(request, input_range(model))
    dtypes = {n: t.dtype for n, t in zip(input_names(model), model.inputs, strict=True)}
    return {
        name: value if dtypes[name] == "string" else value.astype(dtypes[name])
        for name, value in request.items()
    }


def messages() -> tuple[ModuleType, ModuleType]:
    """The modules of TF Serving's messages. Raises `ImportError` without the extra `serving`."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "warm-up requests need tensorflow-serving-api: pip install 'wszoo[serving]'"
        ) from error
    return predict_pb2, prediction_log_pb2


def how_to_serve(folder: Path) -> str:
    """The server's configuration and calls for the SavedModel `folder = …/<model>/<version>`.

    The lines can be pasted into a shell as they are, whatever the folder is called.
    """
    name = checks.file_name("the name of the model's folder", folder.parent.name)
    base = folder.parent.resolve()
    mount = shlex.quote(f"{base}:/models/{name}")
    if ":" in str(base):  # -v takes it for the end of the path; the other spelling is CSV
        source = str(base).replace('"', '""')
        mount = shlex.quote(f'type=bind,"source={source}",target=/models/{name}')
    option = "--mount" if ":" in str(base) else "-v"
    request = json.dumps({"signature_name": "serving_default", "instances": []})
    return f"""\
# models.config
model_config_list {{
  config {{ name: "{name}" base_path: "/models/{name}" model_platform: "tensorflow" }}
}}
# serve: REST on 8501, gRPC on 8500
docker run -p 8500:8500 -p 8501:8501 {option} {mount} -e MODEL_NAME={name} \\
  tensorflow/serving
# ask; examples go into the brackets of "instances"
curl http://localhost:8501/v1/models/{name}/metadata
curl -d {shlex.quote(request)} \\
  http://localhost:8501/v1/models/{name}:predict
"""
