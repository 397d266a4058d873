"""wszoo: a Keras model zoo whose subject is weight sharing.

Importing it imports neither Keras nor TensorFlow; a name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports
from wszoo._version import __version__

if TYPE_CHECKING:
    from wszoo import comparison, data, exporting, layers, relaxed, tasks, transferring, tuner
    from wszoo.exporting.api import export
    from wszoo.model_info import info
    from wszoo.predicting.predictions import predict
    from wszoo.registry import get, list_models, register
    from wszoo.relaxed.merging import merge_relaxed
    from wszoo.relaxed.relaxing import relax
    from wszoo.sharing.auditing.audit import Audit, audit
    from wszoo.sharing.bank import Bank
    from wszoo.sharing.files.loading import load
    from wszoo.sharing.files.saving import save
    from wszoo.sharing.graph import plan_of, sites
    from wszoo.sharing.plan import SharingPlan
    from wszoo.sharing.spellings import as_plan
    from wszoo.sharing.surgery.flatten import flatten
    from wszoo.sharing.surgery.retie import retie, untied_twin
    from wszoo.transferring.run import transfer
    from wszoo.tuner.pricing.suggest import suggest

__all__ = [
    "Audit",
    "Bank",
    "SharingPlan",
    "__version__",
    "as_plan",
    "audit",
    "comparison",
    "data",
    "export",
    "exporting",
    "flatten",
    "get",
    "info",
    "layers",
    "list_models",
    "load",
    "merge_relaxed",
    "plan_of",
    "predict",
    "register",
    "relax",
    "relaxed",
    "retie",
    "save",
    "sites",
    "suggest",
    "tasks",
    "transfer",
    "transferring",
    "tuner",
    "untied_twin",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Audit": "wszoo.sharing.auditing.audit",
        "Bank": "wszoo.sharing.bank",
        "SharingPlan": "wszoo.sharing.plan",
        "as_plan": "wszoo.sharing.spellings",
        "audit": "wszoo.sharing.auditing.audit",
        "export": "wszoo.exporting.api",
        "flatten": "wszoo.sharing.surgery.flatten",
        "get": "wszoo.registry",
        "info": "wszoo.model_info",
        "list_models": "wszoo.registry",
        "load": "wszoo.sharing.files.loading",
        "merge_relaxed": "wszoo.relaxed.merging",
        "plan_of": "wszoo.sharing.graph",
        "predict": "wszoo.predicting.predictions",
        "register": "wszoo.registry",
        "relax": "wszoo.relaxed.relaxing",
        "retie": "wszoo.sharing.surgery.retie",
        "save": "wszoo.sharing.files.saving",
        "sites": "wszoo.sharing.graph",
        "suggest": "wszoo.tuner.pricing.suggest",
        "transfer": "wszoo.transferring.run",
        "untied_twin": "wszoo.sharing.surgery.retie",
    },
    modules=(
        "comparison",
        "data",
        "exporting",
        "layers",
        "relaxed",
        "tasks",
        "transferring",
        "tuner",
    ),
)
