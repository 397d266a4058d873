"""Every command and recipe of wszoo with one small command line that is right, for the campaign.

The lines use only files that `prepare` writes and data that come with scikit-learn. A command
without a line here is an error of the campaign: whoever adds a command adds a line.
"""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks.faults.lines.commands import tone

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
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
    "wszoo share-constants": "model.tflite shared.tflite --prefer speed",
    "anomaly.py series": "pump.csv --train-share 0.5 --steps 2 --top 2 --seeds 1 --where all "
    "--manual-dir . --out out",
    "anomaly.py images": "--data images.npz --widths 8,4 --steps 2 --seeds 1 --max-per-class 50 "
    "--max-examples 100 --data-dir . --out out",
    "classify_audio.py": "--data words --model rnn --wav words/low/0.wav --sharing untied "
    '--set {"units":8,"depth":1} --epochs 1 --learning-rate 0.01 --seed 1 --data-dir . --out out',
    "compare.py": f"conv_net --data images.npz --plans default,tied --arm three=sequence:2 "
    f"--set {SMALL} --samples 8 --seeds 2 --steps 4 --batch-size 4 --points 2 --rates 1e-3 "
    "--tune-seeds 1 --noise 0 --target 0.5 --reference tied --image-size 28 --data-dir . "
    "--manual-dir . --out out",
    "compress.py": "model.keras --data images.npz --fraction 0.9 --method weights --sites block_* "
    "--relax 0 --epochs 1 --learning-rate 0.01 --rival-epochs 0 --examples 50 --seed 1 "
    "--data-dir . --manual-dir . --out out",
    "denoise.py": "tied_ae.digits --data images.npz --noise 0.2 --data-dir . --manual-dir . "
    "--out out",
    "export.py": "model.keras --data images.npz --prefer speed --max-loss 0.5 --bound 0.5 "
    "--data-dir . --manual-dir . --smoke --out out",
    "finetune.py": "conv_net.omniglot --data images.npz --mode pixels --labels-per-class 2 "
    "--seeds 1 --steps 2 --resize crop --data-dir . --out out",
    "finetune.py --mode plan": "conv_net.omniglot --mode plan --data images.npz "
    "--labels-per-class 2 --task classification --head dense --freeze plan.yaml --epochs 1 "
    "--batch-size 8 --learning-rate 0.01 --lr-decay 1 --cache auto --l2-sp 0 "
    "--early-stopping 1 --class-weight balanced --accumulate 1 --seed 1 --resize crop "
    "--data-dir . --out out",
    "label_curve.py": "conv_net.omniglot --data images.npz --labels 1,2 --ways pixels --seeds 1 "
    "--tune-seeds 1 --tune-at 1 --steps 2 --held 20 --data-dir . --trainings trainings --out out",
    "language_model.py": "--prompt the --temperature 0.5 --length 3 --data book.txt "
    '--sharing untied --set {"width":8,"depth":2,"heads":2} --steps 1 --learning-rate 0.01 '
    "--seed 1 --out out",
    "multitask.py": "--data images.npz --examples 40 --few 8 --seeds 1 --steps 12 --batch-size 8 "
    "--learning-rate 0.01 --width 4 --data-dir . --out out",
    "pretrain.py": f"conv_net --data images.npz --tag mine --set {SMALL} --sharing untied "
    "--epochs 1 --batch-size 16 --learning-rate 0.01 --weight-decay 0.01 --label-smoothing 0.1 "
    "--views none --image-size 28 --max-examples 32 --seed 1 --seeds 1 --data-dir . "
    "--manual-dir . --out out --run-dir runs",
    "search_ties.py": "conv_net --data images.npz --sites block_* --max-parameters 1.0 --points 5 "
    "--plans 2 --epochs 1 --short 1 --seeds 1 --examples 40 --rate 0.01 --batch-size 8 --seed 1 "
    "--data-dir . --manual-dir . --out out",
}


def commands() -> Iterator[tuple[str, Any, list[str]]]:
    """`(name, app or function, first words)` of every command of wszoo and every recipe."""
    from wszoo import cli

    groups: list[tuple[str, Any]] = [("wszoo", cli.app)]
    for file in sorted(RECIPES.glob("*.py")):
        module = _module(file)
        groups.append((file.name, getattr(module, "app", None) or module.main))
    for name, app in groups:
        if isinstance(app, typer.Typer):
            for word in typer.main.get_command(app).list_commands(None):
                yield f"{name} {word}", app, [word]
        else:
            yield name, app, []
    finetune = _module(RECIPES / "finetune.py")
    yield "finetune.py --mode plan", finetune.main, []


def _module(file: Path) -> Any:
    name = f"recipe_{file.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


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
    (folder / "a_file").write_text("neither an image nor a plan\n")
    (folder / "a_folder").mkdir(exist_ok=True)
