"""`ideal estimate`: how much information measurement files carry."""

from typing import Annotated

import typer

from ideal import records
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
    axes: _options.Axes = None,
    floor: _options.Floor = None,
    saturation: _options.Saturation = None,
    groups: _options.Groups = None,
    source: _options.SourceName = None,
    freqsel: _options.FreqSel = None,
    subarray: _options.Subarray = None,
    weight_scale: _options.WeightScale = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Density model: stationary, full, gaussian-mixture, negative-binomial, causal-mixture, pixel-cnn, blend, or all "
            "that suit (slow); repeat for several; default: those that take little time.",
        ),
    ] = None,
    patch: Annotated[str, typer.Option(metavar="SIDE", help="Pixels in a patch: 16, or rows x columns as 16x24.")] = "16",
    period: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE",
            help="Period of the sensor's colour mosaic, to align patches: 2, or 2x6; 1 for none; default: what the file says.",
        ),
    ] = None,
    max_patches: Annotated[int, typer.Option(min=10, help="Patches used of a file, at most.")] = 20_000,
    effort: Annotated[
        float,
        typer.Option(help="Work of the trained models: at 1, about 20 s on two cores for 10,000 patches; more lowers the bound."),
    ] = 1.0,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Longest time for the trained models of one file (and as long again for --labels): 90, 90s, 10m or 2h. Where it "
            "is reached, the numbers depend on the machine's speed.",
        ),
    ] = None,
    allow_clipped: _options.AllowClipped = False,
    keep_unwritten: _options.KeepUnwritten = False,
    follow_links: _options.FollowLinks = False,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also estimate what measurements tell of their labels, in files that hold labels.")
    ] = False,
    load_model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Score a model that --save-model kept, and fit none but those that --model names; repeat for several.",
        ),
    ] = None,
    save_model: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep the chosen model (.h5), of one measurement file.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = 0,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare every two files in the JSON, not only neighbours in the ranking.")
    ] = False,
    as_json: _options.Json = False,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw measurements and information (.png, .svg, .pdf).")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Keep results, models and figure; an interrupted run resumes.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run in --out, and begin no other.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what --plot, --out or --save-model would write.")] = False,
    debug: _options.Debug = False,
) -> None:
    """Estimate the information that measurements carry, in bits per pixel with an interval.

    \b
    Examples:
      ideal estimate camera.h5
      ideal estimate sharp.h5 defocused.h5 --plot ranking.png     ranked, with paired differences
      ideal estimate raw.tif --noise poisson-gaussian --gain 0.45 --offset 100 --read-noise 1.6
      ideal estimate night.uvfits                                 visibilities (pip install 'ideal[astronomy]')
      ideal estimate night.uvfits::M87 night.uvfits::3C279        of two of its sources
      ideal estimate counts.npy --noise poisson --json > result.json
      ideal estimate camera.h5 --model all --effort 4 --out runs/camera      slow and tight; again after Ctrl-C to go on
      ideal estimate camera.h5 --save-model camera-model.h5                  then --load-model scores others by it

    The number is an upper bound by the best of several density models, scored on sources that they were not fitted to.
    """
    import sys
    from contextlib import ExitStack
    from itertools import combinations, pairwise

    from ideal.cli import _models, _output
    from ideal.density import find_model
    from ideal.errors import DataError, IdealError, UsageError
    from ideal.information.estimation import compare
    from ideal.information.estimation import estimate as estimate_information
    from ideal.measurements.measurement_set import open_measurements
    from ideal.runs.folder import RunFolder, resources
    from ideal.runs.keeping import Keeping

    size = _options.parse_size("--patch", patch)
    mosaic = None if period is None else _options.parse_size("--period", period)
    _options.check_effort(effort)
    for name in model or []:
        if name != "all":
            find_model(name)
    if resume and (force or not out):
        raise UsageError("--resume goes on with a run: " + ("leave out --force" if out else "name its folder (--out)"))
    options = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise, "axes": axes}
    options |= {"floor": floor, "saturation": saturation} | ({"follow_links": True} if follow_links else {})
    radio = {"source": source, "freqsel": freqsel, "subarray": subarray, "weight_scale": weight_scale}
    options |= {name: value for name, value in radio.items() if value is not None}
    common = {
        "patch": size,
        "period": mosaic,
        "confidence": confidence,
        "seed": seed,
        "max_patches": max_patches,
        "effort": effort,
        "allow": _options.allowed(clipped=allow_clipped, unwritten=keep_unwritten),
        "time_limit": None if time_limit is None else _options.parse_duration("--time-limit", time_limit),
    }
    names = model and ("all" if "all" in model else list(model))
    _output.check_plot(plot, force)
    _models.check_save(save_model, files, bool(model or not load_model), force)
    found, tasks, failed, keeping = [], {}, [], Keeping(debug)
    with ExitStack() as stack:
        with _output.narration() as say:
            # All files are opened first: a wrong name must not wait for the others' results.
            fitted = _models.load_fitted(load_model or [])
            sources = [stack.enter_context(open_measurements(path, **options)) for path in files]
            for measured in sources:
                _options.check_options(measured, sigma=sigma, read_noise=read_noise)
                _options.set_groups(measured, groups)
                if labels and measured.labels is None:
                    raise UsageError(
                        f"{measured.path}: --labels needs labels, this file holds none: write them to a dataset 'labels'"
                    )
            _check_twice(sources)
            configuration = {"files": files, "groups": groups, **options, "models": names, **common}
            configuration |= {"load_model": load_model or [], "labels": labels}
            folder = None
            if out:
                inputs = [*files, *(load_model or []), *([groups] if groups and not groups.isdigit() else [])]
                inputs += [str(path) for measured in sources for path in measured.files]
                folder = RunFolder.open(out, configuration, keeping, inputs=inputs, force=force, resume=resume)
            for place, measured in enumerate(sources):
                result = folder and folder.finished(place)
                progress = {"checkpoints": folder and folder.checkpoints(place), "progress": say}
                try:
                    result = result or estimate_information(measured, models=names, fitted=fitted, **common, **progress)
                except IdealError as error:
                    if len(files) == 1 or isinstance(error, UsageError):
                        if as_json:  # the line goes to stderr, and what was found to whoever reads stdout
                            _output.print_json(_refusal(measured, error, records.provenance(sys.argv, seed)))
                        raise
                    failed.append(str(error))
                    complain(str(error))
                    continue
                found.append(result)
                if folder:
                    folder.keep(place, result)
                if labels:
                    try:
                        tasks[result.path] = _task_information(measured, folder, place, common, say)
                    except DataError as error:  # as labels of one class: the measurements have their estimate
                        failed.append(str(error))
                        complain(str(error))
            ranked = sorted(found, key=lambda result: -result.information_bits_per_pixel)
            comparisons = [compare(a, b, seed=seed) for a, b in (combinations(ranked, 2) if all_pairs else pairwise(ranked))]
        document = {
            **records.provenance(sys.argv, seed),
            "results": [_document(result, tasks) | resources() for result in found],
            "comparison": [item.to_dict() for item in comparisons],
            "errors": [*failed, *keeping.failed],
        }
        if as_json:
            _output.print_json(document)
        elif len(found) == 1 and len(files) == 1:
            _output.print_estimate(found[0])
        elif found:
            _output.print_ranking(found, comparisons)
        if not as_json:
            for task in tasks.values():
                _output.print_lines(task["lines"])
        _output.flush()
        _output.warn_all(found, tasks)
        if save_model:
            with keeping.attempt(save_model, "the model"):
                _models.save_chosen(save_model, list(found[0].fitted.values()) or list(map(_models.load_model, folder.models(0))))
        if found and (plot or folder):
            shown = [({measured.path: measured for measured in sources}[result.path], result) for result in found]
            for target in filter(None, (plot, folder and folder.path / "information.png")):
                with keeping.attempt(target, "the figure"):
                    from ideal.plots.estimates import draw_estimates

                    draw_estimates(shown, target)
    if folder:
        folder.finish(document)
    if failed or keeping.failed:
        raise typer.Exit(1)


def _refusal(measured, error, provenance: dict) -> dict:
    """Return the document of an estimate that was refused: no results, the error, and what was found in the file."""
    from ideal.errors import IdealError

    try:
        findings = [finding.to_record() for finding in measured.examination.findings]
    except IdealError:  # measurements that cannot be read have none
        findings = []
    refused = {"path": measured.path, "findings": findings}
    return {**provenance, "results": [], "comparison": [], "errors": [str(error)], "refused": refused}


def _document(result, tasks: dict) -> dict:
    task = tasks.get(result.path)
    return result.to_dict() | ({} if task is None else {"task_information": task["document"]})


def _task_information(source, folder, place: int, common: dict, say) -> dict:
    """Return what measurements tell of their labels, as a document and as lines; from the run's folder where it is there."""
    from ideal.information.labels.estimation import task_information

    kept = folder and folder.finished_task(place)
    if kept:
        return kept
    checkpoints = folder and folder.checkpoints(place) / "task"
    task = task_information(source, **common, checkpoints=checkpoints, progress=say)
    found = {"document": task.to_dict(), "lines": list(task.lines())}
    if folder:
        folder.keep_task(place, found)
    return found


def _check_twice(sources) -> None:
    import os

    from ideal.errors import UsageError

    seen = {}
    for source in sources:
        place = os.path.realpath(source.path)
        if place in seen:
            raise UsageError(f"{source.path} is named twice: name each file once")
        seen[place] = source
