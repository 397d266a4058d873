"""Every command of wszoo with one small command line that is right, for the campaign.

The lines use only files that `prepare` writes and data that come with scikit-learn. A command
without a line here is an error of the campaign: whoever adds a command adds a line.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.faults.lines.commands import tone

SMALL = '{"width":4,"depth":2}'
PLAN = "phases:\n  - {name: head, train: head, epochs: 1}\n"

# Command → a right line. `{…}` are files of `prepare`.
LINES = {
    "wszoo list": "tied_* --task reconstruction --family autoencoder",
    "wszoo info": "tied_ae",
    "wszoo audit": "model.keras --sharing untied --max-ratio 1.5",
    "wszoo export": "model.keras out --formats litert --precision float32 --data images.npz "
    "--batch 1 --bound 0.1 --max-loss 0.5 --prefer speed --labels a,b,c,d --data-dir . "
    "--manual-dir .",
    "wszoo evaluate": "tied_ae.digits --data-dir . --manual-dir .",
    "wszoo predict": "model.keras digit.png --top 2 --out out",
    "wszoo download": "digits --data-dir . --manual-dir .",
    "wszoo share-constants": "model.tflite shared.tflite --prefer speed",
    "wszoo anomaly series": "pump.csv --train-share 0.5 --steps 2 --top 2 --seeds 1 --where all "
    "--manual-dir . --out out",
    "wszoo anomaly images": "--data images.npz --widths 8,4 --steps 2 --seeds 1 --max-per-class 50 "
    "--max-examples 100 --data-dir . --out out",
    "wszoo classify-audio": "--data words --model rnn --wav words/low/0.wav --sharing untied "
    '--set {"units":8,"depth":1} --epochs 1 --learning-rate 0.01 --seed 1 --data-dir . --out out',
    "wszoo compare": f"conv_net --data images.npz --plans default,tied --arm three=sequence:2 "
    f"--set {SMALL} --samples 8 --seeds 2 --steps 4 --batch-size 4 --points 2 --rates 1e-3 "
    "--tune-seeds 1 --noise 0 --target 0.5 --reference tied --image-size 28 --data-dir . "
    "--manual-dir . --out out",
    "wszoo compress": "model.keras --data images.npz --fraction 0.9 --method weights "
    "--sites block_* --relax 0 --epochs 1 --learning-rate 0.01 --rival-epochs 0 --examples 50 "
    "--seed 1 --data-dir . --manual-dir . --out out",
    "wszoo denoise": "tied_ae.digits --data images.npz --noise 0.2 --data-dir . --manual-dir . "
    "--out out",
    "wszoo export-all": "model.keras --data images.npz --prefer speed --max-loss 0.5 --bound 0.5 "
    "--data-dir . --manual-dir . --smoke --out out",
    "wszoo finetune": "images.npz --backbone conv_net.omniglot --compare --modes pixels "
    "--labels-per-class 2 --seeds 1 --steps 2 --resize crop --data-dir . --out out",
    "wszoo finetune --freeze": "images.npz --backbone conv_net.omniglot --labels-per-class 2 "
    "--task classification --head dense --freeze plan.yaml --epochs 1 --batch-size 8 "
    "--learning-rate 0.01 --lr-decay 1 --cache auto --l2-sp 0 --early-stopping 1 "
    "--class-weight balanced --accumulate 1 --seed 1 --resize crop --data-dir . --out out",
    "wszoo label-curve": "conv_net.omniglot --data images.npz --labels 1,2 --ways pixels --seeds 1 "
    "--tune-seeds 1 --tune-at 1 --steps 2 --held 20 --data-dir . --trainings trainings --out out",
    "wszoo language-model": "--prompt the --temperature 0.5 --length 3 --data book.txt "
    '--sharing untied --set {"width":8,"depth":2,"heads":2} --steps 1 --learning-rate 0.01 '
    "--seed 1 --out out",
    "wszoo multitask": "--data images.npz --examples 40 --few 8 --seeds 1 --steps 12 "
    "--batch-size 8 --learning-rate 0.01 --width 4 --data-dir . --out out",
    "wszoo pretrain": f"conv_net --data images.npz --tag mine --set {SMALL} --sharing untied "
    "--epochs 1 --batch-size 16 --learning-rate 0.01 --weight-decay 0.01 --label-smoothing 0.1 "
    "--views none --image-size 28 --max-examples 32 --seed 1 --seeds 1 --data-dir . "
    "--manual-dir . --out out --run-dir runs",
    "wszoo search-ties": "conv_net --data images.npz --sites block_* --max-parameters 1.0 "
    "--points 5 --plans 2 --epochs 1 --short 1 --seeds 1 --examples 40 --rate 0.01 --batch-size 8 "
    "--seed 1 --data-dir . --manual-dir . --out out",
}


def commands() -> Iterator[tuple[str, Any, list[str]]]:
    """`(name, app, first words)` of every command of wszoo."""
    from wszoo import cli

    for word in cli.COMMANDS:
        inner = getattr(cli.command(word), "commands", {"": None})  # of a command of several
        for one in inner:
            words = [word, one] if one else [word]
            yield " ".join(["wszoo", *words]), cli.app, words
    yield "wszoo finetune --freeze", cli.app, ["finetune"]


def recipes() -> list[str]:
    """The names of lines that are recipes'."""
    from wszoo import cli

    return [name for name in LINES if name.split()[1] in cli.RECIPES]


def prepare(folder: Path, *, converted: bool = False) -> None:
    """Writes the files that the lines name, a .tflite file if asked, and some of no use."""
    import keras

    import wszoo

    rng = np.random.default_rng(0)
    y = np.arange(120) % 4
    x = (0.3 * rng.random((120, 28, 28, 1)) + y[:, None, None, None] / 6).astype("float32")
    np.savez(folder / "images.npz", x=x, y=y)
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "book.txt").write_text("the cat sat on the mat. " * 200)
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(300) * np.timedelta64(60, "s")
    rows = [f"{t},{np.sin(i / 5):.4f}" for i, t in enumerate(times)]
    (folder / "pump.csv").write_text("\n".join(["timestamp,value", *rows]))
    for label, hertz in (("high", 2000), ("low", 300)):
        for i in range(10):
            tone(folder / "words" / label / f"{i}.wav", hertz + 10 * i)
    keras.utils.set_random_seed(0)
    model = wszoo.get("conv_net", width=4, depth=3, head=4, sharing="untied")
    wszoo.save(model, folder / "model.keras")
    if converted:
        from wszoo.exporting.tflite.write import litert

        litert(model, folder / "model.tflite")
    pixels = (255 * np.clip(x[0, :, :, 0], 0, 1)).astype("uint8")
    Image.fromarray(pixels).save(folder / "digit.png")
    (folder / "a_file").write_text("neither an image nor a plan\n")
    (folder / "a_folder").mkdir(exist_ok=True)
