"""`wszoo compare`: a registered model under several plans, under equal conditions.

    wszoo compare tied_ae --data digits --set '{"widths": [32, 8]}' \\
        --plans default,untied --samples 50,200,797
    wszoo compare tiled_net --data digits --image-size 14 \\
        --set '{"kernel_size": 3}' --arm 'conv={"tiles": 1}' --arm 'tiled={"tiles": 2}' \\
        --arm 'local={"model": "local_net"}' --reference conv --samples 50,200

`--arm` adds an arm with settings of its own: `label=PLAN`, `label={…}` or `label=PLAN@{…}`; the
plan `default` is the model's own. A comparison that is killed goes on when the same command is
given again, and may be given more arms, seeds and samples.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option

RESTORE = "Autoencoders restore inputs with noise of this standard deviation."


@dataclass(frozen=True)
class Compare:
    """Train a registered model under several plans, under equal conditions, and compare."""

    model: Annotated[str, option.argument(option.text("A registered model."))]
    data: option.Data
    plans: Annotated[str | None, option.words("By commas: default,untied,cycle:2.")] = None
    arm: Annotated[list[str] | None, option.text('label=PLAN@{"tiles": 2}.')] = None
    set_: Annotated[str, option.settings("Settings of all arms, as JSON.")] = "{}"
    samples: Annotated[str, option.numbers("Training samples, by commas.", kind=int, least=1)] = (
        "50,200"
    )
    seeds: Annotated[
        int, option.whole("Trainings of each arm that are scored.", least=2, most=1000)
    ] = 5
    steps: Annotated[int, option.whole("Training steps of every arm.")] = 600
    batch_size: Annotated[int, option.whole("Samples a step.", most=option.ANY)] = 32
    points: Annotated[int, option.whole("How often validation is scored.")] = 20
    rates: Annotated[
        str, option.numbers("Learning rates to try.", kind=float, above=0, most=option.RATE)
    ] = "1e-3,3e-3,1e-2"
    tune_seeds: Annotated[int, option.whole("Trainings of each rate.")] = 2
    noise: Annotated[float, option.number(RESTORE, least=0, most=100)] = 0.0
    target: Annotated[float | None, option.number("Validation score to reach.")] = None
    reference: Annotated[str | None, option.text("The arm to compare with.")] = None
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    out: option.Out = Path("runs/compare")
    smoke: option.Smoke = False


command = command_of(Compare, "wszoo.recipes.compare.main")
