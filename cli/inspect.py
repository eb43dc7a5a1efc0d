"""`ideal inspect`: what is in a measurement file, its units, and what looks wrong."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def inspect(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Measurement file (.h5, .npy, .npz, .tif, .zarr, .uvfits), or FILE.h5::dataset.")
    ],
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    axes: _options.Axes = None,
    source: _options.SourceName = None,
    freqsel: _options.FreqSel = None,
    subarray: _options.Subarray = None,
    weight_scale: _options.WeightScale = None,
    floor: _options.Floor = None,
    saturation: _options.Saturation = None,
    follow_links: _options.FollowLinks = False,
    as_json: _options.Json = False,
    debug: _options.Debug = False,
) -> None:
    """Show what is in a measurement file, its units, and what looks wrong.

    \b
    Examples:
      ideal inspect camera.h5
      ideal inspect stack.tif --gain 0.45 --offset 100
      ideal inspect results.h5::run3/images --json
      ideal inspect night.uvfits --source M87
      ideal inspect channels-first.npy --axes ncyx
    """

    from ideal.cli import _output
    from ideal.measurements.measurement_set import open_measurements

    radio = {"source": source, "freqsel": freqsel, "subarray": subarray, "weight_scale": weight_scale}
    camera = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    camera |= {"floor": floor, "saturation": saturation}
    with open_measurements(file, axes=axes, follow_links=follow_links, **camera, **radio) as measured:
        _options.check_options(measured, sigma=sigma, read_noise=read_noise)
        found = measured.inspect()
        warnings, findings = found.pop("warnings"), found.pop("findings")
        facts = {
            "path": measured.path,
            "shape": list(measured.shape),
            "axes": measured.axes,
            "dtype": str(measured.dtype),
            "units": measured.units,
            "units_assumed": measured.units_assumed and not measured.calibration.converts,
            "noise": measured.noise_name,
            "sigma": _sigma(measured),
            "gain": measured.gain,
            "offset": measured.offset,
            "read_noise": measured.read_noise,
            **({"noise_figures": dict(measured.calibration.figures)} if measured.calibration.figures else {}),
            "clean": measured.has_clean,
            "groups": measured.group_count if measured.has_groups else None,
            "labels": _classes(measured.labels),
            **found,
            **({"files": [str(each) for each in measured.files]} if measured.files else {}),
            "attributes": {name: _short(value) for name, value in measured.attributes.items()},
            "findings": [finding.to_record() for finding in findings],
            "warnings": warnings,
        }
    if as_json:
        _output.print_json(facts)
    else:
        _output.print_facts(facts)
    for text in warnings:
        _output.warn(text)


def _classes(labels) -> int | None:
    """Return how many classes there are; NaN is none."""
    import numpy as np

    if labels is None:
        return None
    return int(np.unique(labels[np.isfinite(labels)] if labels.dtype.kind in "fc" else labels).size)


def _sigma(measured):
    import numpy as np

    if measured.sigma is None or np.ndim(measured.sigma) == 0:
        return measured.sigma
    return f"array of shape {tuple(np.shape(measured.sigma))}"


def _short(value):
    import numpy as np

    value = value.tolist() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray | list | tuple):
        array = np.asarray(value)
        return array.tolist() if array.size <= 12 else f"array of shape {array.shape}"
    return value if isinstance(value, bool | int | float | str | type(None)) else str(value)
