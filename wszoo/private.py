"""Names that other packages keep private, each behind a function that says what for.

A new release of Keras, TensorFlow or KerasTuner may change any of them: whoever reads its notes
opens this file. Tried with Keras 3.15, TensorFlow 2.21 and KerasTuner 1.4. Elsewhere in wszoo there
are none (`tests/house/test_private.py`), but for methods that a subclass overrides.
"""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import keras_tuner
    import tensorflow as tf
    import tensorflow_datasets as tfds


class Arguments(Protocol):
    """The arguments of a call, as Keras keeps them."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Node(Protocol):
    """A call of a layer or operation, as Keras keeps it."""

    operation: "keras.Operation"
    arguments: Arguments
    input_tensors: list["keras.KerasTensor"]
    outputs: list["keras.KerasTensor"]
    parent_nodes: list["Node"]


def parts_of(
    layer: "keras.Layer", *, itself: bool = True, deep: bool = True
) -> Iterator["keras.Layer"]:
    """A layer and the layers inside of it, at any depth or only the next; each once."""
    return layer._flatten_layers(include_self=itself, recursive=deep)


def has_parts(value: object) -> bool:
    """Whether a value is a Keras layer or model, without importing Keras."""
    return hasattr(value, "_flatten_layers")


def listed_layers(model: "keras.Model") -> list["keras.Layer"]:
    """The layers of a Sequential as often as they are called; `model.layers` has each once."""
    return model._layers


def has_graph(sequential: "keras.Sequential") -> bool:
    """Whether a Sequential runs a graph; without one it calls its layers in Python."""
    return bool(sequential._functional)


def stated_output_shape(layer: "keras.layers.Lambda") -> object:
    """The `output_shape` that a `Lambda` was made with."""
    return layer._output_shape


def maker_of(tensor: "keras.KerasTensor") -> "keras.Operation":
    """The layer or operation whose call made a symbolic tensor."""
    return tensor._keras_history.operation


def call_of(tensor: "keras.KerasTensor") -> Node:
    """Keras' node of the call that made a symbolic tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def calls_of(operation: "keras.Operation") -> list[Node]:
    """Keras' nodes of all calls of a layer or operation, in any graph, in their order."""
    return operation._inbound_nodes


def own_trainable(layer: "keras.Layer") -> list["keras.Variable"]:
    """Variables that a layer holds itself and that train by their kind, whatever is frozen."""
    return layer._trainable_variables


def own_non_trainable(layer: "keras.Layer") -> list["keras.Variable"]:
    """Variables that a layer holds itself and that never train, such as a norm's statistics."""
    return layer._non_trainable_variables


def own_variables(layer: "keras.Layer") -> list["keras.Variable"]:
    """All variables that a layer holds itself, without those of layers inside of it."""
    return layer._trainable_variables + layer._non_trainable_variables


def flag_of(layer: "keras.Layer") -> bool:
    """A layer's `trainable` as it was set, for a class that overrides the property."""
    return layer._trainable


def mask_of(tensor: object) -> "keras.KerasTensor | None":
    """The mask that a tensor carries from layer to layer, if any."""
    return getattr(tensor, "_keras_mask", None)


def noted_arguments(operation: "keras.Operation") -> dict[str, object]:
    """The arguments of a constructor as Keras noted them; empty where one is not plain."""
    noted = getattr(operation, "_auto_config", None)
    return dict(noted.config) if noted else {}


def handed_on(layer: "keras.Layer") -> tuple[str, ...]:
    """Call arguments, such as `training`, that a layer takes from the call around it."""
    return tuple(getattr(layer, "_call_context_args", ()))


def compile_arguments(model: "keras.Model") -> dict[str, Any]:
    """The arguments of the last `compile`, as they were given."""
    return dict(model._compile_config.config)


def trained_by(optimizer: "keras.optimizers.Optimizer") -> list["keras.Variable"]:
    """The model's variables that an optimizer was built for, in its order."""
    return optimizer._trainable_variables


def place_of(optimizer: "keras.optimizers.Optimizer", variable: "keras.Variable") -> int:
    """The place of a variable among those that the optimizer was built for."""
    return optimizer._get_variable_index(variable)


def schedule_of(
    optimizer: "keras.optimizers.Optimizer",
) -> "keras.optimizers.schedules.LearningRateSchedule | None":
    """The schedule of an optimizer's learning rate, of which `learning_rate` gives the value."""
    rate = getattr(optimizer, "_learning_rate", None)
    return rate if callable(rate) and hasattr(rate, "get_config") else None


def begin_at(model: "keras.Model", epoch: int) -> None:
    """Lets the `fit` that is about to run begin with a later epoch."""
    model._initial_epoch = epoch


def backup_path(callback: "keras.callbacks.BackupAndRestore") -> str:
    """Where Keras' `BackupAndRestore` keeps the weights."""
    return callback._weights_path


def scales_per_tensor(converter: "tf.lite.TFLiteConverter") -> None:
    """One int8 scale a tensor: with one a channel, a transposed kernel would be a second constant.

    TensorFlow has had no public way since 2.13.
    """
    converter._experimental_disable_per_channel = True
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def without_downloads(builder: "tfds.core.DatasetBuilder", refuse: Callable[..., object]) -> None:
    """Lets a TFDS builder prepare from files on disk; `refuse` is called for any other one."""
    make = builder._make_download_manager

    def make_offline(**kwargs: object) -> "tfds.download.DownloadManager":
        manager = make(**kwargs)
        assert callable(manager._download), "TFDS has renamed what wszoo replaces"
        manager._download = manager.download_kaggle_data = refuse
        return manager

    builder._make_download_manager = make_offline


def oracle_file(oracle: "keras_tuner.Oracle") -> str:
    """Where a KerasTuner oracle keeps its state."""
    return oracle._get_oracle_fname()


def tuner_file(tuner: "keras_tuner.Tuner") -> str:
    """Where a KerasTuner tuner keeps its state."""
    return tuner._get_tuner_fname()


def trial_folder(oracle: "keras_tuner.Oracle", trial_id: str) -> str:
    """Where a KerasTuner oracle keeps a trial."""
    return oracle._get_trial_dir(trial_id)


def trial_weights(tuner: "keras_tuner.Tuner", trial_id: str) -> str:
    """Where a KerasTuner tuner keeps the best weights of a trial."""
    return tuner._get_checkpoint_fname(trial_id)


def saves_by(callback: "keras.callbacks.Callback", save: Callable[[], None]) -> None:
    """Lets KerasTuner's callback for the best epoch's weights save them by another function."""
    callback._save_model = save


def is_worker(tuner: "keras_tuner.Tuner") -> bool:
    """Whether a KerasTuner tuner takes its trials from a chief in another process."""
    return tuner._is_worker()


def weights_in_memory(model: "keras.Model") -> io.BytesIO:
    """The HDF5 file that `model.save_weights` would write. Keras' public ways take a path."""
    from keras.src.saving.saving_lib import H5IOStore, _save_state

    memory = io.BytesIO()
    store = H5IOStore(memory, mode="w")
    _save_state(
        model, weights_store=store, assets_store=None, inner_path="", visited_saveables=set()
    )
    store.close()
    return memory


def model_in_memory(model: "keras.Model") -> io.BytesIO:
    """The `.keras` file that `keras.saving.save_model` would write; its public way takes a path."""
    from keras.src.saving.saving_lib import save_model

    memory = io.BytesIO()
    save_model(model, memory)
    return memory
