"""Valid calls of comparisons."""

from benchmarks.faults.calls.world import Calls

CALLS: Calls = {
    "comparison.Arm": lambda w: {"label": "a", "make": w.make_logits, "spec": {}},
    "comparison.Conditions": lambda w: {
        "task": "reconstruction", "steps": 4, "batch_size": 4, "points": 2, "noise": 0.1,
        "rates": (1e-3, 1e-2), "tune_seeds": 1},
    "comparison.Conditions.epochs": lambda w: {"step": 1, "samples": 8},
    "comparison.Difference.verdict": lambda w: {"higher_is_better": True},
    "comparison.Study": lambda w: {"arms": w.arms, "source": w.source,
                                   "conditions": w.conditions, "samples": (8,), "seeds": 2,
                                   "folder": w.folder / "study", "extra": None},
    "comparison.Study.run": lambda w: {"tick": lambda done: None},
    "comparison.Trainer": lambda w: {"make": w.make_logits, "conditions": w.conditions},
    "comparison.Trainer.run": lambda w: {"source": w.source, "samples": 8, "seed": 0,
                                         "rate": 1e-3, "final": True, "extra": None},
    "comparison.Trainer.score": lambda w: {"x": w.x, "y": w.y},
    "comparison.paired": lambda w: {"values": [1.0, 2.0], "reference": [1.0, 1.0]},
    "comparison.registered": lambda w: {"name": "conv_net", "source": w.source,
                                        "plans": ("untied", "default"), "variants": (),
                                        "settings": None},
    "comparison.summarise": lambda w: {"results": w.results, "conditions": w.conditions,
                                       "reference": None, "target": 0.5},
    "comparison.summary.sentence": lambda w: {"row": w.rows[1], "conditions": w.conditions},
    "comparison.tables.markdown": lambda w: {"rows": w.rows, "conditions": w.conditions},
    "comparison.tables.picture": lambda w: {"path": w.folder / "p.png", "rows": w.rows,
                                            "conditions": w.conditions, "title": "t"},
    "comparison.tables.tables": lambda w: {"rows": w.rows, "conditions": w.conditions,
                                           "title": "t"},
}  # fmt: skip
