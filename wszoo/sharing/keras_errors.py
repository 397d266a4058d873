"""What Keras says in an error, in one line."""

import re

# Where Keras goes on with configurations, examples and arguments.
_MORE = ("Full object config", "Example:", "\n\nconfig=", "\n\nArguments received by")
_COLOUR = re.compile(r"\x1b\[\d*m")
_LAMBDA = (
    "a lambda is Python code, which is not read from a file. Make it a function or layer under "
    "@keras.saving.register_keras_serializable(), or keep the model by model.save(path) and "
    "keras.saving.load_model(path, safe_mode=False)"
)
MOST = 400  # characters


def in_short(error: Exception) -> str:
    """An error's own words without what Keras prints around them, and without a full stop."""
    text = str(error).split("Exception encountered:")[-1]
    for more in _MORE:
        text = text.split(more)[0]
    text = " ".join(_COLOUR.sub("", text).split())
    if "lambda" in text and "Requested the deserialization" in text:
        return _LAMBDA
    if len(text) > MOST:
        return f"{text[:MOST]}…"
    return text.rstrip(".: ") or type(error).__name__
