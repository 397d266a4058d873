"""`wszoo.transfer(backbone, task, data=…)`: a pretrained backbone under a new head, in one call."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Unpack

from wszoo import checks
from wszoo.arguments import called, checked, each, either, model, of_class, token, whatever
from wszoo.keras_settings import pinned
from wszoo.transferring.keywords import Options, TransferOptions, grouped
from wszoo.transferring.options import Features, Freezing, Preparation, Running, Training
from wszoo.transferring.result import Result

if TYPE_CHECKING:
    import keras

    from wszoo.data.examples import Examples
    from wszoo.tasks.heads import Parts
    from wszoo.tasks.task import Task
    from wszoo.transferring.backbones import Backbone
    from wszoo.transferring.freezing.freeze_plan import FreezePlan


@checked(
    backbone=either(checks.text, model, valid="a name or a functional Keras model"),
    task=either(checks.text, of_class("Task")),
    data=whatever,
    head=either(checks.text, called, valid="a name, a layer or a function"),
    order=either(token, each(either(checks.number, token))),
)
@pinned()
def transfer(
    backbone: "str | keras.Model",
    task: "str | Task" = "classification",
    data: object = None,
    *,
    head: "str | Callable[[keras.KerasTensor], keras.KerasTensor] | None" = None,
    order: Sequence[str | float] | None = None,
    freezing: Freezing | None = None,
    features: Features | None = None,
    training: Training | None = None,
    preparation: Preparation | None = None,
    running: Running | None = None,
    **options: Unpack[TransferOptions],
) -> Result:
    """Trains a head, and what else is asked for, on a pretrained backbone.

    Args:
        backbone: a tag (`"conv_net.omniglot"`), `"keras:MobileNetV3Small"`, `"hub:PRESET"`, or a
            functional Keras model, which is not changed. Of its class nothing is used, no
            `train_step` of its own either. See `wszoo.transferring.backbones.find`.
        task: classification, multi_label, regression, ordinal or embedding, or a `Task`.
        data: a source's name or path, a `Source`, or arrays; see `wszoo.data.examples`.
        head: `"dense"`, `"cosine"`, `"mlp"` (see `wszoo.tasks.named_heads`), or your own: a
            Keras layer or a function from features `(batch, width)` to what the task's loss takes.
        order: for `ordinal`: the classes from low to high; not needed where they are numbers.
        freezing: what trains: `freeze`, `lora`, `lr_decay`, `multipliers`, `l2_sp`.
        features: what the head sees: `cache`, `augment`, `views`.
        training: how: `epochs`, `batch_size`, `learning_rate`, `schedule`, `optimizer`,
            `probe_first`, `early_stopping`, `class_weight`, `mixed_precision`, `accumulate`.
        preparation: of backbone and inputs: `weights`, `image_size`, `resize`, `input_range`.
        running: `resume`, `tensorboard`, `distribution`, `seed`, `verbose`.
        options: the fields of these groups as plain keywords, `epochs=5, lora=4`. What each is:
            `help(wszoo.transferring.Training)` and so on.

    Raises `ValueError` for what does not fit together, and for a `resume` folder in which another
    process is at work, before anything is trained.
    """
    import keras

    from wszoo import input_range, tasks
    from wszoo.data.streams import sample
    from wszoo.tasks.named_heads import with_head
    from wszoo.transferring import backbones
    from wszoo.transferring.freezing.freeze_plan import as_freeze_plan
    from wszoo.transferring.training import processes as distributed
    from wszoo.transferring.training.inputs import Inputs
    from wszoo.transferring.training.l2_sp import l2_sp
    from wszoo.transferring.training.loop import Runner

    wanted = grouped(
        options, freezing=freezing, features=features, training=training, preparation=preparation,
        running=running,
    )  # fmt: skip
    if data is None:
        raise ValueError("name the data to learn from: transfer(backbone, task, data)")
    freeze, epochs, seed = wanted.freezing.freeze, wanted.training.epochs, wanted.running.seed
    freeze_plan = as_freeze_plan(freeze, epochs) if freeze else None  # a bad one is said first
    processes = distributed.started(wanted.running.distribution, seed=seed)
    keras.utils.set_random_seed(seed)
    kind = tasks.find(task, head=True)
    if isinstance(head, str):
        kind, head = with_head(kind, head), None
    source = backbones.find(
        backbone, weights=wanted.preparation.weights, image_size=wanted.preparation.image_size
    )
    kind, examples, units = _read(kind, data, order, source, wanted)
    balance = _class_weights(kind, examples, units, wanted)
    net, adapted, notes = _prepared(source, examples, wanted)
    parts = _assemble(net, kind, head, examples, units)
    freeze_plan = freeze_plan or as_freeze_plan([*adapted, "head"], epochs)
    freeze_plan.check(parts.model)
    _compile(parts.model, kind, units, freeze_plan, wanted)
    runner = Runner(
        Inputs(parts, kind, examples, units, wanted.features, seed),
        freeze_plan,
        wanted,
        class_weight=balance,
        input_range=input_range.taken(net, sample(examples.splits["train"][0])),
        notes=notes,
        processes=processes,
    )
    strength = wanted.freezing.l2_sp
    with l2_sp(parts.backbone.layers, strength) if strength else nullcontext():
        return runner.run(source.name, probe=wanted.training.probe_first and head is None)


def _read(
    task: "Task", data: object, order: Sequence[str | float] | None, source: "Backbone",
    wanted: Options,
) -> "tuple[Task, Examples, int]":  # fmt: skip
    """The task of these examples, the examples as it takes them, and how many outputs it wants."""
    from wszoo.data.examples import examples

    given = examples(
        data,
        image_size=source.size,
        resize=wanted.preparation.resize,
        numbers=task.numbers,
        vocabulary=source.vocabulary,
    )
    read = task.read(given, order)
    task = task.named(task, read.class_names)
    return task, read, task.units(read.targets, read.class_names)


def _class_weights(
    task: "Task", examples: "Examples", units: int, wanted: Options
) -> dict[int, float] | None:
    weights = wanted.training.class_weight
    if weights is None:
        return None
    if not task.labels:
        raise ValueError(f"class_weight is for tasks of classes, not {task.name}")
    from wszoo.transferring.training.class_weights import class_weights

    return class_weights(weights, examples.targets["train"], units)


def _prepared(
    source: "Backbone", examples: "Examples", wanted: Options
) -> "tuple[keras.Model, tuple[str, ...], tuple[str, ...]]":
    """The backbone for these examples, globs of the sites that have adapters, and notes."""
    from wszoo.data.streams import sample
    from wszoo.input_range import fitted
    from wszoo.tasks.heads import put_aside
    from wszoo.transferring.training.processes import alone

    between, name = wanted.preparation.input_range, source.name
    if between is not None and ":" in name:
        raise ValueError(f"{name} has its preprocessing in its graph; leave out input_range")
    net = source.make(examples.input_shape)
    with alone():
        net, notes = fitted(net, sample(examples.splits["train"][0]), between)
    if wanted.training.mixed_precision:
        from wszoo.transferring.training.precision import in_precision

        net = in_precision(net, wanted.training.mixed_precision)
    notes += put_aside(net)
    if wanted.freezing.lora is None:
        return net, (), notes
    return *_with_adapters(net, wanted.freezing.lora), notes


def _with_adapters(net: "keras.Model", rank: int) -> "tuple[keras.Model, tuple[str, ...]]":
    """The backbone with low-rank adapters, and globs of the sites that have them."""
    from glob import escape

    from wszoo.transferring.lora import add_lora

    adapted = add_lora(net, rank=rank)
    return adapted.model, tuple(escape(site) for site in adapted.adapters.sites)


def _assemble(
    net: "keras.Model",
    task: "Task",
    head: "Callable[[keras.KerasTensor], keras.KerasTensor] | None",
    examples: "Examples",
    units: int,
) -> "Parts":
    from wszoo.tasks import heads

    y = examples.targets["train"]
    parts = heads.attach(net, head or (lambda features: task.head(features, units, y)))
    want = tuple(task.encode(y[:1], units).shape[1:]) or (units,)
    given = tuple(parts.model.output_shape[1:])
    if given != want:
        raise ValueError(
            f"the head gives outputs of shape {given}; {task.name} of these targets wants {want}"
        )
    return parts


def _compile(
    model: "keras.Model", task: "Task", units: int, freeze_plan: "FreezePlan", wanted: Options
) -> None:
    from wszoo.transferring.training.optimizer import make_optimizer

    optimizer = make_optimizer(model, wanted.freezing, wanted.training, freeze_plan.pattern)
    model.compile(optimizer, loss=task.loss(), metrics=task.metrics(units))
