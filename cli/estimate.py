"""`ideal estimate`: how much information measurement files carry."""

from typing import Annotated

import typer

from ideal.cli import _options
from ideal.cli._guard import complain, guarded


@guarded
def estimate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Measurement files (.h5, .npy, .npz, .tif, .zarr, .uvfits), or FILE.h5::dataset. Several are ranked.",
        ),
    ],
    noise: _options.Noise = None,
    sigma: _options.Sigma = None,
    gain: _options.Gain = None,
    offset: _options.Offset = None,
    read_noise: _options.ReadNoise = None,
    groups: _options.Groups = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Density model: stationary, full, negative-binomial, causal-mixture, pixel-cnn or all; repeat for several.",
        ),
    ] = None,
    patch: Annotated[str, typer.Option(metavar="SIDE", help="Pixels in a patch: 16, or rows x columns as 16x24.")] = "16",
    period: Annotated[
        str | None, typer.Option(metavar="SIDE", help="Period of the sensor's colour mosaic, to align patches: 2, or 2x6.")
    ] = None,
    max_patches: Annotated[int, typer.Option(min=10, help="Patches used of a file, at most.")] = 20_000,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = 0,
    as_json: _options.Json = False,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw measurements and information (.png, .svg, .pdf).")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Keep results, models and figure; an interrupted run resumes.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot or --out would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Estimate the information that measurements carry, in bits per pixel with an interval.

    \b
    Examples:
      ideal estimate camera.h5
      ideal estimate sharp.h5 defocused.h5 --plot ranking.png     ranked, with paired differences
      ideal estimate raw.tif --noise poisson-gaussian --gain 0.45 --offset 100 --read-noise 1.6
      ideal estimate night.uvfits                                 visibilities (pip install 'ideal[astronomy]')
      ideal estimate counts.npy --noise poisson --json > result.json

    The number is an upper bound by the best of several density models, scored on sources that they were not fitted to.
    """
    import sys
    from contextlib import ExitStack
    from itertools import combinations

    from ideal.cli import _output
    from ideal.cli._run_folder import RunFolder, resources
    from ideal.density import find_model
    from ideal.errors import IdealError, UsageError
    from ideal.information import compare
    from ideal.information import estimate as estimate_information
    from ideal.measurements import open_measurements

    size = _options.parse_size("--patch", patch)
    mosaic = period and _options.parse_size("--period", period)
    for name in model or []:
        if name != "all":
            find_model(name)
    options = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise}
    settings = {
        "models": model and ("all" if "all" in model else list(model)),
        "patch": size,
        "period": mosaic,
        "confidence": confidence,
        "seed": seed,
        "max_patches": max_patches,
    }
    _output.check_plot(plot, force)
    found, failed = [], []
    with ExitStack() as stack, _output.narration() as say:
        # All files are opened first: a wrong name must not wait for the others' results.
        sources = [stack.enter_context(open_measurements(path, **options)) for path in files]
        for source in sources:
            _options.check_options(source, sigma=sigma, read_noise=read_noise)
            _options.set_groups(source, groups)
        _check_twice(sources)
        folder = RunFolder.open(out, {"files": files, "groups": groups, **options, **settings}, force) if out else None
        for place, source in enumerate(sources):
            result = folder and folder.finished(place)
            try:
                result = result or estimate_information(source, **settings, progress=say)
            except IdealError as error:
                if len(files) == 1 or isinstance(error, UsageError):
                    raise
                failed.append(str(error))
                complain(str(error))
                continue
            found.append(result)
            if folder:
                folder.keep(place, result)
        comparisons = [compare(a, b, seed=seed) for a, b in combinations(found, 2)]
        document = {
            **_output.provenance(sys.argv, seed),
            "results": [result.to_dict() | resources() for result in found],
            "comparison": [item.to_dict() for item in comparisons],
            "errors": failed,
        }
        if found and (plot or folder):
            from ideal.cli._figures import draw_estimates

            shown = {source.path: source for source in sources}
            for target in filter(None, (plot, folder and folder.path / "information.png")):
                try:
                    draw_estimates([(shown[result.path], result) for result in found], target)
                except OSError as error:  # a full disk must not cost the numbers
                    failed.append(f"{target}: the figure cannot be written ({error.strerror})")
                    complain(failed[-1])
    if folder:
        folder.finish(document)
    if as_json:
        _output.print_json(document)
    elif len(found) == 1 and len(files) == 1:
        _output.print_estimate(found[0])
    elif found:
        _output.print_ranking(found, comparisons)
    _output.warn_all(found)
    if failed:
        raise typer.Exit(1)


def _check_twice(sources) -> None:
    import os

    from ideal.errors import UsageError

    seen = {}
    for source in sources:
        place = os.path.realpath(source.path)
        if place in seen:
            raise UsageError(f"{source.path} is named twice: name each file once")
        seen[place] = source
