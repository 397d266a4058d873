"""Restore noisy images with a shared-weight autoencoder; the pictures before and after.

    python recipes/denoise.py                                       # test images of its own data
    python recipes/denoise.py tied_conv_ae.fashion_mnist --data my_images/

Noise is added to clean images, so that the result can be measured: mean squared error of the
noisy and of the restored image against the clean one, beside a median filter's. Writes
`metrics.json` and `denoised.png` (clean, noisy, restored).
"""

from pathlib import Path
from typing import Annotated

import typer
from scipy.ndimage import median_filter

import wszoo
from wszoo import evaluation, pictures, training
from wszoo.command_line import run
from wszoo.command_line.options import DataDir, ManualDir, argument, folder, number, text
from wszoo.files import write_json


def main(
    target: Annotated[
        str, argument(text("NAME.TAG or a .keras file."))
    ] = "tied_conv_ae.fashion_mnist",
    data: Annotated[str, text("A source; card: that of the weights.")] = "card",
    noise: Annotated[
        float, number("Standard deviation, of pixels in [0, 1].", least=0, most=100)
    ] = 0.3,
    out: Annotated[Path, folder("The folder to write to.")] = Path("runs/denoise"),
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    smoke: Annotated[bool, typer.Option(help="Twenty images.")] = False,
) -> None:
    """Restore noisy images with a shared-weight autoencoder."""
    model = wszoo.load(target) if target.endswith(".keras") else wszoo.get(target)
    source, _ = evaluation.data_of(model, target, data, data_dir=data_dir, manual_dir=manual_dir)
    if tuple(model.inputs[0].shape[1:]) != source.input_shape:
        raise ValueError(
            f"{target} takes images {tuple(model.inputs[0].shape[1:])}; {source.name} has "
            f"{source.input_shape}"
        )
    clean, labels = source.arrays("test")
    clean, labels = clean[: 20 if smoke else None], labels[: 20 if smoke else None]
    noisy = training.noisy(clean, noise)
    shown = {
        "clean": clean,
        "noisy": noisy,
        "median filter": median_filter(noisy, size=(1, 3, 3, 1)),
        "restored": model.predict(noisy, batch_size=256, verbose=0),
    }
    metrics = {
        f"{name}_mse": training.score(images, clean, labels, "reconstruction")[1]
        for name, images in shown.items()
        if name != "clean"
    }
    print(f"{target} on {len(clean)} test images of {source.name}, noise {noise}")
    for name, value in metrics.items():
        print(f"  {name} {value:.5f}")
    write_json(out / "metrics.json", metrics)
    pictures.images(out / "denoised.png", {name: images[:10] for name, images in shown.items()})


if __name__ == "__main__":
    run(main)
