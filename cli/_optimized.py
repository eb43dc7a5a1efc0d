"""A design run of the command line: objects in, design, figures and the final table out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ideal._files import write_whole
from ideal.cli import _design_report, _noise
from ideal.cli._design_request import Request, as_table, completed
from ideal.cli._design_setup import Setup
from ideal.cli._design_world import default_objects, open_folder, read_parts
from ideal.cli._progress import with_time_left
from ideal.cli._toml import to_toml
from ideal.datasets import make_objects
from ideal.density import find_model
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import find_design as design_of
from ideal.imaging.configuration import save_design
from ideal.imaging.interferometer.interferometer import Interferometer
from ideal.information.scoring import _MOST_VALUES
from ideal.measurements.measurement_set import MeasurementSet
from ideal.optimize import Ascent, Task, find_objective, parse_target
from ideal.optimize.ascent.line_search import suits
from ideal.optimize.defaults import MOST_STEPS, Defaults, compared_with, defaults_for, starts_of
from ideal.optimize.design import Designed, find_design
from ideal.optimize.evaluation import (
    DEFAULT_MODELS,
    Scale,
    differences,
    information_of,
    label_information_of,
    measured_by,
    target_information,
)
from ideal.optimize.objects import Division
from ideal.optimize.selection.site_evaluation import reduced_measurements
from ideal.optimize.targets import LabelTarget, Target, WeightedTarget
from ideal.runs.folder import RunFolder, resources
from ideal.runs.keeping import Keeping
from ideal.simulation import ObjectSource, Simulation, prepare

_SEEN = 32  # objects that defaults are chosen by
Say = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Prepared:
    """All that a design is found and measured with.

    Attributes:
        task: what the design is for.
        division: of the objects.
        simulation: exposure and noise.
        objects: what they are called.

    """

    task: Task
    division: Division
    simulation: Simulation
    objects: str

    @property
    def system(self) -> ImagingSystem:
        """The system, exposed as asked for."""
        return self.simulation.system


def run(
    setup: Setup, *, out: str | None, force: bool, say: Say, provenance: dict, keeping: Keeping
) -> tuple[dict, Callable[[], None]]:
    """Make a design and measure it; return the document of the run, and what writes its files once the document is printed.

    Raises:
        UsageError: something asked for has no meaning.
        DataError: the objects do not do.

    """
    say = with_time_left(say)
    objects = setup.request.objects or default_objects(setup.system)
    chosen = make_objects(objects, **setup.object_settings)
    target = parse_target(setup.request.target or "total", setup.system.scene)  # before objects are read
    if about_label(target):
        _check_classifiable(setup.system)
    _check_designable(setup.system)
    say(f"{objects} for {setup.system.name}", None)
    source = chosen.open(setup.system.scene, setup.request.seed)
    seen = source.read(0, min(_SEEN, source.count or _SEEN)).scenes
    request = _complete(replace(setup.request, objects=objects), setup.system, setup.design, seen)
    names = request.against
    prepared = _prepared(setup, request, source)
    system = prepared.system
    folder = open_folder(setup, request, prepared.division, prepared.simulation.exposure, out, force, keeping)
    designed = _designed(prepared, request, folder, setup.design, say)
    designs = {_design_report.DESIGN: designed.params}
    if not (unmoved := _alike(designed.params, designed.begun)):
        designs[_design_report.START] = designed.begun
    named = {name: design_of(system, name, request.seed) for name in names}
    designs |= {name: params for name, params in named.items() if not _alike(params, designed.begun)}
    estimates, labels = _measured(prepared, designs, request, folder, say)
    scenes = prepared.simulation.exposed(prepared.division.measure.scenes)
    say("what is told of each target, in closed form", None)
    targets = target_information(system, designs, prepared.simulation.noise, scenes)
    apart = differences(estimates, request.seed)
    rows = _design_report.rows(system, designs, estimates, apart, targets, labels)
    if designed.climb is not None and not unmoved:
        rows[1]["start"] = start = request.starts[designed.climb.start]
        whole = start in system.designs and start != "random"
        rows[1]["near"] = whole and not _alike(design_of(system, start), designed.begun)  # it was shaken
    left_out = [name for name in system.designs if name not in names]
    document = provenance | _design_report.document(prepared, as_table(request), designed, rows, left_out) | resources()

    def keep() -> None:
        if folder:
            _keep(folder, document, setup, prepared, designs, designed, request)

    return document, keep


def _alike(one: Params, other: Params) -> bool:
    return all(np.allclose(one[name], other[name], rtol=1e-5, atol=1e-6) for name in one)


def _complete(request: Request, system: ImagingSystem, design: str | None, seen: np.ndarray) -> Request:
    """Return the request with the defaults of the system where the user gave none, after a check of names.

    Args:
        request: with the name of objects.
        system: what is designed.
        design: that a configuration names.
        seen: some of the objects.

    Raises:
        UsageError: a name is unknown.

    """
    default = defaults_for(system, seen)
    if request.objective not in (None, default.objective):
        default = replace(defaults_for(system), target="total")  # what every objective can do
    if request.objective in (None, default.objective):
        request = replace(request, objective_settings={**default.settings, **request.objective_settings})
        request = replace(request, rates={**default.rates, **request.rates})
    request = completed(request, objective=default.objective, target=default.target, models=DEFAULT_MODELS)
    request = _with_method(request, system, default)
    for name in request.models:
        find_model(name)
    alone = bool(find_objective(request.objective).every)
    request = completed(request, starts=(design,) if design else starts_of(system, default, alone=alone))
    if request.against is None:
        request = replace(request, against=compared_with(system))
    elif request.against == ("all",):
        request = replace(request, against=tuple(system.designs))
    elif request.against == ("none",):
        request = replace(request, against=())
    for name in dict.fromkeys((*request.against, *request.starts)):
        design_of(system, name, request.seed)
    return request


def _with_method(request: Request, system: ImagingSystem, default: Defaults) -> Request:
    """Return the request with a method of ascent, Adam where its learning rate is given, and with as many steps as that takes."""
    method = request.method
    if method in (None, "auto"):
        searches = suits(find_objective(request.objective), system, request.rates) and request.learning_rate is None
        method = "line-search" if searches else "adam"
    if method == "line-search":
        return completed(replace(request, method=method), steps=MOST_STEPS)
    return completed(replace(request, method=method), steps=default.steps, learning_rate=default.learning_rate)


def _prepared(setup: Setup, request: Request, source: ObjectSource) -> Prepared:
    system = setup.system
    noise = _noise.noise_model(system, system.design(), setup.noise)
    target = parse_target(request.target, system.scene)
    division = read_parts(source, system, request)
    if about_label(target) and division.design.labels is None:
        raise UsageError(f"the target is the label, and {request.objects} have none: choose labelled objects (ideal data list)")
    simulation = prepare(system, system.design(), division.design, photons=request.photons, noise=noise)
    task = Task(
        simulation.system,
        simulation.noise,
        simulation.exposed(division.design.scenes),
        simulation.exposed(division.choose.scenes),
        division.design.labels,
        division.choose.labels,
        target,
    )
    return Prepared(task, division, simulation, request.objects)


def _check_designable(system: ImagingSystem) -> None:
    """Raise where ascent has nothing to find: of sites that cost nothing and stay where they are all are best."""
    if isinstance(system, Interferometer) and not system.free_sites and not system.budget:
        raise UsageError(
            "every site tells more, so that all of them are best: choose some (--choose 4), move some (--set free_sites=SMT,PV), "
            "or say how many may take part (--set budget=4)"
        )


def _check_classifiable(system: ImagingSystem) -> None:
    """Raise before the ascent what the final figures would: what is told of labels is measured of whole measurements."""
    values = int(np.prod(system.measurement_shape))
    if values > _MOST_VALUES and not isinstance(system, Interferometer):
        shape = " x ".join(map(str, system.measurement_shape))
        raise UsageError(
            f"the target is the label, and a measurement of {shape} has {values} values, more than the {_MOST_VALUES} that "
            f"classifiers of measurements can hold: take fewer camera pixels (--set shape, ideal systems {system.name})"
        )


def about_label(target: Target | None) -> bool:
    """Return whether a target has to do with labels."""
    if isinstance(target, WeightedTarget):
        return any(about_label(part) for _, part in target.parts)
    return isinstance(target, LabelTarget)


def _designed(prepared: Prepared, request: Request, folder: RunFolder | None, design: str | None, say: Say) -> Designed:
    rate = {} if request.learning_rate is None else {"learning_rate": request.learning_rate}
    how = {"patience": request.patience, "time_limit": request.time_limit, "method": request.method}
    ascent = Ascent(request.steps, rates=request.rates, **rate, **how)
    designed = find_design(
        prepared.task,
        request.objective,
        starts=[design_of(prepared.system, name) if name.endswith((".h5", ".hdf5")) else name for name in request.starts],
        ascent=ascent,
        settings=request.objective_settings,
        floors=request.floors,
        search=request.search,
        seed=request.seed,
        checkpoints=folder and folder.checkpoints("design"),
        report=say,
        **({"log": folder.log} if folder else {}),
    )
    if folder and designed.climb is not None:
        folder.settle(designed.climb.history)
    return designed


def _measured(prepared: Prepared, designs: Mapping[str, Params], request: Request, folder: RunFolder | None, say: Say):
    """Return of each design the estimate of its fresh measurements and, where labels are the target, what they tell of them."""
    scale = Scale(request.models, request.patch, request.effort, request.seed)
    wanted = about_label(prepared.task.target)
    estimates, tasks = {}, {}
    for place, (name, params) in enumerate(designs.items()):

        def report(text, fraction=None, place=place):
            share = "" if fraction is None else f", {fraction:.0%}"
            say(f"measuring {place + 1} of {len(designs)}: {text}{share}", place / len(designs))

        report(name)
        found, task = folder and folder.finished(place), folder and folder.finished_task(place)
        if found is None or (wanted and task is None):
            measured = _comparable(prepared, params, request.seed, name)
            checkpoints = folder and folder.checkpoints(place)
        if found is None:
            found = replace(information_of(measured, scale, report, checkpoints), fitted={})
            if folder:
                folder.keep(place, found)
        if wanted and task is None:
            task = label_information_of(measured, scale, report, checkpoints and checkpoints / "task").to_dict()
            if folder:
                folder.keep_task(place, task)
        estimates[name] = found
        if wanted:
            tasks[name] = task
    return estimates, tasks


def _comparable(prepared: Prepared, params: Params, seed: int, name: str) -> MeasurementSet:
    """Return fresh measurements; of an interferometer in few combinations, for visibilities are too many to fit a model to."""
    system, simulation = prepared.system, prepared.simulation
    if not isinstance(system, Interferometer):
        return _fresh(prepared, params, seed, name)
    scenes, part = prepared.task.scenes, prepared.division.measure
    return reduced_measurements(system, params, scenes, part, simulation.exposure, seed, name)


def _fresh(prepared: Prepared, params: Params, seed: int, name: str, count: int | None = None) -> MeasurementSet:
    part, simulation = prepared.division.measure, prepared.simulation
    return measured_by(
        prepared.system, params, simulation.noise, part.read(0, count or part.count), simulation.exposure, seed, name
    )


def _keep(
    folder: RunFolder,
    document: dict,
    setup: Setup,
    prepared: Prepared,
    designs: dict[str, Params],
    designed: Designed,
    request: Request,
) -> None:
    from ideal.cli import _design_figures

    path, system, keeping = folder.path, prepared.system, folder.keeping
    with keeping.attempt(path / "design.h5", "the design"):
        save_design(path / "design.h5", system, designed.params, target=request.target, objective=request.objective)
    tables: dict[str, Any] = {"system": {**setup.table, "design": "design.h5"}} | ({"noise": setup.noise} if setup.noise else {})
    text = to_toml(tables, "the design as a system: ideal simulate design.toml OBJECTS -o FILE.h5")
    with keeping.attempt(path / "design.toml", "the configuration"):
        write_whole(path / "design.toml", text)
    with keeping.attempt(path, "figures"):
        shown = {name: _fresh(prepared, designs[name], request.seed, name, 1) for name in list(designs)[:3]}
        scene = prepared.simulation.exposed(prepared.division.measure.scenes[:1])[0]
        _design_figures.draw_all(path, system, designed, document, shown, scene, keeping)
    folder.finish(document)
