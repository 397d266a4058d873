"""A pretrained backbone under a new head: frozen, fine-tuned, and what to compare them with.

`wszoo.transfer` is all of it in one call. Read `options` (what it may be asked for), `backbones`
(what goes under a head), `freezing` (what trains when), `features` (kept ones), `training` (the
loop) and `result`; what outputs mean is in `wszoo.tasks`.
"""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.transferring.freezing.freeze import freeze
    from wszoo.transferring.freezing.freeze_plan import FreezePlan, Phase
    from wszoo.transferring.lora import add_lora, merge
    from wszoo.transferring.options import Features, Freezing, Preparation, Running, Training
    from wszoo.transferring.result import Result
    from wszoo.transferring.run import transfer
    from wszoo.transferring.training.processes import start

__all__ = [
    "Features",
    "FreezePlan",
    "Freezing",
    "Phase",
    "Preparation",
    "Result",
    "Running",
    "Training",
    "add_lora",
    "freeze",
    "merge",
    "start",
    "transfer",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Features": "wszoo.transferring.options",
        "FreezePlan": "wszoo.transferring.freezing.freeze_plan",
        "Freezing": "wszoo.transferring.options",
        "Phase": "wszoo.transferring.freezing.freeze_plan",
        "Preparation": "wszoo.transferring.options",
        "Result": "wszoo.transferring.result",
        "Running": "wszoo.transferring.options",
        "Training": "wszoo.transferring.options",
        "add_lora": "wszoo.transferring.lora",
        "freeze": "wszoo.transferring.freezing.freeze",
        "merge": "wszoo.transferring.lora",
        "start": "wszoo.transferring.training.processes",
        "transfer": "wszoo.transferring.run",
    },
)
