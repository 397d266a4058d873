"""Valid calls of transfer, tasks and freezing."""

from typing import Any

from benchmarks.faults.calls.world import SEVERAL, Calls

# The groups of a transfer run.
FREEZING = {"freeze": "head", "lora": None, "lr_decay": 1.0, "multipliers": None, "l2_sp": 0.0}
FEATURES = {"cache": False, "augment": "jitter", "views": 1}
TRAINING = {
    "epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "schedule": "cosine", "optimizer": None,
    "probe_first": False, "early_stopping": 1, "class_weight": "balanced",
    "mixed_precision": False, "accumulate": 1,
}  # fmt: skip
PREPARATION = {"weights": None, "image_size": 8, "resize": "crop", "input_range": (0, 1)}
RUNNING = {"resume": None, "tensorboard": None, "distribution": None, "seed": 0, "verbose": 0}

CALLS: Calls = {
    "transfer": lambda w: {
        "backbone": w.net, "task": "classification", "data": {"train": w.train,
        "validation": w.train, "test": w.train}, "order": None, "head": "dense",
        **FREEZING, **FEATURES, **TRAINING, **PREPARATION, **RUNNING},
    "transferring.Features": lambda w: FEATURES,
    "transferring.Freezing": lambda w: FREEZING,
    "transferring.Preparation": lambda w: PREPARATION,
    "transferring.Running": lambda w: RUNNING,
    "transferring.Training": lambda w: TRAINING,
    "transferring.backbones.find": lambda w: {"backbone": w.net, "weights": None,
                                          "image_size": 8},
    "transferring.freeze": lambda w: {"model": w.logits, "train": "head",
                                         "batch_norm": "frozen", "pattern": None},
    "transferring.add_lora": lambda w: {"model": w.model, "where": "all", "rank": 1,
                                         "alpha": 1.0, "train": (), "adapters": None,
                                         "pattern": None},
    "transferring.merge": lambda w: {"model": w.lora, "untie": False},
    "tasks.several.attach_heads": lambda w: {"backbone": w.net, "tasks": SEVERAL,
                                             "targets": w.targets},
    "tasks.several.compile_heads": lambda w: {"model": w.tasks, "tasks": SEVERAL,
                                              "optimizer": "adam", "weights": None},
    "tasks.several.with_gaps": lambda w: {"targets": w.targets, "tasks": SEVERAL},
    "tasks.several.sharing_between_tasks": lambda w: {"model": w.tasks},
    "transferring.FreezePlan": lambda w: {"phases": w.freeze_plan.phases, "pattern": None},
    "transferring.FreezePlan.check": lambda w: {"model": w.model},
    "transferring.FreezePlan.from_dict": lambda w: {"data": w.freeze_plan.to_dict()},
    "transferring.FreezePlan.from_yaml": lambda w: {"path": w.yaml},
    "transferring.FreezePlan.table": lambda w: {"model": w.model},
    "transferring.Phase": lambda w: {"name": "p", "train": "all", "epochs": 1,
                                        "batch_norm": "frozen", "learning_rate": 1e-3},
    "transferring.freezing.freeze_plan.start_phase": lambda w: {
        "model": w.model, "freeze_plan": w.freeze_plan, "phase": w.freeze_plan.phases[0]},
    "transferring.freezing.rates.layer_rates": lambda w: {"model": w.model, "decay": 0.9,
                                             "multipliers": {"a": 0.5}, "shared": "mean",
                                             "pattern": None},
    "transferring.freezing.rates.with_rates": lambda w: {
        "optimizer": _adam(), "rates": {"a": 0.5}},
    "transferring.rivals.Rivals": lambda w: {"make": lambda: w.net, "classes": 4, "steps": 2,
                                             "folder": w.folder / "rivals", "epochs": 1,
                                             "points": 1},
    "transferring.rivals.Rivals.accuracy": lambda w: {"name": "pixels", "train": w.train,
                                                      "held": w.train, "setting": 1.0, "seed": 0},
    "transferring.rivals.Rivals.classifier": lambda w: {"name": "probe", "train": w.train,
                                                        "setting": 1.0, "seed": 0},
    "transferring.rivals.Rivals.features": lambda w: {"x": w.x},
    "transferring.rivals.Rivals.train": lambda w: {"name": "pixels", "train": w.train,
                                                   "held": w.train, "setting": 1.0, "seed": 0},
    "tasks.find": lambda w: {"task": "classification"},
    "transferring.training.repeated.Trainer": lambda w: {
        "model": w.logits, "optimizer": _adam(), "loss": "mse"},
    "transferring.training.repeated.Trainer.fit": lambda w: {
        "x": w.x, "y": w.y, "batch_size": 4, "callbacks": (), "may_diverge": False},
    "transferring.training.repeated.Trainer.reset": lambda w: {
        "start": w.trainer.model.get_weights()},
    "transferring.training.repeated.values_of": lambda w: {"model": w.model},
    "transferring.training.repeated.outputs": lambda w: {"model": w.model, "x": w.x,
                                                         "batch_size": 4},
    "transferring.features.cache.features": lambda w: {
        "backbone": w.net, "x": w.x, "folder": None,
                                          "preprocess": None, "batch_size": 4},
    "transferring.features.cache.views": lambda w: {
        "backbone": w.net, "x": w.x, "augment": lambda x, seed: x, "count": 1,
        "folder": None, "preprocess": None, "batch_size": 4},
}  # fmt: skip


def _adam() -> Any:
    import keras

    return keras.optimizers.Adam()
