"""Models in files: those that an estimate keeps and scores again, and those that measurements are drawn from."""

from collections.abc import Sequence
from pathlib import Path

from ideal.density import Density, load
from ideal.errors import DataError, UsageError


def load_model(path: str) -> Density:
    """Return the model in a file, with what it was fitted to.

    Raises:
        DataError: the file is missing or holds no model.

    """
    if not Path(path).exists():
        raise DataError(f"{path}: no such file")
    if Path(path).is_dir():
        raise DataError(f"{path}: is a folder: name a model file in it (.h5)")
    return load(path)


def load_fitted(paths: Sequence[str]) -> dict[str, Density]:
    """Return the models in files by "model:file", to be scored.

    Raises:
        DataError: a model does not say what it was fitted to: it could be scored on that.

    """
    fitted: dict[str, Density] = {}
    seen = {}
    for path in paths:
        place = Path(path).resolve()
        if place in seen:
            raise UsageError(f"{path} is named twice: name each model once")
        seen[place] = path
        model = load_model(path)
        if model.origin is None:
            raise DataError(
                f"{path} does not say what the model was fitted to: it may have seen what it would score: fit it again"
            )
        name = own = f"{model.name}:{Path(path).stem}"
        while name in fitted:
            name = f"{own}-{int(name.removeprefix(own).removeprefix('-') or 1) + 1}"
        fitted[name] = model
    return fitted


def check_save(target: str | Path | None, files: Sequence[str], fits: bool) -> None:
    """Refuse, before any work, to keep a model that there will not be.

    Args:
        target: the file to keep it in, or None.
        files: of measurements.
        fits: whether models are fitted.

    Raises:
        UsageError: there are several files, or nothing is fitted.

    """
    if target is None:
        return
    if len(files) > 1:
        raise UsageError(f"`save_model` keeps the model of one measurement file; found {len(files)}: use `out` for several")
    if not fits:
        raise UsageError("`save_model` keeps a model that is fitted here: name one to fit (`models`), or leave it out")


def save_chosen(target: str, models: Sequence[Density]) -> None:
    """Write the model that validation chose in the first fold.

    Raises:
        DataError: it is one that was fitted before.

    """
    chosen = [model for model in models if model.origin and model.origin.get("chosen")]
    if not chosen:
        raise DataError(f"{target}: nothing is written, the model that was chosen is one of those loaded")
    chosen[0].save(target)
