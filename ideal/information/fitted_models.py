"""Models fitted before: what each was fitted to, and which measurements may score it.

A model must never be scored on sources that it was fitted to. So every fit notes its measurements and how they were split; on the
same measurements it is scored where it was not fitted, on others everywhere.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

from ideal.density import Density, Sensor
from ideal.errors import UsageError
from ideal.health import Finding, plain_note
from ideal.measurements.patches import Fold, split_by_group
from ideal.noise.members import noise_of_record

_CHECKED_VALUES = 4096  # few, so that samples added to a small file do not hide it
_SETTINGS = {"seed": "--seed", "patch": "--patch", "period": "--period", "max_patches": "--max-patches", "groups": "--groups"}


def origin_of(source, *, size, period, seed: int, max_patches: int) -> dict:
    """Return what tells on which measurements a model is fitted in the first fold, as JSON types.

    The measurements are known by the values of their first samples, so that a file is found to be the same under another name,
    in another format, and with samples added.
    """
    count = max(1, _CHECKED_VALUES // int(np.prod(source.shape[1:])))
    values = source.read_raw(0, count, source.middle_rows(_CHECKED_VALUES))
    values = np.ascontiguousarray(values, np.complex128 if values.dtype.kind == "c" else np.float64)
    return {
        "measurements": _checksum(repr(tuple(map(int, source.shape[1:]))).encode(), values),
        "groups": _checksum_of_groups(source),
        "seed": seed,
        "patch": _pair(size),
        "period": _pair(period),
        "max_patches": max_patches,
        "fold": 0,
        "path": source.path,
        "noise": source.noise_name,
        "units": "photoelectrons" if source.calibration.converts else source.units,
    }


def check_fitted(fitted: Mapping[str, Density], here: dict, shape: tuple[int, ...], sensor: Sensor, **kind) -> None:
    """Refuse models that cannot score measurements of this shape and kind, or might score those that they were fitted to.

    Args:
        fitted: models by name.
        here: what `origin_of` says of the measurements.
        shape: of one patch.
        sensor: how the values came about.
        **kind: see `Density.accepts`.

    Raises:
        UsageError: a model does not suit, or the same measurements are to be split otherwise than for its fit.

    """
    where = here["path"]
    for name, model in fitted.items():
        if not model.accepts(shape, **kind) or getattr(model, "is_complex", kind["is_complex"]) != kind["is_complex"]:
            what = "complex " * kind["is_complex"] + ("images" if len(shape) > 1 else "vectors")
            raise UsageError(f"{where}: the model {name} is not for {what} under {here['noise']} noise")
        if tuple(model.shape) != tuple(shape):
            other = len(model.shape) == len(shape) > 1 and tuple(model.shape[2:]) == tuple(shape[2:])
            remedy = f": name its size (--patch {model.shape[0]}x{model.shape[1]})" if other else ""
            raise UsageError(
                f"{where}: the model {name} knows measurements of {_by(model.shape)}, these are {_by(shape)}{remedy}"
            )
        several = model.noise is not None and len(model.noise) > 1
        if several and not noise_of_record(here["noise"]).additive:
            raise UsageError(
                f"{where}: the model {name} was fitted under Gaussian noise that differs from sample to sample, and these "
                f"measurements have {here['noise']} noise: fit a model to them (--model full)"
            )
        fitted_under = (model.origin or here).get("noise")
        if noise_of_record(fitted_under).scale is not noise_of_record(here["noise"]).scale:
            raise UsageError(
                f"{where}: the model {name} was fitted to values with {fitted_under} noise, modelled on another scale "
                f"than those with {here['noise']} noise: fit a model to them (--model {name})"
            )
        for member in getattr(model, "members", (model,)):
            known = getattr(getattr(member, "anchor", None), "sensor", sensor)
            if _levels(known) != _levels(sensor):
                raise UsageError(f"{where}: the model {name} was fitted to {_step(known)}, these are {_step(sensor)}")
        if model.origin is not None and is_home(model, here):
            _check_settings(where, name, model.origin, here)


def _check_settings(where: str, name: str, origin: dict, here: dict) -> None:
    other = [option for key, option in _SETTINGS.items() if origin.get(key) != here[key]]
    if other:
        said = "; ".join(f"{_SETTINGS[key]} {origin[key]}" for key in ("seed", "max_patches") if _SETTINGS[key] in other)
        raise UsageError(
            f"{where}: the model {name} was fitted to a part of these measurements, split by another {', '.join(other)}: "
            "it can be scored on the rest only with the same" + (f" ({said})" if said else "")
        )


def is_home(model: Density, here: dict) -> bool:
    """Tell whether a model was fitted to a part of these measurements."""
    return model.origin is not None and model.origin.get("measurements") == here["measurements"]


def folds_for(fitted: Mapping[str, Density], here: dict, groups, *, fits: bool, folds: int, seed: int) -> list[Fold]:
    """Return how to split patches, with models that were fitted before among those to score.

    Args:
        fitted: those models.
        here: what `origin_of` says of the measurements.
        groups: source of each patch.
        fits: whether there are models to fit as well.
        folds: number of folds of models that are fitted here.
        seed: of the split.

    Returns:
        The folds. With models of other measurements alone nothing trains, and with one of them nothing chooses either.

    """
    every = np.arange(len(groups))
    home = any(is_home(model, here) for model in fitted.values())
    if not (fits or home) and len(fitted) == 1:
        return [Fold(every[:0], every[:0], every)]
    found = split_by_group(groups, folds=folds, seed=seed)
    if fits and not home:
        return found
    if home:
        return found[:1]
    return [Fold(every[:0], found[0].validation, np.setdiff1d(every, found[0].validation))]


def advice_on(fitted: Mapping[str, Density], here: dict) -> list[Finding]:
    """Return what to know before believing models that were fitted before."""
    notes = []
    for name, model in fitted.items():
        if model.origin is None:
            notes.append(
                plain_note(f"it is not known what {name} was fitted to: if to sources that are scored here, the bound is low")
            )
        elif not is_home(model, here):
            fitted_to = f"{name} was fitted to {model.origin['path']}"
            notes.append(plain_note(f"{fitted_to}: if both show the same sources, the bound may be low"))
    return notes


def _checksum_of_groups(source) -> str:
    """Return the check sum of the numbers of the sources; where each sample is its own, without a list of them."""
    if source.has_groups:
        return _checksum(b"", np.ascontiguousarray(np.unique(source.groups, return_inverse=True)[1], np.int64))
    digest, block = hashlib.sha256(), 2**20
    for start in range(0, len(source), block):
        digest.update(np.arange(start, min(start + block, len(source)), dtype=np.int64).data)
    return "sha256:" + digest.hexdigest()


def _checksum(head: bytes, array: np.ndarray) -> str:
    digest = hashlib.sha256(head)
    digest.update(array.data)
    return "sha256:" + digest.hexdigest()


def _pair(size) -> list[int] | None:
    if size is None:
        return None
    rows, columns = (size, size) if np.ndim(size) == 0 else size
    return [int(rows), int(columns)]


def _levels(sensor: Sensor) -> tuple:
    # Limits may differ: a density on more levels than occur is a bound still, and `log_prob` refuses levels beyond its own.
    return sensor.step, sensor.origin % sensor.step if sensor.step else 0.0, tuple(sensor.period)


def _step(sensor: Sensor) -> str:
    mosaic = "" if tuple(sensor.period) == (1, 1) else f" of a mosaic of period {_by(sensor.period)}"
    return (f"values in steps of {sensor.step:g}" if sensor.step else "continuous values") + mosaic


def _by(shape) -> str:
    return "x".join(map(str, shape))
