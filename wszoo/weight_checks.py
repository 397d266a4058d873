"""What weights must be: those of the model that they are for, and finite."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def check_trained(model: "keras.Model") -> None:
    """Raises `ValueError` for a model whose weights hold NaN or infinity."""
    import numpy as np

    for weight in model.weights:
        if "float" in str(weight.dtype) and not np.isfinite(weight.numpy().astype("float32")).all():
            raise ValueError(
                f"the weights {weight.path!r} of {model.name!r} hold NaN or infinity: its training "
                "diverged. Nothing was written; train it at a lower learning rate"
            )


def check_owners(model: "keras.Model", path: Path) -> None:
    """Keras fills layers by their place and passes over what is left in the file."""
    import h5py

    from wszoo.sharing import graph
    from wszoo.sharing.files.arrays import file_parameters

    sites = graph.names_of(model).declared
    wanted = set(graph.plan_of(model).restrict(sites).groups)
    with h5py.File(path) as file:
        names: set[str] = set()
        file.visititems(lambda _, item: names.add(str(item.attrs.get("name"))))
    own = names & set(sites)
    if own and own != wanted:
        raise ValueError(
            f"it was saved under another plan: it holds layers for the sites {sorted(own)}, and "
            f"this model has them at {sorted(wanted)}. Build the model under the file's plan and "
            "use wszoo.retie(model, plan)"
        )
    held, stored = file_parameters(path), model.count_params()
    if held != stored:
        raise ValueError(f"it holds {held:,} parameters, and this model {stored:,}")


def check_finite(path: Path) -> None:
    """Raises `ValueError` for a file of weights that holds NaN or infinity."""
    import numpy as np

    from wszoo.sharing.files.arrays import file_arrays

    for name, array in file_arrays(path).items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"its weight {name!r} holds NaN or infinity")
