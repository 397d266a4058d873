"""Without --data the pretrained `tied_lm.tiny_shakespeare` writes.

With --data, a text file of your own, the network is trained on its first 90 % and scored on its
last 5 %; the score stands beside that of guessing each character by how often it occurs. Writes
sample.txt and metrics.json to --out and, trained, the weights with their vocabulary, which
`--weights` takes up again.

Measured: see the section on language models in README.md.
"""

import dataclasses
import json
from typing import Any

import keras
import numpy as np

import wszoo
from wszoo import registry, training, weights
from wszoo.data import Source, load, tokens
from wszoo.files import write_json, write_text
from wszoo.recipes.language_model import LanguageModel


def main(options: LanguageModel) -> None:
    """Write text with a language model, pretrained or of your own text."""
    keras.utils.set_random_seed(options.seed)
    if options.smoke:
        options = dataclasses.replace(options, steps=3, length=min(options.length, 20))
    out, said = options.out, ("prompt", "temperature", "seed")
    metrics: dict[str, object] = {name: getattr(options, name) for name in said}
    if options.data is None:
        card = weights.find("tied_lm", options.saved).card
        net = wszoo.get("tied_lm", weights=options.saved)
        metrics |= {"weights": f"tied_lm.{card['tag']}", "metrics": card["metrics"]}
    else:
        source = load(options.data)
        net, card = train(source, options)
        scores = {"test_nats": card["metrics"]["test_nats"]["value"], "blind": blind(source)}
        metrics |= {"data": options.data.name, "steps": options.steps, **scores}
        weights.write(out / "weights", net, card)
        print("nats a character: {test_nats:.3f}, by frequency {blind:.3f}".format(**scores))
    written = write(net, card["vocabulary"], options)
    print(written)
    write_text(out / "sample.txt", written + "\n")
    write_json(out / "metrics.json", metrics)


def train(source: Source, options: LanguageModel) -> tuple[keras.Model, dict[str, Any]]:
    """A model that was trained on the source, and its card."""
    seed, steps = options.seed, options.steps
    keras.utils.set_random_seed(seed)
    entry = registry.entry("tied_lm")
    config = {"input_shape": source.input_shape, "vocabulary": len(source.vocabulary)}
    config |= json.loads(options.set_)
    plan = entry.plan(options.sharing, **config)
    net = entry.make(plan, **config)
    x, y = source.arrays("train")
    ids, size = np.append(x.ravel(), y[-1, -1]), x.shape[1]
    starts = np.random.default_rng(seed).integers(0, len(ids) - size, steps * 16)
    windows = ids[starts[:, None] + np.arange(size + 1)]
    rate = training.cosine(options.learning_rate, steps, warmup=steps // 15)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.AdamW(rate), loss=loss)
    net.fit(windows[:, :-1], windows[:, 1:], batch_size=16, shuffle=False, verbose=2)
    card = {
        "model": "tied_lm",
        "tag": source.name,
        "plan": plan.to_dict(),
        "config": entry.settings(config),
        "data": source.origin,
        "licence": source.licence,
        "source": {"name": source.origin},
        "command": "wszoo language-model",
        "seed": seed,
        "metrics": training.spread([training.evaluate(net, source, entry.task)]),
        "vocabulary": source.vocabulary,
    }
    return net, card


def blind(source: Source) -> float:
    """Nats a test character of guessing by the frequencies of train (one added to each count)."""
    counts = np.bincount(source.arrays("train")[1].ravel(), minlength=source.num_classes) + 1
    return float(-np.log(counts / counts.sum())[source.arrays("test")[1]].mean())


def write(net: keras.Model, vocabulary: list[str], options: LanguageModel) -> str:
    """The prompt and `length` characters more, each drawn given the window before it."""
    rng, size = np.random.default_rng(options.seed), net.input_shape[1]
    ids = list(tokens.encode(options.prompt or "\n", vocabulary))
    given = len(ids)
    for _ in range(options.length):
        before = ids[-size:]
        window = np.zeros((1, size), "int32")
        window[0, : len(before)] = before  # the model is causal: what stands behind does not matter
        logits = net.predict_on_batch(window)[0, len(before) - 1].astype("float64")
        logits[0] = -np.inf  # the unknown character
        if options.temperature == 0:
            ids.append(int(logits.argmax()))
            continue
        chances = np.exp((logits - logits.max()) / options.temperature)
        ids.append(int(rng.choice(len(chances), p=chances / chances.sum())))
    return options.prompt + tokens.decode(ids[given:], vocabulary)
