"""Tied models beside their untied twins: runs what is missing, and writes docs/claims.md.

    python -m benchmarks.claims --data-dir TFDS --manual-dir RAW

Each study's finished trainings stay in runs/claims until it is whole; then its results go to
docs/claims/<study>.json, from which page and pictures are made. Remove that file to measure a study
anew. A run that is killed goes on when the command is given again. Studies whose data are missing
are listed as not measured.
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.progress import Progress

from benchmarks.claims import page as claims_page
from benchmarks.claims.studies import STUDIES
from wszoo import comparison
from wszoo.command_line import run
from wszoo.data import load
from wszoo.files import written_whole
from wszoo.layers import LocallyConnected2D

REPO = Path(__file__).resolve().parents[2]
HOME = REPO / "docs" / "claims"
SEEDS = 8  # of what is measured here without the help of wszoo.comparison


def main(
    only: Annotated[str, typer.Option(help="Some studies, by commas.")] = "",
    page_only: Annotated[bool, typer.Option(help="Train nothing.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    manual_dir: Annotated[Path | None, typer.Option(help="Where NAB's raw files lie.")] = None,
    run_dir: Annotated[Path, typer.Option(help="Unfinished studies.")] = REPO / "runs" / "claims",
) -> None:
    """Tied models beside their untied twins: runs what is missing, and writes docs/claims.md."""
    others = {"equivariance": equivariance, "nyc_taxi": nyc_taxi}
    asked = only.split(",") if only else [*STUDIES, *others]
    if unknown := [name for name in asked if name not in {*STUDIES, *others}]:
        raise ValueError(f"no study {unknown[0]!r}; there are {', '.join([*STUDIES, *others])}")
    for name in asked if not page_only else []:
        path = HOME / f"{name}.json"
        if path.is_file():
            continue
        started = time.perf_counter()
        try:
            if name in STUDIES:
                found = study(name, data_dir, run_dir / name)
            else:
                found = others[name](manual_dir, run_dir / name)
        except FileNotFoundError as error:
            print(f"{name}: not measured: {error}")
            continue
        minutes = (time.perf_counter() - started) / 60
        with written_whole(path) as part:
            part.write_text(json.dumps(found | {"minutes": round(minutes, 1)}) + "\n")
        shutil.rmtree(run_dir / name, ignore_errors=True)
        print(f"{name}: {minutes:.1f} minutes", flush=True)
    claims_page.write(HOME)


def study(name: str, data_dir: Path | None, folder: Path) -> dict[str, Any]:
    setup = STUDIES[name](data_dir)
    whole = comparison.Study(
        setup.arms,
        setup.source,
        setup.conditions,
        setup.samples,
        setup.seeds,
        folder,
        extra=setup.extra,
    )
    with Progress(transient=True) as progress:
        bar = progress.add_task(name, total=whole.trainings)
        results = whole.run(lambda done: progress.update(bar, completed=done))
    arms = {arm.label: dict(arm.spec) for arm in setup.arms}
    slim = [{k: v for k, v in result.items() if k != "arm"} for result in results]
    conditions = json.loads(json.dumps(asdict(setup.conditions)))
    return {"conditions": conditions, "arms": arms, "results": slim}


def equivariance(*_: Any) -> dict[str, Any]:
    """How far a layer is from giving moved features for a moved image: relative L2 distance.

    Random kernels of a 3 × 3 layer on digits of 16 pixels whose ends meet, moved by one pixel.
    """
    x = load("digits", image_size=16).arrays("test")[0][:100]
    results = []
    for label, tiles in (("conv", 1), ("tiled, 2 × 2", 2), ("tiled, 8 × 8", 8), ("local", None)):
        for seed in range(SEEDS):
            keras.utils.set_random_seed(seed)
            layer = LocallyConnected2D(8, 3, padding="circular", activation="relu", tiles=tiles)
            plain = np.roll(keras.ops.convert_to_numpy(layer(x)), 1, axis=2)
            moved = keras.ops.convert_to_numpy(layer(np.roll(x, 1, axis=2)))
            error = float(np.linalg.norm(moved - plain) / np.linalg.norm(plain))
            row = {"label": label, "samples": 0, "seed": seed, "error": error}
            results.append(row | {"stored": layer.count_params()})
    return {"results": results}


def nyc_taxi(manual_dir: Path | None, folder: Path) -> dict[str, Any]:
    """What recipes/anomaly.py measures, with more seeds: AUROC of a series' points."""
    if manual_dir is None or not manual_dir.is_dir():
        raise FileNotFoundError("give NAB's raw files by --manual-dir")
    recipe = [sys.executable, REPO / "recipes" / "anomaly.py", "series", "nyc_taxi"]
    options = ["--seeds", SEEDS, "--manual-dir", manual_dir, "--out", folder]
    subprocess.run([*map(str, recipe), *map(str, options)], check=True)
    rows = json.loads((folder / "metrics.json").read_text())["results"]
    results = [
        {"label": r["score"], "samples": 0, "seed": r["seed"], "AUROC": r["AUROC"]} for r in rows
    ]
    return {"results": results}


if __name__ == "__main__":
    run(main)
