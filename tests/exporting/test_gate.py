"""What a file may cost: a loss counts beyond its error, a gain never does, NaN always."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wszoo.exporting import gate


def measured(keras, file, max_loss=0.01):
    """The scores of examples, given as they are."""
    wanted, got = {"y": np.asarray(keras, float)}, {"y": np.asarray(file, float)}
    return gate.paired(lambda outputs: outputs["y"], wanted, got, len(keras), max_loss)


def passes(scores, max_loss=0.01):
    try:
        gate.check_loss("m", "int8", scores, max_loss)
    except ValueError:
        return False
    return True


right_or_wrong = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(right_or_wrong, st.sampled_from([0.0, 0.01, 0.2]))
def test_a_file_is_refused_where_its_loss_is_beyond_its_error(pairs, max_loss):
    keras, file = np.array(pairs, float).T
    scores = measured(keras, file, max_loss)
    lost = keras - file
    error = lost.std(ddof=1) / np.sqrt(len(lost))
    assert scores.loss == pytest.approx(lost.mean()) and scores.error == pytest.approx(error)
    assert scores.changed == tuple(np.flatnonzero(lost))
    if scores.loss <= max_loss:
        assert passes(scores, max_loss)
    elif abs(scores.loss - 2 * error - max_loss) > 1e-9:  # not a matter of rounding
        assert passes(scores, max_loss) == (scores.loss - 2 * error <= max_loss)


@settings(max_examples=30, deadline=None)
@given(right_or_wrong)
def test_a_metric_of_one_number_is_judged_as_its_scores_are(pairs):
    keras, file = np.array(pairs, float).T
    each = measured(keras, file, 0.0)
    whole = gate.paired(lambda y: y["y"].mean(), {"y": keras}, {"y": file}, len(keras), 0.0)
    assert whole.loss == pytest.approx(each.loss)
    if each.loss > 0:
        assert whole.error == pytest.approx(each.error) and whole.changed == each.changed


def test_a_metric_of_one_number_is_asked_again_only_where_it_lost():
    asked = []

    def metric(outputs):
        asked.append(1)
        return outputs["y"].mean()

    y = np.linspace(0.2, 0.8, 200)
    assert gate.paired(metric, {"y": y}, {"y": y + 0.05}, 200).error is None and len(asked) == 2
    lost = gate.paired(metric, {"y": y}, {"y": y - 0.05}, 200)
    assert lost.error == pytest.approx(0.0, abs=1e-12) and len(asked) == 4 + gate.PARTS


def test_one_image_of_six_is_said_and_refuses_nothing():
    scores = measured([1, 1, 1, 1, 1, 0], [1, 1, 0, 1, 1, 0])
    assert passes(scores)
    first, second = gate.notes(scores, 0.01)
    assert "0.1667" in first and "6 examples" in first
    assert "1 of 6 examples" in second and second.endswith(": 2")


def test_what_a_thousand_examples_show_is_refused_with_the_first_that_changed():
    keras = np.ones(1000)
    file = np.where(np.arange(1000) % 20 == 7, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"50 of 1000 examples.*: 7, 27, 47, 67, 87, …") as refusal:
        gate.check_loss("m", "int8", measured(keras, file), 0.01)
    assert "1.0000 in Keras and 0.9500 in the int8 file" in str(refusal.value)
    assert passes(measured(keras, file, 0.05), 0.05)


def test_a_gain_of_any_size_passes():
    scores = measured(np.zeros(500), np.ones(500), 0.0)
    assert passes(scores, 0.0) and scores.loss == -1


@pytest.mark.parametrize("file", [[1, np.nan, 1], [np.nan] * 3])
def test_scores_that_are_no_numbers_do_not_pass(file):
    assert not passes(measured([1, 1, 1], file), np.inf)


def test_one_example_alone_refuses_nothing():
    assert passes(measured([1.0], [0.0]))


def test_a_metric_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"each of the 4 examples.*\(2,\)"):
        gate.paired(lambda outputs: outputs["y"][:2], {"y": np.ones(4)}, {"y": np.ones(4)}, 4)


@pytest.mark.parametrize("max_loss", [-0.01, float("nan")])
def test_an_allowed_loss_is_a_number_from_nought(max_loss):
    with pytest.raises(ValueError, match="max_loss"):
        gate.check_max_loss(max_loss)


def test_outputs_that_are_no_numbers_do_not_pass():
    numbers, holes = {"y": np.ones(3)}, {"y": np.array([1, np.nan, 1])}
    gate.check_difference("f", numbers, 0.5, np.inf)
    gate.check_difference("f", {"text": np.array([b"a"], dtype=object)}, 0.0, 0.0)
    with pytest.raises(ValueError, match="Keras itself gives NaN in the outputs y"):
        gate.check_difference("f", holes, 0.0, np.inf)
    with pytest.raises(ValueError, match="NaN or infinity where Keras"):
        gate.check_difference("f", numbers, np.inf, np.inf)
    with pytest.raises(ValueError, match=r"more than bound=0\.1"):
        gate.check_difference("f", numbers, 0.5, 0.1)
    with pytest.raises(ValueError, match="bound=nan"):
        gate.check_difference("f", numbers, 0.5, np.nan)
