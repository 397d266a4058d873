"""`wszoo anomaly`: what is not normal, by an autoencoder that shares its kernels.

wszoo anomaly series nyc_taxi --manual-dir RAW
wszoo anomaly series pump.csv --train-share 0.5
wszoo anomaly series pumps.csv --where sensor=a
wszoo anomaly images --data digits --seeds 5
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import app_of_several, command_of
from wszoo.command_line import options as option

Seeds = Annotated[int, option.whole("Trainings of each model.")]


@dataclass(frozen=True)
class OfSeries:
    """Score every point of a time series."""

    name: Annotated[str, option.argument(option.text("A series of NAB, or a .csv file."))] = (
        "nyc_taxi"
    )
    train_share: Annotated[float, option.number("Part to learn from.", above=0, below=1)] = 0.4
    steps: Annotated[int, option.whole("Training steps, 64 windows each.")] = 1000
    top: Annotated[int, option.whole("How many peaks of the score to print.")] = 5
    seeds: Seeds = 3
    where: Annotated[
        list[str] | None,
        option.text("COLUMN=VALUE: one of several series in a file; all: they are one."),
    ] = None
    time_format: Annotated[
        str | None, option.text("Of time stamps that are not ISO 8601, as strptime has it.")
    ] = None
    manual_dir: option.ManualDir = None
    out: option.Out = Path("runs/anomaly")
    smoke: option.Smoke = False

    def __post_init__(self) -> None:
        self.rows()

    def rows(self) -> dict[str, str] | None:
        """Column → value that tell the series of a file; nothing for `all`.

        Raises `ValueError` for a text that is no COLUMN=VALUE.
        """
        if self.where in (None, [], ["all"]):
            return {} if self.where else None
        given = self.where or []
        if wrong := [text for text in given if "=" not in text]:
            raise ValueError(f"--where is COLUMN=VALUE, such as sensor=a, or all; not {wrong[0]!r}")
        return dict(text.split("=", 1) for text in given)


@dataclass(frozen=True)
class OfImages:
    """One class is normal, the others are not: AUROC for each class in turn."""

    data: option.Data = "digits"
    widths: Annotated[
        str, option.numbers("Of the encoder, by commas.", kind=int, least=1, most=4096)
    ] = "32,8"
    steps: Annotated[int, option.whole("Training steps, 64 images each.")] = 500
    seeds: Seeds = 5
    max_per_class: Annotated[int, option.whole("Training images of a class.", most=option.ANY)] = (
        1000
    )
    max_examples: Annotated[int, option.whole("Most examples a split.", most=option.ANY)] = 10000
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    out: option.Out = Path("runs/anomaly_images")
    smoke: option.Smoke = False


command = app_of_several(
    {
        "series": command_of(OfSeries, "wszoo.recipes.anomaly.series"),
        "images": command_of(OfImages, "wszoo.recipes.anomaly.images"),
    },
    help="Find what is not normal with an autoencoder that shares its kernels.",
)
