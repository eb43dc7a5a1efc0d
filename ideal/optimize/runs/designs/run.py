"""A run that designs a system: the ascent, and the design measured against its start and others."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ideal import records
from ideal.cameras import Camera
from ideal.datasets import ObjectSet
from ideal.imaging import ImagingSystem, Params
from ideal.information.results import Estimate
from ideal.measurements.measurement_set import MeasurementSet
from ideal.noise import NoiseModel
from ideal.optimize.design import Optimum
from ideal.optimize.evaluation import (
    differences,
    information_of,
    label_information_of,
    target_information,
)
from ideal.optimize.runs.designs import record as design_record
from ideal.optimize.runs.designs.result import DesignResult, Work
from ideal.optimize.runs.plans import DesignPlan, Start, plan_design
from ideal.optimize.runs.request import Request
from ideal.optimize.runs.setup import Setup, names_of, noise_or_camera
from ideal.optimize.selection.site_evaluation import reduced_measurements
from ideal.optimize.targets import about_label
from ideal.progress import Progress, shown, silent
from ideal.runs import lock
from ideal.runs.folder import RunFolder, resources
from ideal.runs.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Sequence


def design(
    system: ImagingSystem | str,
    objects: "ObjectSet | str | Path | np.ndarray | None" = None,
    *,
    target: str | None = None,
    objective: str | None = None,
    objective_settings: Mapping[str, Any] | None = None,
    starts: "str | Params | Sequence[str | Params]" = (),
    against: "str | Mapping[str, Params] | Sequence[str] | None" = None,
    floors: Mapping[str, int] | None = None,
    method: str | None = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    rates: Mapping[str, float] | None = None,
    patience: float = 0.5,
    time_limit: float | None = None,
    search: bool = True,
    count: int | None = None,
    photons: float | None = None,
    noise: NoiseModel | str | None = None,
    camera: Camera | str | Path | None = None,
    models: "Sequence[str]" = (),
    patch: int = 16,
    effort: float = 0.25,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> DesignResult:
    """Design an imaging system by gradient ascent on information, and measure the design against the named ones.

    What is left out goes by the system and the objects. The figures come from fresh measurements of objects that the design was
    not made for.

    Args:
        system: what is designed, or its name.
        objects: what to design for: a set of objects, its name, own pictures (a folder, an .npy or .h5 file), or an array of
            pictures, (picture, row, column[, channel]), linear light. None for what suits the system.
        target: what information is wanted about, as "total", "chroma + 0.6 luminance"; see `ideal.optimize.parse_target`.
        objective: name of the objective that is raised, one of `ideal.optimize.OBJECTIVES`.
        objective_settings: settings of the objective, by name.
        starts: designs to begin near: names, design files, or parameters.
        against: designs to compare with: names, or parameters by name; "all", or "none".
        floors: least number of pixels of a filter in a period, by its name.
        method: "line-search" or "adam".
        steps: steps of the ascent, at most.
        learning_rate: learning rate of Adam, in free parameters.
        rates: factors of the learning rate, by parameter; 0 keeps a parameter as it is.
        patience: share of the steps after which an ascent without gain ends; 1 for never.
        time_limit: longest time for ascent and exchanges, in seconds.
        search: whether single choices are exchanged after the ascent.
        count: number of objects, at least 20, to design for, to choose by and to measure with.
        photons: mean photoelectrons of an unfiltered pixel.
        noise: noise of the measurements, or its name with figures, as "gaussian:sigma=2"; None for the system's own.
        camera: `ideal.cameras.Camera` whose noise they get, or the name of its file: its numbers, for maps are of one sensor.
        models: names of density models of the final figures.
        patch: side of the patches of the final figures, in pixels.
        effort: work of trained models in the final figures.
        seed: seed of all that is random; the same seed gives the same design.
        out: folder that keeps design, numbers and figures; an interrupted run goes on where it was. None for none.
        overwrite: whether another run in that folder may be replaced.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.

    Raises:
        UsageError: a name is unknown, or something asked for has no meaning.
        DataError: the objects cannot be used with this system.

    Example:
        >>> import ideal
        >>> lens = ideal.imaging.DiffractionLimited(shape=(16,))
        >>> best = ideal.design(lens, "natural-fields", count=60, steps=4, against="none", progress=False)
        >>> sorted(best.params)
        ['na']

    """
    own: dict[str, Params] = {}
    request = Request(
        objective=objective,
        objective_settings=dict(objective_settings or {}),
        target=target,
        starts=names_of(starts, "start", own) or (),
        floors=dict(floors or {}),
        against=names_of(against, "rival", own),
        method=method,
        steps=steps,
        learning_rate=learning_rate,
        rates=dict(rates or {}),
        patience=patience,
        time_limit=time_limit,
        search=search,
        count=count,
        photons=photons,
        models=(models,) if isinstance(models, str) else tuple(models),
        patch=patch,
        effort=effort,
        seed=seed,
    )
    with shown(progress) as report:
        plan = plan_design(Setup.of(system, request, objects, noise_or_camera(noise, camera), own), report)
        return run_design(plan, out, overwrite=overwrite, report=report).keep()


def run_design(
    plan: DesignPlan,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    report: Progress = silent,
    keeping: Keeping | None = None,
) -> DesignResult:
    """Make a design and measure it; `DesignResult.keep` then writes the files of its folder.

    Args:
        plan: what is asked for.
        out: folder of the run; None for none.
        overwrite: whether another run in it may be replaced.
        report: shows progress.
        keeping: takes what cannot be kept.

    Raises:
        UsageError: the folder holds another run, or the objective does not suit the system.

    """
    folder = plan.open_folder(str(out), overwrite=overwrite, keeping=keeping or Keeping()) if out is not None else None
    try:
        found = _ascend(plan, folder, report)
        designs = {design_record.DESIGN: found.params}
        is_moved = not _alike(found.params, found.begun)
        if is_moved:
            designs[design_record.START] = found.begun
        designs |= {name: params for name, params in plan.rivals.items() if not _alike(params, found.begun)}
        estimates, labels = _measure(plan, designs, folder, report)
        report("what is told of each target, in closed form", None)
        scenes = plan.simulation.exposed(plan.division.measure.scenes)
        targets = target_information(plan.system, designs, plan.simulation.noise, scenes)
        apart = differences(estimates, plan.request.seed)
        rows = design_record.rows(plan.system, designs, estimates, apart, targets, labels)
        if is_moved:
            start = plan.starts[found.climb.start]
            rows[1] |= {"start": start.name, "near": _is_near(start, found.begun)}
        record = records.provenance(sys.argv, plan.request.seed) | design_record.document(plan, found, rows) | resources()
        return DesignResult(record, found.params, Work(plan, found, designs, folder))
    except BaseException:
        if folder is not None:
            lock.release(folder.path)
        raise


def _alike(one: Params, other: Params) -> bool:
    return all(np.allclose(one[name], other[name], rtol=1e-5, atol=1e-6) for name in one)


def _is_near(start: Start, begun: Params) -> bool:
    """Tell whether an ascent began near a named design instead of at it, where gradients vanish."""
    return start.is_named and not _alike(start.params, begun)


def _ascend(plan: DesignPlan, folder: RunFolder | None, report: Progress) -> Optimum:
    found = plan.found(
        checkpoints=None if folder is None else folder.checkpoints("design"),
        report=report,
        **({"log": folder.log} if folder else {}),
    )
    if folder:
        folder.settle(found.climb.history)
    return found


def _measure(
    plan: DesignPlan, designs: Mapping[str, Params], folder: RunFolder | None, report: Progress
) -> tuple[dict[str, Estimate], dict[str, dict]]:
    """Return of each design the estimate of its fresh measurements and, where labels are the target, what they tell of them."""
    wanted = about_label(plan.target)
    estimates: dict[str, Estimate] = {}
    tasks: dict[str, dict] = {}
    for place, (name, params) in enumerate(designs.items()):

        def say(text, fraction=None, place=place):
            share = "" if fraction is None else f", {fraction:.0%}"
            report(f"measuring {place + 1} of {len(designs)}: {text}{share}", place / len(designs))

        say(name)
        estimate, task = (None, None) if folder is None else (folder.finished(place), folder.finished_task(place))
        if estimate is None or (wanted and task is None):
            measured = _comparable(plan, params, name)
            checkpoints = None if folder is None else folder.checkpoints(place)
        if estimate is None:
            estimate = replace(information_of(measured, plan.scale, say, checkpoints), fitted={})
            if folder:
                folder.keep(place, estimate)
        estimates[name] = estimate
        if wanted:
            if task is None:
                task = label_information_of(measured, plan.scale, say, checkpoints and checkpoints / "task").to_dict()
                if folder:
                    folder.keep_task(place, task)
            tasks[name] = task
    return estimates, tasks


def _comparable(plan: DesignPlan, params: Params, name: str) -> MeasurementSet:
    """Return fresh measurements; in few combinations of their values where these are too many to fit a model to."""
    if not plan.system.reduces:
        return plan.measure(params, name)
    part, exposure = plan.division.measure, plan.simulation.exposure
    return reduced_measurements(plan.system, params, plan.task.scenes, part, exposure, plan.request.seed, name)
