"""`ideal inspect`: what is in a measurement file, its units, and what looks wrong."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import guarded


@guarded
def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help=_options.MEASUREMENTS)],
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    camera: _options.Camera = None,
    axes: _options.Axes = None,
    source: _options.SourceName = None,
    freqsel: _options.FreqSel = None,
    subarray: _options.Subarray = None,
    weight_scale: _options.WeightScale = None,
    linear: _options.Linear = False,
    group_by: _options.GroupBy = None,
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
      ideal inspect stack.tif --camera bench.h5
      ideal inspect results.h5::run3/images --json
      ideal inspect night.uvfits --source M87
      ideal inspect channels-first.npy --axes ncyx
      ideal inspect 'captures/*.png' --group-by 'scene[0-9]+'
    """
    from ideal.cli import _output
    from ideal.measurements.inspection import facts_of, text_of
    from ideal.measurements.measurement_set import open_measurements
    from ideal.measurements.opening import check_figures

    radio = {"source": source, "freqsel": freqsel, "subarray": subarray, "weight_scale": weight_scale}
    radio |= {"linear": linear or None, "group_by": group_by}
    figures = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    figures |= {"floor": floor, "saturation": saturation}
    with open_measurements(file, axes=axes, follow_links=follow_links, camera=camera, **figures, **radio) as measured:
        check_figures(measured, sigma=sigma, read_noise=read_noise)
        facts = facts_of(measured)
    _output.show(facts, [text_of(facts)], as_json)
    for text in facts["warnings"]:
        _output.warn(text)
