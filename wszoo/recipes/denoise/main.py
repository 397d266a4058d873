"""Noise is added to clean images, so that the result can be measured.

Mean squared error of the noisy and of the restored image against the clean one, beside a median
filter's. Writes `metrics.json` and `denoised.png` (clean, noisy, restored).
"""

from scipy.ndimage import median_filter

from wszoo import evaluation, pictures, training
from wszoo.command_line import options as option
from wszoo.files import write_json
from wszoo.recipes.denoise import Denoise


def main(options: Denoise) -> None:
    """Restore noisy images with a shared-weight autoencoder."""
    target, out = options.target, options.out
    model = evaluation.model_of(target)
    source, _ = evaluation.data_of(model, target, options.data, **option.reading(options))
    if tuple(model.inputs[0].shape[1:]) != source.input_shape:
        raise ValueError(
            f"{target} takes images {tuple(model.inputs[0].shape[1:])}; {source.name} has "
            f"{source.input_shape}"
        )
    clean, labels = source.arrays("test")
    many = 20 if options.smoke else None
    clean, labels = clean[:many], labels[:many]
    noisy = training.noisy(clean, options.noise)
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
    print(f"{target} on {len(clean)} test images of {source.name}, noise {options.noise}")
    for name, value in metrics.items():
        print(f"  {name} {value:.5f}")
    write_json(out / "metrics.json", metrics)
    pictures.images(out / "denoised.png", {name: images[:10] for name, images in shown.items()})
