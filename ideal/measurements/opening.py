"""Measurements as people have them: a set, the name of a file, or an array."""

import os
import re
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ideal._regular_files import read_text
from ideal.errors import DataError, UsageError
from ideal.formats.hdf5 import read_array
from ideal.formats.npy import is_npy, load_array
from ideal.measurements.measurement_set import MeasurementSet, from_arrays, open_measurements
from ideal.noise.members import noises_with

_OF_FILES = ("linear", "group_by", "follow_links", "weight_scale")  # how a file is read


@contextmanager
def opened(source: Any, **known: Any) -> Iterator[MeasurementSet]:
    """Give the measurement set that somebody means; a file that is opened here is closed afterwards.

    Args:
        source: a measurement set, the name of a file, or an array as `from_arrays` takes it.
        **known: what of noise, camera and sources the user says; None for what was not said. See `from_arrays` for arrays and
            `open_measurements` for files.

    Raises:
        UsageError: `source` is none of these, or something is said of a set, which knows it already.

    """
    known = {name: value for name, value in known.items() if value is not None}
    if isinstance(source, str | Path):
        groups = known.pop("groups", None)
        with open_measurements(source, **known) as measured:
            set_groups(measured, groups)
            yield measured
    elif isinstance(source, list | tuple) and source and isinstance(source[0], str | Path):
        raise UsageError("one file at a time: ideal.rank and ideal.estimate_files take several")
    elif isinstance(source, list | tuple) or (hasattr(source, "__array__") and not hasattr(source, "calibration")):
        if of_files := [name for name in _OF_FILES if name in known]:
            raise UsageError(f"{', '.join(of_files)}: for files alone, and an array is given")
        yield from_arrays(source, **known)
    elif not isinstance(source, MeasurementSet):
        raise UsageError(f"measurements are a measurement set, the name of a file, or an array; found {type(source).__name__}")
    elif known:
        said = ", ".join(known)
        raise UsageError(f"{said}: a measurement set knows its noise itself; say it where the set is opened or made")
    else:
        yield source


def set_groups(source: MeasurementSet, groups: Any) -> None:
    """Give a measurement set the sources of its samples.

    Args:
        source: the set.
        groups: the source of each sample, (sample,); or the name of a file with one a line (.txt), an .npy array, or an array in
            an HDF5 file (FILE::NAME); or a number N, for every N samples in a row. None changes nothing.

    Raises:
        UsageError: the file cannot be read, or there is not one source for each sample.

    """
    if groups is None:
        return
    if not isinstance(groups, str | Path | int):
        source.set_groups(np.asarray(groups))
        return
    groups = str(groups)
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", groups) and int(groups):
        source.set_groups(np.arange(len(source)) // int(groups))
        return
    if re.fullmatch(r"[\d\s]*", groups):
        raise UsageError(f"`groups` takes a file, or a number of samples from 1 on; found {reprlib.repr(groups)}")
    try:
        file, mark, name = groups.rpartition("::")
        if mark and not os.path.lexists(groups):
            names = read_array(file, name)
        elif is_npy(groups):
            names = load_array(groups, "the source of each sample")
        elif groups.endswith(".npy"):
            raise DataError(f"{groups}: not a .npy file")
        else:
            names = np.array(read_text(groups, "a list of sources").splitlines())
    except (DataError, OSError) as error:
        reason = str(error).removeprefix(f"{groups}: ")
        raise UsageError(f"`groups={groups}`: {reason}: name a file with one source a line, or a number of samples") from error
    if names.ndim != 1 or len(names) != len(source):
        raise UsageError(f"`groups={groups}` has shape {names.shape}, expected one source for each of {len(source)} samples")
    source.set_groups(names)


def check_figures(source: MeasurementSet, *, sigma: float | None, read_noise: float | None) -> None:
    """Refuse a figure that the noise of a measurement set has no use for: whoever gives it expects it to count.

    Raises:
        UsageError: there is one.

    """
    kind = source.noise_kind
    for given, name in ((sigma, "sigma"), (read_noise, "read_noise")):
        if given and kind is not None and name not in [each.name for each in kind.figures]:
            raise UsageError(
                f"{source.path}: --{name.replace('_', '-')} is for {' or '.join(noises_with(name))} noise, the noise here is "
                f"{source.noise_name}: name the noise that you mean (`noise`)"
            )
