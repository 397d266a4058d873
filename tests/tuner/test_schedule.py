"""What a search tries: a pure function of its results, whoever trains and in whatever order."""

import random
from dataclasses import asdict

import pytest

from wszoo.tuner.searching.schedule import Effort, EffortOptions, Run, Schedule
from wszoo.tuner.space.space import SearchSpace

SPACE = SearchSpace.plain([f"block_{i}" for i in range(6)], size=10)


def worth(run):
    """A landscape in which two groups are best, and seeds and short runs are noise."""
    noise = random.Random(f"{run.pattern} {run.epochs} {run.seed}").random()
    return abs(len(set(run.pattern)) - 2) + 0.5 * noise / run.epochs


def played(schedule, order=lambda runs: runs, score=worth):
    scores, turns = {}, []
    while runs := schedule.generation(scores):
        new = [run for run in runs if run not in scores]
        assert new and len(set(runs)) == len(runs)
        turns.append(new)
        for run in order(new):
            scores[run] = score(run)
            part = schedule.generation(scores)
            left = [r for r in new if r not in scores]
            assert not left or part == runs  # a generation lasts until its last run has ended
    return scores, turns


def test_controls_and_templates_come_first_and_the_plans_are_as_many_as_asked():
    scores, turns = played(Schedule(SPACE, epochs=4, short=1, plans=40))
    assert [run.pattern for run in turns[0][:2]] == ["ABCDEF", "AAAAAA"]
    assert {SPACE.pattern(p) for p in SPACE.templates().values()} <= {r.pattern for r in turns[0]}
    short = {run for run in scores if run.epochs == 1}
    assert len(short) == len({run.pattern for run in short}) == 40
    full = {run.pattern for run in scores if run.epochs == 4}
    assert {"ABCDEF", "AAAAAA"} <= full and 14 <= len(full) <= 16
    best = min(scores, key=scores.get)
    assert {(best.pattern, seed) for seed in range(3)} <= {(r.pattern, r.seed) for r in scores}


def test_the_order_in_which_trials_end_changes_nothing():
    schedule = Schedule(SPACE, epochs=4, short=1, plans=30)
    assert played(schedule)[0] == played(schedule, order=lambda runs: runs[::-1])[0]


def test_a_small_space_is_tried_whole_and_never_more():
    small = SearchSpace.plain(["a", "b", "c"])
    scores, _ = played(Schedule(small, epochs=2, short=2, plans=10, seeds=1))
    assert {run.pattern for run in scores} == {"AAA", "AAB", "ABA", "ABB", "ABC"}
    assert len(scores) == 5  # the short runs were the full ones already


def test_a_budget_holds_for_all_but_the_control():
    space = SPACE.within(max_parameters=0.5)
    scores, _ = played(Schedule(space, epochs=2, short=1, plans=20))
    plans = {run.pattern for run in scores} - {"ABCDEF"}
    assert all(space.plan(pattern) in space for pattern in plans) and len(plans) >= 19


def test_failed_trials_are_left_behind():
    def broken(run):
        return None if run.pattern == "ABABAB" else worth(run)

    scores, _ = played(Schedule(SPACE, epochs=4, short=1, plans=20), score=broken)
    assert Run("ABABAB", 1) in scores and Run("ABABAB", 4) not in scores
    everything, _ = played(Schedule(SPACE, epochs=4, short=1, plans=20), score=lambda run: None)
    assert all(value is None for value in everything.values())


def test_bad_counts():
    with pytest.raises(ValueError, match="plans must be a whole number of at least 1; received 0"):
        Schedule(SPACE, epochs=1, short=1, plans=0)
    with pytest.raises(ValueError, match=r"short \(3\) is at most epochs \(2\)"):
        Schedule(SPACE, epochs=2, short=3)


def test_plain_keywords_are_the_fields_of_an_effort_and_these_a_schedules():
    assert set(asdict(Effort())) == set(EffortOptions.__annotations__)
    schedule = Schedule(SPACE, **asdict(Effort(epochs=4, plans=7)))
    assert (schedule.epochs, schedule.short, schedule.plans, schedule.seed) == (4, 1, 7, 0)
