"""The one idea: which sites of a model use one layer, as data that builds, reads and rebuilds.

The public names stand in `wszoo` itself: `wszoo.SharingPlan`, `wszoo.retie`, `wszoo.audit`, …
"""
