"""What a model says of a photo, a text or a recording, in a person's words.

wszoo.predict("mine.keras", ["a.jpg", "b.jpg"])
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.predicting.predictions import Prediction, predict

__all__ = ["Prediction", "predict"]

__getattr__, __dir__ = exports(
    __name__,
    {"Prediction": "wszoo.predicting.predictions", "predict": "wszoo.predicting.predictions"},
)
