"""`wszoo.transfer(backbone, task, data=…)`: a pretrained backbone under a new head, in one call."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo import checks
from wszoo.arguments import (
    called,
    checked,
    each,
    either,
    mapping,
    model,
    of_class,
    one_word,
    path,
    token,
    whatever,
)
from wszoo.keras_settings import pinned
from wszoo.transferring.freezing.plan import FreezePlan, Phase
from wszoo.transferring.result import Result

if TYPE_CHECKING:
    import keras

    from wszoo.tasks.heads import Parts
    from wszoo.tasks.task import Task
    from wszoo.transferring.training.processes import Processes


def _freeze(name: str, value: Any) -> Any:
    """A freeze plan in one of its spellings."""
    if isinstance(value, str | os.PathLike | Mapping | FreezePlan):
        return value
    return each(checks.text, least=0)(name, value)


@checked(
    backbone=either(checks.text, model, valid="a name or a functional Keras model"),
    task=either(checks.text, of_class("Task")),
    data=whatever,
    freeze=_freeze,
    order=either(token, each(either(checks.number, token))),
    head=either(checks.text, called, valid="a name, a layer or a function"),
    schedule=one_word("cosine", "constant"),
    optimizer=of_class("Optimizer"),
    cache=either(checks.flag, path),
    augment=either(
        called, one_word("jitter"), valid="'jitter' or a function (images, seed) → images"
    ),
    class_weight=either(
        mapping, one_word("balanced"), valid="'balanced' or a weight for each class"
    ),
    mixed_precision=either(checks.flag, checks.text),
    weights=path,
    input_range=each(checks.number, least=2),
    distribution=either(checks.text, of_class("Processes")),
)
@pinned()
def transfer(
    backbone: "str | keras.Model",
    task: "str | Task" = "classification",
    data: Any = None,
    *,
    freeze: "str | list[str] | Mapping[str, Any] | os.PathLike | FreezePlan | None" = None,
    order: Sequence[str | float] | None = None,
    head: str | Callable[[Any], Any] | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    schedule: str = "cosine",
    optimizer: "keras.optimizers.Optimizer | None" = None,
    lr_decay: float = 1.0,
    multipliers: Mapping[str, float] | None = None,
    probe_first: bool = True,
    cache: str | os.PathLike | bool = "auto",
    augment: Any = None,
    views: int = 0,
    lora: int | None = None,
    l2_sp: float = 0.0,
    early_stopping: int | None = None,
    class_weight: str | Mapping[int, float] | None = None,
    mixed_precision: bool | str = False,
    accumulate: int = 1,
    weights: str | os.PathLike | None = "imagenet",
    image_size: int | None = None,
    resize: str | None = None,
    input_range: Sequence[float] | None = None,
    tensorboard: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    distribution: "str | Processes | None" = None,
    seed: int = 0,
    verbose: int = 1,
) -> Result:
    """Trains a head, and what else is asked for, on a pretrained backbone.

    Args:
        backbone: a tag (`"conv_net.omniglot"`), `"keras:MobileNetV3Small"`, `"hub:PRESET"`, or a
            functional Keras model, which is not changed. Of its class nothing is used, no
            `train_step` of its own either. See `wszoo.transferring.backbones.find`, also for
            `weights` and `image_size`.
        task: classification, multi_label, regression, ordinal or embedding, or a `Task`.
        data: a source's name or path, a `Source`, or arrays; see
            `wszoo.data.examples`.
        freeze: what trains: `"head"` (the default; always the new one: sites of the backbone of
            that name become `backbone.head`), `"all"`, globs over stages or sites, or a
            freeze plan: `FreezePlan`, dict or path of a YAML file, see
            `wszoo.transferring.freezing.plan`. With `lora` the default is the adapters and the
            head.
        order: for `ordinal`: the classes from low to high; not needed where they are numbers.
        head: `"dense"`, `"cosine"`, `"mlp"` (see `wszoo.tasks.named_heads`), or your own: a
            Keras layer or a function from features `(batch, width)` to what the task's loss takes.
        epochs: where `freeze` is no plan, which has its own.
        batch_size: at most; all batches have one size, which leaves the fewest examples out.
        learning_rate: of Adam.
        schedule: `"cosine"`, to zero over each phase and by epochs, or `"constant"`.
        optimizer: a new Keras optimizer instead of Adam; its rate, or its own schedule, counts.
        lr_decay, multipliers: layer-wise rates, see
            `wszoo.transferring.freezing.rates.layer_rates`.
        probe_first: start the head at its closed form (Kumar et al. 2022). Not for ordinal.
        cache: `"auto"` computes the features of a frozen backbone once and keeps them in memory, a
            folder keeps them there, `False` never does. Where it is not valid, `result.cache` says
            why not.
        augment: `"jitter"`, or a function (images, seed) → images.
        views: with `augment`, so many fixed views of each image in turn, which may be cached; 0
            makes new ones in every epoch.
        lora: rank of low-rank adapters on the backbone's layers, which then train in place of the
            kernels. `wszoo.transferring.lora.merge(result.model)` adds them into the kernels.
        l2_sp: strength of the pull towards the pretrained weights (Li et al. 2018).
        early_stopping: end a phase after so many epochs without a smaller validation loss, and go
            on from the best weights; the start counts too.
        class_weight: `"balanced"` or a weight by class.
        mixed_precision: `True`, or the name of a Keras dtype policy. The head stays in float32.
        accumulate: batches whose gradients one step sums up.
        resize: how images come to the backbone's size: `"crop"` to their centred square (the
            default), `"pad"` or `"stretch"`; see `wszoo.data.load`. It is kept with the model.
        input_range: the values, such as `(0, 255)`, between which a backbone of your own takes
            its inputs; data in [0, 1] are scaled to it inside of the model. By default what
            `wszoo.sharing.about.describe` or its file says, else what its own scaling of real
            images tells.
        tensorboard: folder for TensorBoard's logs.
        resume: a folder for backups. The same call goes on there after it was killed, and ends as
            an unbroken one would.
        distribution: `"data_parallel"` trains over several processes, which all make this call, on
            the JAX backend; see `wszoo.transferring.training.processes.start`, which is called
            first of all, or whose result this is. Files are written by process 0, `resume` and a
            folder of features are for all, and each process gets the same result.
        seed: of the head's start, the order of the examples, and the augmentation.
        verbose: as in `fit`: 0 silent, 1 a progress bar, 2 a line an epoch.

    Raises `ValueError` for what does not fit together, and for a `resume` folder in which another
    process is at work, before anything is trained.
    """
    import keras

    from wszoo import input_range as ranges
    from wszoo import tasks
    from wszoo.data.examples import examples
    from wszoo.sharing.about import describe
    from wszoo.tasks.named_heads import with_head
    from wszoo.transferring import backbones
    from wszoo.transferring.training import batches as feed
    from wszoo.transferring.training import extras
    from wszoo.transferring.training import processes as distributed
    from wszoo.transferring.training.inputs import Material
    from wszoo.transferring.training.loop import Runner

    if data is None:
        raise ValueError("name the data to learn from: transfer(backbone, task, data)")
    if views and augment is None:
        raise ValueError(f"views={views} are views of augmented images; give augment too")
    plan = None if not freeze else as_plan(freeze, epochs)  # a bad one is said before all else
    processes = distributed.started(distribution, seed=seed)
    keras.utils.set_random_seed(seed)
    kind, policy = tasks.find(task, head=True), extras.policy_name(mixed_precision)
    if isinstance(head, str):
        kind, head = with_head(kind, head), None
    found = backbones.find(backbone, weights=weights, image_size=image_size)
    given = examples(
        data,
        image_size=found.size,
        resize=resize,
        numbers=kind.numbers,
        vocabulary=found.vocabulary,
    )
    known = kind.read(given, order)
    kind = kind.named(kind, known.class_names)
    units = kind.units(known.targets, known.class_names)
    if class_weight is not None and not kind.labels:
        raise ValueError(f"class_weight is for tasks of classes, not {kind.name}")
    balance = extras.class_weights(class_weight, known.targets["train"], units)
    if input_range is not None and isinstance(backbone, str) and ":" in backbone:
        raise ValueError(f"{backbone} has its preprocessing in its graph; leave out input_range")
    images = known.splits["train"][0]
    net = found.make(known.input_shape)
    with distributed.alone():
        net, notes = ranges.fitted(net, images, input_range)
    net = extras.in_precision(net, policy) if policy else net
    notes += _put_aside(net)
    adapted: tuple[str, ...] = ()
    if lora is not None:
        net, adapted = _with_adapters(net, lora)
    parts = _assemble(net, kind, head, known, units)
    plan = plan or as_plan([*adapted, "head"], epochs)
    plan.check(parts.model)
    parts.model.compile(
        extras.make_optimizer(
            parts.model,
            optimizer,
            learning_rate=learning_rate,
            decay=lr_decay,
            multipliers=multipliers,
            pattern=plan.pattern,
            accumulate=accumulate,
            policy=policy,
        ),
        loss=kind.loss(),
        metrics=kind.metrics(units),
    )
    seen = Material(
        parts,
        kind,
        known,
        units,
        cache=cache,
        augment=feed.find_augment(augment),
        views=views,
        seed=seed,
    )
    runner = Runner(
        seen,
        plan,
        batch_size=batch_size,
        schedule=schedule,
        patience=early_stopping,
        class_weight=balance,
        logs=_checked_logs(tensorboard),
        folder=None if resume is None else Path(resume),
        l2_sp=l2_sp,
        input_range=ranges.taken(net, images),
        notes=notes,
        seed=seed,
        verbose=verbose,
        processes=processes,
    )
    with extras.l2_sp(parts.backbone.layers, l2_sp):
        result = runner.run(found.name, probe=probe_first and head is None)
    describe(result.model, task=kind.name, **known.facts)
    return result


def _put_aside(net: "keras.Model") -> tuple[str, ...]:
    """Calls the backbone's own stage `head` otherwise, before anything speaks of sites."""
    from wszoo.sharing import graph
    from wszoo.tasks.heads import beside_head

    before = graph.names_of(net)
    after = beside_head(before)
    graph.remember(net, after.sites, after.declared)
    pairs = zip(before.sites, after.sites, strict=True)
    moved = [f"{old!r} is {new!r}" for old, new in pairs if old != new]
    if not moved:
        return ()
    return (f"'head' is the new head; of the backbone's own sites {', '.join(moved)} here",)


def as_plan(freeze: Any, epochs: int) -> FreezePlan:
    """A freeze plan of any spelling; of globs, one phase of so many epochs."""
    if isinstance(freeze, FreezePlan):
        return freeze
    if isinstance(freeze, Mapping):
        return FreezePlan.from_dict(freeze)
    if isinstance(freeze, os.PathLike) or str(freeze).endswith((".yaml", ".yml")):
        return FreezePlan.from_yaml(freeze)
    train = freeze if isinstance(freeze, str) else tuple(freeze)
    return FreezePlan((Phase("train", train, epochs),))


def _assemble(net: "keras.Model", task: "Task", head: Any, known: Any, units: int) -> "Parts":
    from wszoo.tasks import heads

    y = known.targets["train"]
    parts = heads.attach(net, head or (lambda features: task.head(features, units, y)))
    want = tuple(task.encode(y[:1], units).shape[1:]) or (units,)
    given = tuple(parts.model.output_shape[1:])
    if given != want:
        raise ValueError(
            f"the head gives outputs of shape {given}; {task.name} of these targets wants {want}"
        )
    return parts


def _with_adapters(net: "keras.Model", rank: int) -> "tuple[keras.Model, tuple[str, ...]]":
    """The backbone with low-rank adapters, and globs of the sites that have them."""
    from glob import escape

    from wszoo.transferring.lora import add_lora

    made = add_lora(net, rank=rank)
    return made.model, tuple(escape(site) for site in made.adapters.sites)


def _checked_logs(folder: Any) -> Path | None:
    """Raises `ImportError` where logs are asked for and TensorBoard is not installed."""
    import importlib.util

    if folder is not None and importlib.util.find_spec("tensorboard") is None:
        raise ImportError("tensorboard= needs TensorBoard: pip install tensorboard")
    return None if folder is None else Path(folder)
