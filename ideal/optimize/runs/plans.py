"""Runs that design or choose, with objects in the place of names: each is resolved once, and nothing below looks a name up."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ideal._files import write_whole
from ideal.density import find_model
from ideal.errors import UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import DESIGN_FILES, find_design
from ideal.information.scoring import _MOST_VALUES
from ideal.measurements.measurement_set import MeasurementSet
from ideal.noise import NoiseModel
from ideal.optimize import Ascent, Objective, Target, Task, find_objective, parse_target
from ideal.optimize.ascent.line_search import suits
from ideal.optimize.defaults import MOST_STEPS, Defaults, compared_with, defaults_for, starts_of
from ideal.optimize.design import Optimum, check_objective_settings
from ideal.optimize.design import find_design as optimum
from ideal.optimize.evaluation import DEFAULT_MODELS, Scale, measured_by
from ideal.optimize.objects import Division, divide
from ideal.optimize.runs.recipe import Recipe
from ideal.optimize.runs.request import Request
from ideal.optimize.runs.setup import Setup
from ideal.optimize.selection.members import Members, find_members
from ideal.optimize.targets import about_label
from ideal.progress import Progress, silent
from ideal.runs.folder import RunFolder
from ideal.runs.keeping import Keeping
from ideal.simulation import ObjectSource, Simulation, prepare

_SCENE_VALUES, _COUNTS = 2**25, (1000, 6000)  # of the objects that are held in memory, unless the user says how many
_SEEN = 32  # objects that defaults are chosen by
_EXHAUSTIVE = 10_000  # sets that are all looked at, unless the user says how many
_NAMED = 4  # members that a message has room to name
_FEW_KEPT = 8  # members that are kept: with fewer, all candidates set the exposure of a system that reduces measurements


@dataclass(frozen=True, eq=False)
class Plan:
    """What runs that design and runs that choose have in common.

    Attributes:
        request: what was asked for, complete; records quote it.
        recipe: how a configuration asks for the same.
        division: the objects in their parts.
        simulation: system, noise and exposure.
        target: what information is wanted about; None for the whole scene.
        digests: of what the run depends on and no configuration can say, such as parameters given in Python.

    """

    request: Request
    recipe: Recipe
    division: Division
    simulation: Simulation
    target: Target | None
    digests: Mapping[str, str]

    @property
    def system(self) -> ImagingSystem:
        """The system, exposed as asked for."""
        return self.simulation.system

    @property
    def warnings(self) -> list[str]:
        """What has to be said of the sources of the objects."""
        if self.division.apart:
            return []
        return [
            f"{self.request.objects}: fewer than ten sources, so that the figures are of other parts of the same ones: "
            "the design may suit these alone; take objects of more sources (ideal data list)"
        ]

    @property
    def configuration(self) -> dict[str, Any]:
        """All that the result depends on, as JSON types."""
        return {
            **self.recipe.tables(self.request),
            "objects": {"name": self.request.objects, **self.recipe.objects},
            "n_objects": [getattr(self.division, part).count for part in ("design", "choose", "measure")],
            "exposure": self.simulation.exposure,
        }

    def open_folder(self, out: str, *, overwrite: bool, keeping: Keeping) -> RunFolder | None:
        """Return the folder of the run, with its whole configuration in it; None where the disk is full.

        Raises:
            UsageError: it holds another run, or cannot be written.

        """
        contents = {"objects": _digest_of_objects(self.division), **self.digests}
        inputs = map(str, self.recipe.sources)
        folder = RunFolder.open(out, self.configuration, keeping, inputs=inputs, contents=contents, force=overwrite)
        if folder is not None and self.recipe.whole:
            again = f"ideal optimize --config {Path(out) / 'run.toml'} --out ANOTHER does the same again"
            with keeping.attempt(folder.path / "run.toml", "the configuration"):
                self.recipe.copy_sources(folder.path)
                write_whole(folder.path / "run.toml", self.recipe.text(self.request, again))
        return folder


@dataclass(frozen=True, eq=False)
class Start:
    """A design to begin an ascent near.

    Attributes:
        name: that it was asked for by.
        params: its parameters.
        is_named: whether the system knows it by that name, and it is the same for every seed.

    """

    name: str
    params: Params
    is_named: bool


@dataclass(frozen=True, eq=False)
class DesignPlan(Plan):
    """A run that follows the gradient of an objective.

    Attributes:
        task: what the design is for.
        objective: whose gain is raised.
        settings: of the objective.
        starts: designs to begin near.
        rivals: parameters of the designs to compare with, by name.
        left_out: names of the system's designs that are not among them.
        ascent: how the gradient is followed.
        scale: how designs are measured.

    """

    task: Task
    objective: type[Objective]
    settings: Mapping[str, Any]
    starts: tuple[Start, ...]
    rivals: Mapping[str, Params]
    left_out: tuple[str, ...]
    ascent: Ascent
    scale: Scale

    def found(self, *, checkpoints: Path | None, report: Progress, **more: Any) -> Optimum:
        """Follow the gradient from all starts, and return what was found; see `ideal.optimize.design.find_design`."""
        request = self.request
        return optimum(
            self.task,
            self.objective,
            starts=[start.params for start in self.starts],
            ascent=self.ascent,
            settings=self.settings,
            floors=request.floors,
            search=request.search,
            seed=request.seed,
            checkpoints=checkpoints,
            report=report,
            **more,
        )

    def measure(self, params: Params, name: str, count: int | None = None) -> MeasurementSet:
        """Return fresh measurements by one design.

        Args:
            params: of the design.
            name: of the design: others draw other noise.
            count: number of objects; None for all that no design was made for.

        """
        part, simulation = self.division.measure, self.simulation
        part = part.read(0, count or part.count)
        return measured_by(self.system, params, simulation.noise, part, simulation.exposure, self.request.seed, name)


@dataclass(frozen=True, eq=False)
class ChoicePlan(Plan):
    """A run that chooses members of a system.

    Attributes:
        members: whom to choose from, those that are kept included.
        kept: numbers of those that take part beside the choice.
        count: how many more to choose.
        limit: most sets that are all looked at.
        task: whose scenes and target count.
        rivals: members that take part in each of the designs to compare with, by name.
        all_rivals: whether each of them is measured, be it a mirror image of another or not.
        costs: of the members, by their numbers; empty where nobody has said.
        scale: how designs are measured.

    """

    members: Members
    kept: tuple[int, ...]
    count: int
    limit: int
    task: Task
    rivals: Mapping[str, tuple[int, ...]]
    all_rivals: bool
    costs: Mapping[int, float]
    scale: Scale


def plan_design(setup: Setup, report: Progress = silent) -> DesignPlan:
    """Return the plan of a run that designs a system.

    Args:
        setup: what is designed, for which objects, and what is asked for; what it leaves open goes by the system and the objects.
        report: shows progress.

    Raises:
        UsageError: a name is unknown, or something asked for has no meaning.
        DataError: the objects cannot be used with this system.

    """
    system, objects, request, own = setup.system, setup.objects, setup.request, setup.params
    target = parse_target(request.target or "total", system.scene)  # before objects are read
    if about_label(target):
        _check_classifiable(system)
    if system.known_optimum:
        raise UsageError(system.known_optimum)
    report(f"{objects.name} for {system.name}", None)
    source = objects.open(system.scene, request.seed)
    seen = source.read(0, min(_SEEN, source.count or _SEEN)).scenes
    request = _complete(request, system, seen)
    assert request.objective is not None  # nor is anything else that has a default
    assert request.target is not None
    assert request.against is not None
    assert request.steps is not None
    assert request.method is not None
    starts = tuple(_start(system, name, number, request.seed, own) for number, name in enumerate(request.starts))
    rivals = {name: _params_of(system, name, request.seed, own) for name in request.against}
    division = _read_parts(source, system, request)
    target = parse_target(request.target, system.scene)
    if about_label(target) and division.design.labels is None:
        raise UsageError(f"the target is the label, and {objects.name} have none: choose labelled objects (ideal data list)")
    simulation = prepare(system, system.design(), division.design, photons=request.photons, noise=setup.noise)
    ascent = Ascent(
        request.steps,
        Ascent.learning_rate if request.learning_rate is None else request.learning_rate,
        request.rates,
        patience=request.patience,
        time_limit=request.time_limit,
        method=request.method,
    )
    objective = find_objective(request.objective)
    check_objective_settings(objective, request.objective_settings)
    return DesignPlan(
        request,
        setup.recipe,
        division,
        simulation,
        target,
        {name: _digest_of(each) for name, each in own.items()},
        _task(simulation, division, target),
        objective,
        request.objective_settings,
        starts,
        rivals,
        tuple(name for name in system.designs if name not in rivals),
        ascent,
        Scale(request.models, request.patch, request.effort, request.seed),
    )


def plan_choice(setup: Setup, report: Progress = silent) -> ChoicePlan:
    """Return the plan of a run that chooses members of a system.

    Args:
        setup: whose members are chosen, for which objects, and what is asked for; what steers an ascent has no place in it.
        report: shows progress.

    Raises:
        UsageError: a name is unknown, or something asked for has no meaning.
        DataError: the objects cannot be used with this system.

    """
    system, objects, own, choose = setup.system, setup.objects, setup.params, setup.request.choose
    if choose is None:
        raise UsageError(f"say how many {system.member}s to choose (`choose`)")
    request = setup.request.with_defaults(objective="gaussian", target="total", models=DEFAULT_MODELS)
    assert request.target is not None  # by the defaults
    limit = _check_choice(system, request, setup.noise)
    target = parse_target(request.target, system.scene)
    begin = next((_params_of(system, name, request.seed, own) for name in request.starts), None)
    members = find_members(system, begin)
    kept = members.numbers(request.keep, request.seed)
    check_count(members, kept, choose)
    known = _costs(members, kept, setup.costs)
    rivals = _rivals(members, request, own)
    report(f"{objects.name} for {system.name}", None)
    division = _read_parts(objects.open(system.scene, request.seed), system, request)
    simulation = _exposure_of_choice(members, kept, division, request.photons, setup.noise)
    return ChoicePlan(
        request,
        setup.recipe,
        division,
        simulation,
        target,
        {name: _digest_of(each) for name, each in own.items()},
        replace(members, system=simulation.system),
        kept,
        choose,
        limit,
        _task(simulation, division, target, held_out=False),
        rivals,
        request.against is not None,
        known,
        Scale(request.models, request.patch, request.effort, request.seed),
    )


def plan_elements(setup: Setup, with_members: bool | None, report: Progress = silent) -> tuple[Members | None, Task, Params]:
    """Return what tells what a system's elements are worth: its members, the task, and the parameters of all of it.

    Args:
        setup: the system, what it looks at, its noise, and the design that says what other parameters are (a start).
        with_members: whether members are asked for; None for those that the system has, if it has some.
        report: shows progress.

    Returns:
        The members, None where the system has none or they are not asked for; the task, exposed for all elements; the parameters.

    Raises:
        UsageError: a name is unknown, or members are asked for and there are none.
        DataError: the objects cannot be used with this system.

    """
    system, objects, request = setup.system, setup.objects, setup.request.with_defaults(objective="gaussian", target="total")
    assert request.target is not None  # by the defaults
    target = parse_target(request.target, system.scene)
    params = next((_params_of(system, name, request.seed, setup.params) for name in request.starts), None)
    members = None
    if with_members is not False:
        try:
            members = find_members(system, params)
        except UsageError:
            if with_members:
                raise
    if members is not None:
        _check_choice(system, request, setup.noise)
    report(f"{objects.name} for {system.name}", None)
    division = _read_parts(objects.open(system.scene, request.seed), system, request)
    if members is None:
        simulation = prepare(system, params or system.design(), division.design, photons=request.photons, noise=setup.noise)
    else:
        simulation = _exposure_of_choice(members, (), division, request.photons, setup.noise)
        members = replace(members, system=simulation.system)
    return members, _task(simulation, division, target, held_out=False), simulation.params


def check_count(members: Members, kept: Sequence[int], count: int, left: int | None = None) -> None:
    """Refuse to choose more members than there are, or so few that nothing is measured.

    Args:
        members: of the system.
        kept: numbers of those that take part beside the choice.
        count: how many to choose.
        left: how many candidates there are; None for all that are not kept.

    Raises:
        UsageError: there are fewer candidates, or one member alone measures nothing.

    """
    left = members.size - len(kept) if left is None else left
    if count > left:
        beside = f" beside the {len(kept)} that are kept" if kept else ""
        raise UsageError(
            f"`choose={count}`: there are {left} {members.noun}s to choose from{beside}; choose fewer, or give more candidates"
        )
    if members.system.pairs is not None and count + len(kept) < 2:
        raise UsageError(f"`choose={count}`: one {members.noun} alone measures nothing; choose two or more, or `keep` others")


def _task(simulation: Simulation, division: Division, target: Target | None, *, held_out: bool = True) -> Task:
    """Return what a design is for; without objects held out, those to design for stand in their place."""
    other = division.choose if held_out else division.design
    scenes = simulation.exposed(division.design.scenes)
    return Task(
        simulation.system,
        simulation.noise,
        scenes,
        simulation.exposed(other.scenes) if held_out else scenes,
        division.design.labels,
        other.labels,
        target,
    )


def _read_parts(source: ObjectSource, system: ImagingSystem, request: Request) -> Division:
    """Return the objects of a run in their parts, as many as asked for or as are held in memory well."""
    count = request.count or int(np.clip(_SCENE_VALUES // math.prod(system.scene.shape), *_COUNTS))
    if request.count is None and source.count is not None:
        count = min(count, source.count)
    return divide(source, count, request.seed)


def _params_of(system: ImagingSystem, name: str, seed: int, own: Mapping[str, Params]) -> Params:
    return system.check_params(own[name]) if name in own else find_design(system, name, seed)


def _start(system: ImagingSystem, name: str, number: int, seed: int, own: Mapping[str, Params]) -> Start:
    """Return a start; of random ones that are asked for several times each has a seed of its own."""
    is_named = name not in own and not name.endswith(DESIGN_FILES)
    if is_named:
        _params_of(system, name, seed, own)  # a name that is not known is refused
        with jax.enable_x64(True):  # in the precision of the ascent
            params = system.design(name, seed + number)
    else:
        params = _params_of(system, name, seed, own)
    return Start(name, params, is_named and name != "random")


def _complete(request: Request, system: ImagingSystem, seen: np.ndarray) -> Request:
    """Return the request with the defaults of the system where the user gave none, after a check of names.

    Args:
        request: with the name of objects.
        system: what is designed.
        seen: some of the objects.

    """
    default = defaults_for(system, seen)
    if request.objective not in (None, default.objective):
        default = replace(defaults_for(system), target="total")  # what every objective can do
    if request.objective in (None, default.objective):
        request = replace(request, objective_settings={**default.settings, **request.objective_settings})
        request = replace(request, rates={**default.rates, **request.rates})
    objective = default.objective if request.objective is None else request.objective
    request = request.with_defaults(objective=objective, target=default.target, models=DEFAULT_MODELS)
    request = _with_method(request, system, default, objective)
    for name in request.models:
        find_model(name)
    alone = bool(find_objective(objective).every)
    request = request.with_defaults(starts=starts_of(system, default, alone=alone))
    if request.against is None:
        return replace(request, against=compared_with(system))
    if request.against == ("all",):
        return replace(request, against=tuple(system.designs))
    return replace(request, against=()) if request.against == ("none",) else request


def _with_method(request: Request, system: ImagingSystem, default: Defaults, objective: str) -> Request:
    """Return the request with a method of ascent, Adam where its learning rate is given, and with as many steps as that takes."""
    method = request.method
    if method in (None, "auto"):
        searches = suits(find_objective(objective), system, request.rates) and request.learning_rate is None
        method = "line-search" if searches else "adam"
    if method == "line-search":
        return replace(request, method=method).with_defaults(steps=MOST_STEPS)
    return replace(request, method=method).with_defaults(steps=default.steps, learning_rate=default.learning_rate)


def _check_classifiable(system: ImagingSystem) -> None:
    """Raise before the ascent what the final figures would: what is told of labels is measured of whole measurements."""
    values = math.prod(system.measurement_shape)
    if values > _MOST_VALUES and not system.reduces:
        shape = " x ".join(map(str, system.measurement_shape))
        raise UsageError(
            f"the target is the label, and a measurement of {shape} has {values} values, more than the {_MOST_VALUES} that "
            f"classifiers of measurements can hold: take fewer camera pixels (setting shape, ideal systems {system.name})"
        )


def _check_choice(system: ImagingSystem, request: Request, noise: NoiseModel | None) -> int:
    """Refuse what has no meaning where members are chosen; return the most sets that are all looked at."""
    if request.objective != "gaussian":
        raise UsageError(f"`choose` compares sets in closed form: leave out `objective`, found {request.objective}")
    if len(request.starts) > 1:
        raise UsageError("`choose` leaves other parameters as they are in one design: give one `start`, or none")
    for name in ("floors", "rates", "time_limit"):
        if getattr(request, name):
            raise UsageError(f"`{name}` steers gradient ascent, whose place `choose` takes: leave one of them out")
    if system.pairs is not None and noise is not None:
        raise UsageError(f"`choose` takes the noise that belongs to each {system.member}: leave out `noise` and `sigma`")
    settings = dict(request.objective_settings)
    limit = settings.pop("exhaustive", _EXHAUSTIVE)
    if settings:
        raise UsageError(unknown_name("`choose` has no setting objective", next(iter(settings)), ["exhaustive"]))
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise UsageError(f"objective.exhaustive takes a number of sets; found {limit!r}")
    return limit


def _rivals(members: Members, request: Request, own: Mapping[str, Params]) -> dict[str, tuple[int, ...]]:
    """Return the members that take part in each design to compare with."""
    names, system = request.against, members.system
    if names in (None, ("all",)):
        names = () if system.reduces else compared_with(system)
    elif names == ("none",):
        names = ()
    found = {}
    for name in names:
        params = _params_of(system, name, request.seed, own)
        if members.is_set(params):
            found[name] = members.used(params)
        elif request.against is not None:
            raise UsageError(f"`against={name}`: its {members.noun}s take part with shares, and `choose` compares whole ones")
    return found


def _costs(members: Members, kept: Sequence[int], costs: Mapping[str, float]) -> dict[int, float]:
    for name, cost in costs.items():
        if name not in members.names:
            raise UsageError(unknown_name(f"a cost is given for a {members.noun} that there is not,", name, members.names))
        if not math.isfinite(cost):
            raise UsageError(f"the cost of {name} is a finite number; found {cost!r}")
    free = set(members.names) - {members.names[number] for number in kept}
    if costs and (missing := sorted(free - set(costs))):
        raise UsageError(f"the cost of {', '.join(missing[:_NAMED])} is missing: give all {members.noun}s to choose from one")
    return {members.names.index(name): float(cost) for name, cost in costs.items()}


def _exposure_of_choice(members: Members, kept: Sequence[int], division: Division, photons, noise) -> Simulation:
    """Return exposure and noise; where measurements are reduced by those that are kept, for all candidates see very much."""
    system, params = members.system, members.params_of_set(range(members.size))
    if not system.reduces or len(kept) < _FEW_KEPT:
        return prepare(system, params, division.design, photons=photons, noise=noise)
    smaller, own = system.restricted(members.params_of_set(kept))
    simulation = prepare(smaller, own, division.design, photons=photons, noise=noise)
    return replace(simulation, system=system, params=params, noise=system.noise(params))


def _digest_of_objects(division: Division) -> str:
    """Return a digest of all objects, which data sets and folders of pictures may change under the same name."""
    digest = hashlib.sha256()
    for part in (division.design, division.choose, division.measure):
        for array in (part.scenes, part.groups, *(() if part.labels is None else (part.labels,))):
            digest.update(f"{array.shape} {array.dtype}".encode())
            numbers = array.dtype.kind in "iufbc"
            digest.update(np.ascontiguousarray(array).view(np.uint8).data if numbers else repr(array.tolist()).encode())
    return f"sha256:{digest.hexdigest()}"


def _digest_of(params: Params) -> str:
    digest = hashlib.sha256()
    for name, value in params.items():
        array = np.ascontiguousarray(value)
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        digest.update(array.tobytes())
    return f"sha256:{digest.hexdigest()}"
