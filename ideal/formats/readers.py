"""Measurements on disk in any format that is read, as arrays that are read sample by sample.

A reader returns a `Source`: named arrays with `shape`, `dtype` and `array[start:stop]`, sample first, of which only the
samples asked for are in memory (except for .npz, whose members are compressed whole). What the arrays mean is
`ideal.measurements.measurement_set`' business.
"""

import os
from pathlib import Path

from ideal._memory import memory_for
from ideal.errors import DataError, UsageError
from ideal.formats._source import Source
from ideal.formats.axes import WORDS, arrange, parse_axes
from ideal.formats.damage import damaged
from ideal.formats.layout import settle
from ideal.formats.recognition import FORMATS, format_of
from ideal.formats.trees import SEEMS_DAMAGED
from ideal.formats.unwritten import findings_of
from ideal.text import plain_text


def open_source(path: str | Path, axes: str | None = None, *, follow_links: bool = False, **options) -> Source:
    """Open a measurement file of any known format.

    Args:
        path: a file of one of `ideal.formats.FORMATS`, told by its first bytes, whatever its name ends in; a folder of frames,
            or a pattern of their names (`captures/*.png`), as one set. `FILE::NAME` names a dataset inside an HDF5, .npz, MAT or
            .zarr file, the number of a series of a TIFF file or of an extension of FITS, a scene of a microscope's file, or a
            source in a UVFITS file (`FILE::NAME,freqsel=N,subarray=N`).
        axes: of the measurements as they are stored, letters as of `ideal.formats.axes`; None for what the file says.
        follow_links: whether files that the file names may be read outside its folder: external links, external storage and
            virtual datasets of HDF5, the parts of an OME-TIFF, links in a zarr folder.
        **options: of UVFITS files alone, `source`, `freqsel`, `subarray`, `weight_scale` and `sigma` of
            `ideal.formats.uvfits.open_uvfits`; `sigma` is passed over for others, which is the noise's business there. Of
            pictures, `linear`: that values of 8 bits are proportional to the light. Of sets of frames, `group_by`: a regular
            expression for the part of a name that tells the source.

    Raises:
        DataError: not there, not readable, or of no known format.
        UsageError: `axes` have no meaning, or do not fit the shape; a UVFITS file holds several sources and none was chosen, or a
            source was chosen of another format.

    """
    if axes is not None:
        parse_axes(axes)
    source = _open(path, follow_links, **options)
    try:
        with damaged(plain_text(str(path)), SEEMS_DAMAGED):
            if source.asks_axes and axes is None and not source.axes:
                settle(source)
            _name_what_is_missing(source, axes)
        arrange(source, axes)
    except BaseException:
        source.close()
        raise
    return source


def _name_what_is_missing(source: Source, axes: str | None) -> None:
    letters = source.axes if axes is None else parse_axes(axes)
    for name, array in source.arrays.items():
        axis, word = 0, "sample"
        if letters and name in ("measurements", "clean") and len(letters) == len(array.shape):
            counting = [i for i, letter in enumerate(letters) if letter in "ntz"]
            axis = counting[0] if counting else 0
            word = "sample" if len(counting) == 1 else WORDS[letters[axis]]
        source.findings += findings_of(array, name, axis, word)


def _open(path: str | Path, follow_links: bool, **options) -> Source:
    text = str(path)
    file, name = Path(text), None
    if "\0" in text:
        raise DataError(f"{plain_text(text)}: no such file: check the name and the folder")
    if not os.path.lexists(file) and "::" in text:
        base, _, name = text.rpartition("::")
        file = Path(base)
    called = format_of(file)
    kind = FORMATS[called]
    if name is not None and not kind.has_names:
        raise DataError(f"{text}: a .{called} file holds one array, remove '::{name}'")
    options = {key: value for key, value in options.items() if value is not None}
    if strange := sorted(options.keys() - kind.options - {"sigma"}):
        homes = [each.upper() for each in FORMATS if strange[0] in FORMATS[each].options and FORMATS[each].suffixes]
        where = f"{' and '.join(homes)} files" if homes else "several files as one set, a folder or a pattern"
        raise UsageError(f"{file}: {strange[0]} (--{strange[0].replace('_', '-')}) is for {where}: leave it out")
    try:
        with memory_for(text, "opening it", "name a smaller file, or use a machine with more memory"):
            return kind.open(
                file, name, follow_links=follow_links, **{key: options[key] for key in options.keys() & kind.options}
            )
    except PermissionError as error:
        raise DataError(f"{file}: permission denied, the file cannot be read") from error
