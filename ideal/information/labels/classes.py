"""Labels as classes: names and numbers, whether there are sources enough of each, and a split with all of them in every part."""

import numpy as np

from ideal.errors import DataError, UsageError
from ideal.measurements.patches import Fold, split_by_group

_FOLDS = 5
_FEWEST_SOURCES, _FEWEST_OF_CLASS = 5, 3
_NAMES_SHOWN = 5


def read_labels(source) -> tuple[np.ndarray, np.ndarray]:
    """Return the names of the classes and the number of each sample's."""
    where, labels = source.path, source.labels
    if labels is None:
        raise UsageError(f"{where}: no dataset 'labels': the information about a label needs the class of each measurement")
    if labels.ndim != 1:
        raise DataError(f"{where}: labels have shape {labels.shape}, expected one whole number or name for each measurement")
    if labels.dtype.kind == "f":
        odd = np.flatnonzero(~(np.isfinite(labels) & (labels == np.round(labels))))
        if len(odd):
            raise DataError(
                f"{where}: labels hold {labels[odd[0]]:g} at sample {odd[0]}, expected whole numbers or names: the label "
                "is a class; bin what is continuous"
            )
        labels = labels.astype(np.int64)
    elif labels.dtype.kind in "SO":
        labels = np.array([each.decode() if isinstance(each, bytes) else str(each) for each in labels])
    elif labels.dtype.kind not in "iubU":
        raise DataError(f"{where}: labels have type {labels.dtype}, expected whole numbers or names")
    return np.unique(labels, return_inverse=True)


def check_classes(where: str, names, labels, groups) -> None:
    """Check that there are classes to tell apart, and sources enough to fit, calibrate and score each."""
    if len(names) < 2:
        raise DataError(f"{where}: every label is {names[0]}: information about the label needs at least two classes")
    sources = [len(np.unique(groups[labels == each])) for each in range(len(names))]
    few = [f"{name} has {count}" for name, count in zip(names, sources, strict=True) if count < _FEWEST_OF_CLASS]
    if few:
        more = f" and {len(few) - _NAMES_SHOWN} more" if len(few) > _NAMES_SHOWN else ""
        raise DataError(
            f"{where}: each class needs {_FEWEST_OF_CLASS} sources, one each to train, to validate and to test; class "
            f"{', '.join(few[:_NAMES_SHOWN])}{more}: leave out or merge rare classes, or measure more of them"
        )
    if len(np.unique(groups)) < _FEWEST_SOURCES:
        raise DataError(
            f"{where}: {len(np.unique(groups))} sources, expected at least {_FEWEST_SOURCES}: a model would learn the sources, "
            "not the classes; measure more objects"
        )


def stratified_folds(where: str, names, labels, groups, seed: int) -> list[Fold]:
    """Split samples by group as `split_by_group`, the groups of each class apart, so that every part has its share of it.

    A group of several classes counts for the one that fewest groups show.
    """
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    shown = np.bincount(pairs[1])
    sources, place = np.unique(groups, return_inverse=True)
    rarest = np.full(len(sources), -1)
    for group, each in zip(np.searchsorted(sources, pairs[0]), pairs[1], strict=True):
        if rarest[group] < 0 or shown[each] < shown[rarest[group]]:
            rarest[group] = each
    counts = np.bincount(rarest, minlength=len(names))
    rarest = np.where(counts[rarest] < _FEWEST_OF_CLASS, np.argmax(counts), rarest)  # a class that others hide
    kinds, counts = np.unique(rarest, return_counts=True)
    folds = int(min(_FOLDS, counts.min()))
    strata = []
    for kind in kinds:
        inside = np.flatnonzero(rarest[place] == kind)
        split = split_by_group(groups[inside], folds=folds, seed=seed)
        strata.append([Fold(inside[fold.train], inside[fold.validation], inside[fold.test]) for fold in split])
    found = [
        Fold(*(np.sort(np.concatenate([getattr(fold, part) for fold in same])) for part in ("train", "validation", "test")))
        for same in zip(*strata, strict=True)
    ]
    for fold in found:
        for part in (fold.train, fold.validation):
            missing = np.flatnonzero(np.bincount(labels[part], minlength=len(names)) == 0)
            if len(missing):
                raise DataError(
                    f"{where}: class {names[missing[0]]} is in too few sources to have it in every part of the split: leave it "
                    "out, or measure more sources that show it"
                )
    return found
