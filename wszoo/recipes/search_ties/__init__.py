"""`wszoo search-ties`: which layers of a model to tie, by a search.

    wszoo search-ties conv_net --data fashion_mnist --examples 8000
    wszoo search-ties tied_lm --data tiny_shakespeare --by-depth --max-parameters 0.6
    wszoo search-ties my_model.keras --data my_images/ --sites 'block_*'

The same command goes on where it was stopped, also by Ctrl-C or kill. With KERASTUNER_TUNER_ID,
KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set it is the chief ("chief") or a worker of a
search over several processes or machines that share --out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


@dataclass(frozen=True)
class SearchTies:
    """Which layers of a model to tie: metric against stored parameters."""

    target: Annotated[str, option.argument(option.text("A registered model or a .keras file."))]
    data: option.Data
    sites: Annotated[str | None, option.words("Globs by commas; default: declared.")] = None
    by_depth: Annotated[bool, option.flag("Sites of one block move together.")] = False
    max_parameters: Annotated[
        float | None, option.number("At most so many stored; up to 1.0: of untied.", above=0)
    ] = None
    points: Annotated[float, option.number("What the plan named may lose.", least=0, most=100)] = (
        0.5
    )
    plans: Annotated[int, option.whole("Different plans to try.")] = 24
    epochs: Annotated[int, option.whole("Epochs of a full trial, and of the parent.")] = 3
    short: Annotated[int, option.whole("Epochs of a first look.")] = 1
    seeds: Annotated[int, option.whole("Seeds of the finalists.")] = 3
    examples: Annotated[int | None, option.whole("Train on so many.", most=option.ANY)] = None
    learning_rate: Annotated[float, option.rate("Of Adam.", "--rate")] = 1e-3
    batch_size: Annotated[int, option.whole("Examples a step.", most=option.ANY)] = 64
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    seed: option.Seed = 0
    out: option.Out = Path("runs/search_ties")
    smoke: Annotated[bool, option.flag("A few plans and examples, to see it run.")] = False


command = command_of(SearchTies, "wszoo.recipes.search_ties.main")
