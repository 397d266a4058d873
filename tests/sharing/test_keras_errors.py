"""Errors of Keras in one line: their own words, without what is printed around them."""

import keras
import numpy as np
import pytest

from wszoo.sharing.keras_errors import MOST, in_short


def caught(act):
    with pytest.raises(Exception) as error:
        act()
    return error.value


class Odd(keras.layers.Layer):
    """Fails when it is called and when it is made of a configuration."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        if width < 1:
            raise ValueError("width is 1 or more.")

    def call(self, x):
        raise ValueError("it takes\nno x.")


def deserialised():
    config = {"module": "keras.layers", "class_name": "Dense", "config": {"units": -1}}
    return keras.saving.deserialize_keras_object(config)


def unknown_class():
    return keras.saving.deserialize_keras_object(
        {"module": "nowhere", "class_name": "Never", "config": {"units": 1}}
    )


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: Odd(1)(np.ones((1, 2))), "it takes no x"),
        (lambda: Odd.from_config({"width": 0}), "width is 1 or more"),
        (deserialised, "units"),
        (unknown_class, "Never"),
    ],
)
def test_its_own_words_in_one_line(act, words):
    text = in_short(caught(act))
    assert words in text and "\n" not in text and "\x1b" not in text
    assert not text.endswith((".", ":", " ")) and len(text) <= MOST + 1
    assert "Arguments received" not in text and "'units'" not in text


def test_an_error_without_words_is_its_kind():
    assert in_short(KeyError()) == "KeyError"
    assert len(in_short(ValueError("a" * 1000))) == MOST + 1
    assert in_short(ValueError("a" * MOST)) == "a" * MOST
    assert in_short(ValueError("a" * (MOST + 1))) == "a" * MOST + "…"


def test_of_a_lambda_it_says_what_to_do_instead():
    config = keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x: x))
    told = in_short(caught(lambda: keras.saving.deserialize_keras_object(config)))
    assert told.startswith("a lambda is Python code") and "safe_mode=False" in told
    assert in_short(ValueError("lambda is too small")) == "lambda is too small"
