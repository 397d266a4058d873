"""A pretrained backbone under a new head: frozen, fine-tuned, and what to compare them with.

`wszoo.transfer` is `run.transfer`, one call for all of it. Read `backbones` (what goes under a
head), `freezing` (what trains when), `features` (kept ones), `training` (the loop) and `result`;
what outputs mean is in `wszoo.tasks`.
"""
