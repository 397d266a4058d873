"""What TF Serving wants beside a SavedModel: warm-up requests, its configuration, the calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

WARMUP = "assets.extra/tf_serving_warmup_requests"  # where TF Serving looks for them


def write_warmup(folder: Path, name: str, inputs: Mapping[str, Any]) -> Path:
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


def messages() -> tuple[Any, Any]:
    """The modules of TF Serving's messages. Raises `ImportError` without the extra `serving`."""
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "warm-up requests need tensorflow-serving-api: pip install 'wszoo[serving]'"
        ) from error
    return predict_pb2, prediction_log_pb2


def how_to_serve(folder: Path) -> str:
    """The server's configuration and calls for the SavedModel `folder = …/<model>/<version>`."""
    base, name = folder.parent.resolve(), folder.parent.name
    return f"""\
# models.config
model_config_list {{
  config {{ name: "{name}" base_path: "/models/{name}" model_platform: "tensorflow" }}
}}
# serve: REST on 8501, gRPC on 8500
docker run -p 8500:8500 -p 8501:8501 -v "{base}:/models/{name}" -e MODEL_NAME={name} \\
  tensorflow/serving
# ask
curl http://localhost:8501/v1/models/{name}/metadata
curl -d '{{"signature_name": "serving_default", "instances": […]}}' \\
  http://localhost:8501/v1/models/{name}:predict
"""
