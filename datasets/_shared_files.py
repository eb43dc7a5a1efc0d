"""The files of the data folder: what each set of objects reads in them, and where its data come from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SharedFile:
    """What a set of objects is read from.

    Attributes:
        layout: HDF5 dataset (or group) -> its type and shape, and what its numbers are.
        original: address of the place that published the data, or the command that downloads them.

    """

    layout: dict[str, str]
    original: str

    def describe(self) -> str:
        """Return both in one line, to put at the end of an error."""
        return f"{'; '.join(f'{name} {form}' for name, form in self.layout.items())} (original: {self.original})"


_PICTURES = "uint8 (picture, row, column, 3) sRGB"
_GREY = "uint8 (picture, 28, 28)"
_LABELS = "uint8 (picture,)"

# by the name of the set
SHARED_FILES: dict[str, SharedFile] = {
    "kodak": SharedFile({"kodak/images": _PICTURES}, "r0k.us/graphics/kodak"),
    "mcmaster": SharedFile({"mcmaster/images": _PICTURES}, "github.com/cszn/FFDNet, testsets/McMaster; L. Zhang et al. 2011"),
    "bsds500": SharedFile(
        {"bsds500_half/images": _PICTURES, "bsds500_half/names": "text split/file"},
        "github.com/BIDS/BSDS500; Arbelaez et al. 2011",
    ),
    "multispectral": SharedFile(
        {
            "chart_and_stuffed_toy/reflectance": "uint16 (band, row, column) reflectance x 65535",
            "wavelength_nm": "float64 (band,)",
        },
        "cs.columbia.edu/CAVE/databases/multispectral; Yasuma et al. 2008",
    ),
    "cifar10": SharedFile(
        {
            "exact/images": "uint8 (picture, 32, 32, 3)",
            "exact/labels": _LABELS,
            "jpeg_train": "and",
            "jpeg_test": "bytes, offsets and labels of JPEG copies",
        },
        "ideal data fetch cifar10",
    ),
    "mnist": SharedFile({"train": "and", "test": f"images {_GREY} and labels {_LABELS}"}, "ideal data fetch mnist"),
    "fashion-mnist": SharedFile({"images": _GREY, "labels": _LABELS}, "ideal data fetch fashion-mnist"),
    "black-holes": SharedFile(
        {"images": "a dataset (row, column) in Jy/pixel for each model, with the attribute pixel_uas"},
        "github.com/aeb/ngEHTexplorer, github.com/achael/eht-imaging and github.com/Smithsonian/ngehtutil",
    ),
    "cells": SharedFile(
        {"phase": "float32 (view, row, column) rad, with the attribute pixel_size in m", "amplitude": "the same, 1 outside"},
        "github.com/RI-imaging/ODTbrain, examples/data/qlsi_3d_hl60-cell_A140.tar.lzma; Schuermann et al. 2017",
    ),
    "blood-cells": SharedFile(
        {"bccd/green": "uint8 (crop, 64, 64)", "bccd/labels": "uint8 (crop,)", "bccd/field": "int16 (crop,)"},
        "github.com/Shenggan/BCCD_Dataset",
    ),
}
