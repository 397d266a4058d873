"""What the trials of a search say, as a front."""

import keras_tuner

from wszoo.tuner.searching.front import Front, Point
from wszoo.tuner.searching.hypermodel import TieHyperModel
from wszoo.tuner.searching.oracle import TieOracle, run_of, told
from wszoo.tuner.searching.schedule import Others
from wszoo.tuner.space.space import SearchSpace


def front_of(
    oracle: TieOracle,
    hypermodel: TieHyperModel,
    tuner: "keras_tuner.Tuner | None" = None,
    *,
    complete: bool = True,
) -> Front:
    """What the trials that ran for all epochs say, a point for each plan."""
    space, epochs = oracle.schedule.space, oracle.schedule.epochs
    of_plan: dict[tuple[str, Others], list[tuple[int, keras_tuner.engine.trial.Trial]]] = {}
    for trial in oracle.trials.values():
        run = run_of(trial)
        if trial.status == "COMPLETED" and run.epochs == epochs:
            of_plan.setdefault((run.pattern, run.others), []).append((run.seed, trial))
    points = []
    for (pattern, others), rows in of_plan.items():
        rows.sort(key=lambda row: row[0])
        parameters = _parameters(space, hypermodel, pattern, others)
        scores = tuple(float(trial.score) for _, trial in rows)
        size = round(parameters * space.item_bytes)
        points.append(Point(pattern, parameters, size, scores, others, rows[0][1].trial_id))
    rebuild = None if tuner is None else lambda p: tuner.load_model(oracle.trials[p.trial])
    return Front(
        oracle.objective.name,
        oracle.objective.direction,
        tuple(sorted(points, key=lambda point: (point.parameters, point.pattern))),
        space.pattern(space.untied),
        len(oracle.results()),
        complete,
        rebuild,
        told(oracle.failures()),
    )


def _parameters(space: SearchSpace, hypermodel: TieHyperModel, pattern: str, others: Others) -> int:
    """Stored parameters; where hyperparameters decide them, of the model that they make."""
    if not others and hypermodel.largest is None:
        return space.stored_parameters(space.plan(pattern))
    hp = keras_tuner.HyperParameters()
    hp.values = {"plan": pattern, **dict(others)}
    return int(hypermodel.build(hp).count_params())
