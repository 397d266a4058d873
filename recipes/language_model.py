"""Write text, a character at a time, with a language model that shares its blocks over depth.

    python recipes/language_model.py --prompt "ROMEO:" --temperature 0.7 --length 400
    python recipes/language_model.py --data my.txt --steps 2000 --prompt "Once"
    python recipes/language_model.py --data my.txt --sharing depth:cycle:2 --set '{"width": 96}'

Without --data the pretrained `tied_lm.tiny_shakespeare` writes. With --data, a text file of your
own, the network is trained on its first 90 % and scored on its last 5 %; the score stands beside
that of guessing each character by how often it occurs. Writes sample.txt and metrics.json to --out
and, trained, the weights with their vocabulary, which `--weights` takes up again.

Measured: see the section on language models in README.md.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

import wszoo
from wszoo import registry, training, weights
from wszoo.command_line import run
from wszoo.command_line.options import (
    Seed,
    Smoke,
    file,
    folder,
    number,
    rate,
    settings,
    text,
    whole,
)
from wszoo.data import Source, load, tokens
from wszoo.files import write_json, write_text

PRETRAINED = "tiny_shakespeare"


def main(
    prompt: Annotated[str, typer.Option(help="How the text begins.")] = "ROMEO:",
    temperature: Annotated[
        float, number("0 takes the likeliest character.", least=0, most=100)
    ] = 0.8,
    length: Annotated[int, whole("Characters to write.")] = 400,
    data: Annotated[Path | None, file("A .txt file to learn from.", suffix=".txt")] = None,
    saved: Annotated[
        str, text("A tag, or the folder of an earlier run.", "--weights")
    ] = PRETRAINED,
    sharing: Annotated[str | None, text("A plan, as depth:cycle:2.")] = None,
    set_: Annotated[str, settings("The model's settings, JSON.")] = "{}",
    steps: Annotated[int, whole("Training steps, 16 windows each.")] = 2000,
    learning_rate: Annotated[float, rate("Of AdamW, cosine to zero.")] = 3e-3,
    seed: Seed = 0,
    out: Annotated[Path, folder("Folder of results.")] = Path("runs/language_model"),
    smoke: Smoke = False,
) -> None:
    """Write text with a language model, pretrained or of your own text."""
    keras.utils.set_random_seed(seed)
    if data is not None and saved != PRETRAINED:
        raise ValueError("--weights are those that write without --data; give one of the two")
    if data is None and (set_ != "{}" or sharing is not None):
        raise ValueError(f"--{'set' if sharing is None else 'sharing'} is for training on --data")
    if smoke:
        steps, length = 3, min(length, 20)
    metrics: dict[str, Any] = {"prompt": prompt, "temperature": temperature, "seed": seed}
    if data is None:
        card = weights.find("tied_lm", saved).card
        net = wszoo.get("tied_lm", weights=saved)
        metrics |= {"weights": f"tied_lm.{card['tag']}", "metrics": card["metrics"]}
    else:
        source = load(data)
        net, card = train(source, sharing, json.loads(set_), steps, learning_rate, seed)
        scores = {"test_nats": card["metrics"]["test_nats"]["value"], "blind": blind(source)}
        metrics |= {"data": data.name, "steps": steps, **scores}
        weights.write(out / "weights", net, card)
        print("nats a character: {test_nats:.3f}, by frequency {blind:.3f}".format(**scores))
    written = write(net, card["vocabulary"], prompt, length, temperature, seed)
    print(written)
    write_text(out / "sample.txt", written + "\n")
    write_json(out / "metrics.json", metrics)


def train(
    source: Source, sharing: str | None, settings: dict, steps: int, rate: float, seed: int
) -> tuple[keras.Model, dict[str, Any]]:
    """A model that was trained on the source, and its card."""
    keras.utils.set_random_seed(seed)
    entry = registry.entry("tied_lm")
    config = {"input_shape": source.input_shape, "vocabulary": len(source.vocabulary)} | settings
    plan = entry.plan(sharing, **config)
    net = entry.make(plan, **config)
    x, y = source.arrays("train")
    ids, size = np.append(x.ravel(), y[-1, -1]), x.shape[1]
    starts = np.random.default_rng(seed).integers(0, len(ids) - size, steps * 16)
    windows = ids[starts[:, None] + np.arange(size + 1)]
    optimizer = keras.optimizers.AdamW(training.cosine(rate, steps, warmup=steps // 15))
    net.compile(optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(windows[:, :-1], windows[:, 1:], batch_size=16, shuffle=False, verbose=2)
    card = {
        "model": "tied_lm",
        "tag": source.name,
        "plan": plan.to_dict(),
        "config": entry.settings(config),
        "data": source.origin,
        "licence": source.licence,
        "source": {"name": source.origin},
        "command": "python recipes/language_model.py",
        "seed": seed,
        "metrics": training.spread([training.evaluate(net, source, entry.task)]),
        "vocabulary": source.vocabulary,
    }
    return net, card


def blind(source: Source) -> float:
    """Nats a test character of guessing by the frequencies of train (one added to each count)."""
    counts = np.bincount(source.arrays("train")[1].ravel(), minlength=source.num_classes) + 1
    return float(-np.log(counts / counts.sum())[source.arrays("test")[1]].mean())


def write(
    net: keras.Model,
    vocabulary: list[str],
    prompt: str,
    length: int,
    temperature: float,
    seed: int = 0,
) -> str:
    """The prompt and `length` characters more, each drawn given the window before it."""
    rng, size = np.random.default_rng(seed), net.input_shape[1]
    ids = list(tokens.encode(prompt or "\n", vocabulary))
    given = len(ids)
    for _ in range(length):
        seen = ids[-size:]
        window = np.zeros((1, size), "int32")
        window[0, : len(seen)] = seen  # what stands behind does not matter: the model is causal
        logits = net.predict_on_batch(window)[0, len(seen) - 1].astype("float64")
        logits[0] = -np.inf  # the unknown character
        if temperature == 0:
            ids.append(int(logits.argmax()))
            continue
        chances = np.exp((logits - logits.max()) / temperature)
        ids.append(int(rng.choice(len(chances), p=chances / chances.sum())))
    return prompt + tokens.decode(ids[given:], vocabulary)


if __name__ == "__main__":
    run(main)
