"""What a TIFF says of the meaning of its values, and what becomes of them: turned round, refused, or named."""

import numpy as np

from ideal.errors import DataError
from ideal.health import Finding, plain_note

_MIN_IS_WHITE, _RGB, _PALETTE, _MASK, _YCBCR, _CFA = 0, 2, 3, 4, 6, 32803
_NO_LIGHT = {5: "inks (CMYK)", 8: "CIE L*a*b* colors", 9: "ICC L*a*b* colors", 10: "ITU L*a*b* colors"}
_LOSSY = {
    6: "JPEG",
    7: "JPEG",
    33007: "JPEG",
    34892: "lossy JPEG",
    22610: "JPEG XR",
    34934: "JPEG XR",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_ALWAYS = (6, 7, 33007, 34892)


def meaning_of(page, where: str, *, from_imagej: bool) -> tuple[int | None, list[Finding]]:
    """Return the value from which stored ones count down where 0 is white (None where it is dark), and findings.

    Args:
        page: `tifffile.TiffPage` that stands for all.
        where: what messages call the file.
        from_imagej: whether ImageJ wrote it, whose palettes are for the screen.

    Raises:
        DataError: the values do not measure light, or cannot be turned round.

    """
    kind = int(page.photometric)
    if kind == _PALETTE and not (from_imagej or _is_grey_ramp(page)):
        raise DataError(
            f"{where}: photometric is PALETTE, the values are numbers of colors in a table: save the picture as grey values, or "
            "the camera's raw values"
        )
    if kind in _NO_LIGHT or (kind == _YCBCR and int(page.compression) not in _ALWAYS):
        name = _NO_LIGHT.get(kind, "YCbCr colors")
        raise DataError(f"{where}: photometric is {name}, no measure of light: save the camera's raw values, or RGB")
    findings = _loss(page) + _colors(page, kind)
    if kind == _CFA:
        findings.append(
            plain_note(
                "photometric CFA: one color a pixel, in a mosaic; give its period (--period 2) so that patches begin in phase"
            )
        )
    if kind != _MIN_IS_WHITE:
        return None, findings
    dtype, bits = np.dtype(page.dtype), page.bitspersample
    if bits == 1 and "tifffile" in str(page.software):  # its default for arrays of truth values, which it stores as they are
        return None, [
            *findings,
            plain_note("photometric MINISWHITE of 1 bit, as tifffile tags any such array: values are kept as stored"),
        ]
    if dtype.kind not in "ub" or not isinstance(bits, int):
        raise DataError(
            f"{where}: photometric MINISWHITE with values of type {dtype}: from which value they count down is not known; turn "
            "them round, and save them as MINISBLACK"
        )
    white = 2**bits - 1
    findings.append(
        Finding(
            "min-is-white",
            "note",
            f"photometric MINISWHITE: 0 is white; values are turned round, {white} - value",
            effect="noise and gain hold for values that grow with the light, as these do now",
            remedy="where the tag is wrong, save the values as MINISBLACK",
            figures={"white": white, "bits": bits},
        )
    )
    return white, findings


def _is_grey_ramp(page) -> bool:
    """Tell whether a palette shows each value as a grey in proportion."""
    table = page.colormap
    if table is None or table.ndim != 2 or len(table) != 3:
        return False
    table = np.asarray(table, dtype=np.float64)
    ramp = np.linspace(0, table.max(), table.shape[1])
    return bool(table.max() > 0 and np.abs(table - ramp).max() <= table.max() / table.shape[1])


def _loss(page) -> list[Finding]:
    code = int(page.compression)
    name = _LOSSY.get(code)
    if name is None:
        return []
    may = "" if code in _ALWAYS else "may "
    return [
        Finding(
            "tiff-lossy",
            "biased",
            f"pages are compressed by {name}, which {may}change{'' if may else 's'} values",
            effect="noise is smoothed away and blocks are added: the number may be off either way",
            remedy="record without loss (none, LZW, deflate or ZSTD)",
            figures={"compression": code},
        )
    ]


def _colors(page, kind: int) -> list[Finding]:
    bits = page.bitspersample
    if kind not in (_RGB, _YCBCR) or np.dtype(page.dtype) != np.uint8 or not isinstance(bits, int):
        return []
    return [
        Finding(
            "tiff-rgb",
            "biased",
            "RGB of 8 bits: such colors are demosaiced and gamma-encoded, no photon counts",
            effect="the noise of a value is not that of a count: the number is too high or too low by an unknown amount",
            remedy="use the camera's raw values, one color a pixel (--period 2)",
            figures={"bits": bits},
        )
    ]
