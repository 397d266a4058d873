"""Steps that write a model: its file, and what other programs read; another process reads them."""

import wszoo
from benchmarks.foreign.case import Case, Nothing, flags, some_frozen, unique_bytes
from benchmarks.foreign.names import ONNX


def save(case: Case) -> str | None:
    path = case.folder / "model.keras"
    with some_frozen(case.model):
        wszoo.save(case.model, path)
        facts = {"flags": flags(case.model), "compiled": case.model.compiled}
        facts |= {"sites": wszoo.sites(case.model), "plan": wszoo.plan_of(case.model).pattern}
        # A frozen norm computes otherwise under augmentation, which trains if not told not to.
        case.job("save", path, weights=len(case.model.weights), **facts)
    return None


def written(case: Case, step: str, formats: str, precision: str = "float32") -> str | None:
    """Exports, and leaves a job."""
    folder, how = case.folder / step, {"formats": [formats], "precision": precision}
    report = wszoo.export(case.model, folder, **how, inputs=case.inputs)
    (file,) = report.files
    case.job(step, file.path, bytes=unique_bytes(case.model), precision=precision)
    return None


def saved_model(case: Case) -> str | None:
    return written(case, "SavedModel", "saved_model")


def stock(case: Case) -> str | None:
    """Keras' own export: what it can, ours should."""
    path = case.folder / "stock"
    try:
        case.model.export(str(path), verbose=False)
    except Exception as error:
        raise Nothing(f"fails: {type(error).__name__}") from error
    case.job("stock", path)
    return None


def litert32(case: Case) -> str | None:
    return written(case, "LiteRT float32", "litert")


def litert16(case: Case) -> str | None:
    return written(case, "LiteRT float16", "litert", "float16")


def litert8(case: Case) -> str | None:
    return written(case, "LiteRT dynamic int8", "litert", "dynamic_int8")


def onnx(case: Case) -> str | None:
    if case.name not in ONNX:
        raise Nothing("not tried")
    return written(case, "ONNX", "onnx")
