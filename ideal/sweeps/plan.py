"""A sweep with all names checked: its points, and the jobs that measure and compare them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ideal.datasets import OBJECTS
from ideal.decoders.members import make_decoder
from ideal.density import find_model
from ideal.errors import UsageError, unknown_name
from ideal.imaging.configuration import Configuration
from ideal.imaging.custom.modules import own_modules
from ideal.jobs.contract import Context, Job
from ideal.measurements.measurement_set import open_measurements
from ideal.runs.key import files_in
from ideal.sweeps import work
from ideal.sweeps.axes import Axis, Point, key_of, points_of
from ideal.sweeps.names import DECODING, ESTIMATING, MEASURING, READING, family, said
from ideal.sweeps.request import SweepRequest

OPTIMIZE = "optimize"  # in place of the name of a design: one that is to be found
_READ = ("generated", "bundled")  # objects of these origins depend on code alone
_DESIGNED_FOR = ("photons", "camera")  # and noise and objects: axes for whose values there is a design each


@dataclass(frozen=True)
class PointJobs:
    """Names of the jobs of a point; None where there is none.

    Attributes:
        estimate: of the information.
        decode: of the decoder's quality.
        design: that finds its design.
        difference: from the baseline, in information.
        difference_of_quality: the same of the decoder's quality.

    """

    estimate: str
    decode: str | None = None
    design: str | None = None
    difference: str | None = None
    difference_of_quality: str | None = None


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """A sweep with all names checked.

    Attributes:
        request: what was asked for.
        axes: with designs that are to be found under a name each.
        points: in their order.
        baseline: values by name of the axis, of the points that others are compared with; empty for none.
        designs: of designs that are to be found, by name: values of the axes that they are for.
        elements: number of sites, LEDs or lenslets that take part, by point; of the points where that is known.

    """

    request: SweepRequest
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    baseline: Mapping[str, Any]
    designs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    elements: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, request: SweepRequest) -> "SweepPlan":
        """Check a request and return its plan.

        Raises:
            UsageError: a name is unknown, a setting has no meaning, or one is of simulated measurements and files are named.
            DataError: a file cannot be read.

        """
        if not request.axes:
            raise UsageError("a sweep needs an axis: a setting with several values, as [axes] photons = [30, 100]")
        designs = _designs_of(request)
        axes = tuple(_with_designs(axis, designs) for axis in request.axes)
        points = points_of(axes, request.settings, request.zips, request.excluded)
        baseline = _baseline(request, axes)
        found = cls(request, axes, tuple(points), baseline, designs)
        return replace(found, elements=found._check())

    @property
    def is_of_files(self) -> bool:
        """Whether measurements are read from files and not simulated."""
        return "file" in self.points[0].settings

    @cached_property
    def by_key(self) -> Mapping[str, Point]:
        """The points by their keys."""
        return {point.key: point for point in self.points}

    def reference(self, point: Point) -> Point | None:
        """Return the point that a point is compared with; None for one that others are compared with, or where there is none."""
        if not self.baseline:
            return None
        found = self.by_key.get(key_of({**point.values, **self.baseline}))
        return None if found is point else found

    @cached_property
    def names(self) -> Mapping[str, PointJobs]:
        """The names of the jobs of each point, by the point's key."""
        return self._made[1]

    @property
    def jobs(self) -> list[Job]:
        """All jobs, each after those that it needs."""
        return self._made[0]

    def job(self, name: str) -> Job:
        """Return the job of a name."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Job]:
        return {job.name: job for job in self.jobs}

    @cached_property
    def _made(self) -> tuple[list[Job], dict[str, PointJobs]]:
        makers = _Jobs(self)
        return makers.jobs, makers.names

    def _check(self) -> dict[str, int]:
        """Check the settings of all points, each kind once; return the number of elements by point."""
        seen: dict[str, Any] = {}
        found: dict[str, int] = {}
        for point in self.points:
            for name in _names_of_models(point.settings):
                find_model(name)
            if point.settings.get("decoder"):
                make_decoder(point.settings["decoder"], **family(point.settings, "decoder"))
            if self.is_of_files:
                _check_file(point.settings, seen)
            else:
                number = self._check_simulated(point, seen)
                if number is not None:
                    found[point.key] = number
        return found

    def _check_simulated(self, point: Point, seen: dict[str, Any]) -> int | None:
        settings = self.measuring(point)
        for name in ("units", "groups", "axes"):
            if name in point.settings:
                raise UsageError(f"`{name}` is of measurement files: leave it out, or name files")
        look = ("system", "system_settings", "design", "design_seed", "noise", "camera", "objects", "object_settings")
        key = json.dumps({name: settings[name] for name in look}, sort_keys=True)
        if key not in seen:
            used = work.system_of(settings, Context())
            work.noise_of(used, settings, Context())
            work.objects_of(settings, Context())
            seen[key] = work.elements(used, used.params)
        return None if point.values.get("design") in self.designs else seen[key]

    def measuring(self, point: Point) -> dict[str, Any]:
        """Return how the measurements of a point come about, as its jobs take it."""
        given = {name: point.settings.get(name, default) for name, default in MEASURING.items()}
        if not given["system"]:
            raise UsageError("a sweep needs a system (ideal systems), or measurement files")
        label = given["design"]
        is_found = label in self.designs
        noise = family(point.settings, "noise")
        if given["noise"] is not None:
            noise["noise"] = given["noise"]
        settings = {
            **given,
            "system_settings": family(point.settings, "system"),
            "object_settings": family(point.settings, "objects"),
            "noise": noise,
            "design": None if is_found else label,
        }
        if given["objects"] is None:
            settings["objects"] = self._default_objects(settings)
        return settings

    @cached_property
    def _defaults(self) -> dict[str, str]:
        return {}

    def _default_objects(self, settings: Mapping[str, Any]) -> str:
        key = json.dumps([settings["system"], settings["system_settings"]], sort_keys=True)
        if key not in self._defaults:
            self._defaults[key] = work.default_objects(work.system_of({**settings, "design": None}, Context()))
        return self._defaults[key]


class _Jobs:
    """The jobs of a plan, as they are put together."""

    def __init__(self, plan: SweepPlan):
        self.plan = plan
        self.jobs: list[Job] = []
        self.names: dict[str, PointJobs] = {}
        self._known: dict[str, str] = {}  # names of jobs that several points share, by what they do
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._called: set[str] = set()
        for point in plan.points:
            self.names[point.key] = self._of_file(point) if plan.is_of_files else self._of_simulated(point)
        for point in plan.points:
            if (other := plan.reference(point)) is not None:
                self.names[point.key] = self._compared(point, other)

    def _of_file(self, point: Point) -> PointJobs:
        known = {name: point.settings[name] for name in READING if name not in ("file", "seed") and name in point.settings}
        known |= family(point.settings, "noise")
        settings = {
            "file": point.settings["file"],
            "known": known,
            "seed": point.settings.get("seed", 0),
            "estimate": _estimate_settings(point),
        }
        name = self._add(point.name, work.estimated_file, settings, (), point.settings["file"].split("::")[0])
        return PointJobs(name)

    def _of_simulated(self, point: Point) -> PointJobs:
        measuring = self.plan.measuring(point)
        label = point.settings.get("design")
        needs = [each for each in (self._objects(measuring),) if each]
        design = None
        if isinstance(label, str) and label in self.plan.designs:
            design = self._design(point, label, needs)
            needs.append(design)
        common = {
            **measuring,
            "divided": bool(self.plan.designs),
            "found": design,
            "label": label if design else None,
        }
        estimate = self._add(point.name, work.estimated, {**common, "estimate": _estimate_settings(point)}, needs)
        decode = None
        if point.settings.get("decoder"):
            settings = {
                **common,
                "decoder": point.settings["decoder"],
                "decoder_settings": family(point.settings, "decoder"),
                "effort": point.settings.get("decode.effort", DECODING["decode.effort"]),
                "folds": point.settings.get("decode.folds"),
                "confidence": point.settings.get("confidence", ESTIMATING["confidence"]),
            }
            decode = self._add(f"{point.name}: decoded", work.decoded, settings, needs)
        return PointJobs(estimate, decode, design)

    def _design(self, point: Point, label: str, needs: Sequence[str]) -> str:
        """Return the name of the job that finds the design of a point."""
        values = self.plan.designs[label]
        other = Point({**point.values, **values}, {**point.settings, **values})
        table = {name: value for name, value in self.plan.request.optimize.items() if name != "for"}
        settings = {**self.plan.measuring(other), "optimize": table}
        needs = [each for each in (self._objects(settings),) if each]
        return self._shared(f"design {label}", work.designed, settings, needs)

    def _objects(self, settings: Mapping[str, Any]) -> str | None:
        """Return the name of the job that looks at objects which are read from elsewhere; None where code makes them."""
        name = settings["objects"]
        if name not in OBJECTS or OBJECTS[name].origin in _READ:
            return None  # own pictures are inputs
        own = ("system", "system_settings", "design", "design_seed", "objects", "object_settings", "seed", "count")
        return self._shared(f"objects {name}", work.objects, {each: settings[each] for each in own}, (), volatile=True)

    def _compared(self, point: Point, other: Point) -> PointJobs:
        names, theirs = self.names[point.key], self.names[other.key]
        seed = point.settings.get("seed", 0)
        settings = {"first": names.estimate, "second": theirs.estimate, "seed": seed}
        needs = (names.estimate, theirs.estimate)
        found = self._add(f"{point.name}: difference", work.difference, settings, needs, inputs=())
        of_quality = None
        if names.decode and theirs.decode:
            settings = {"first": names.decode, "second": theirs.decode}
            both = (names.decode, theirs.decode)
            of_quality = self._add(f"{point.name}: difference decoded", work.difference_of_quality, settings, both, inputs=())
        return replace(names, difference=found, difference_of_quality=of_quality)

    def _shared(self, name: str, function, settings: dict, needs: Sequence[str], *, volatile: bool = False) -> str:
        """Add a job where none does the same; return the name of the one that does."""
        key = json.dumps([name, settings, list(needs)], sort_keys=True)
        if key not in self._known:
            self._known[key] = self._add(name, function, settings, needs, volatile=volatile)
        return self._known[key]

    def _add(
        self, name: str, function, settings: dict, needs: Sequence[str], *more: str, volatile: bool = False, inputs=None
    ) -> str:
        number, called = 1, name
        while called in self._called:
            number += 1
            called = f"{name} ({number})"
        self._called.add(called)
        files = tuple(dict.fromkeys((*more, *self._files(settings)))) if inputs is None else inputs
        self.jobs.append(Job(called, function, settings, tuple(needs), files, volatile))
        return called

    def _files(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the files that settings name, and those that a configuration among them reads."""
        key = json.dumps(settings, sort_keys=True)
        if key not in self._inputs:
            self._inputs[key] = tuple(_inputs(settings))
        return self._inputs[key]


def _inputs(settings: Mapping[str, Any]) -> Iterator[str]:
    for text in files_in(settings):
        file = text.split("::")[0]
        yield file
        if file.endswith(".toml"):
            folder, tables = Path(file).resolve().parent, Configuration.read(file).tables
            for module in _modules(tables.get("system", {})):
                yield from map(str, own_modules(module, folder))
            yield from (
                str(folder / each) for each in _texts(tables) if ("." in each or "/" in each) and (folder / each).is_file()
            )


def _modules(table: Any) -> Iterator[str]:
    yield from (text.partition(":")[0] for text in _texts(table) if ":" in text and "/" not in text and "\\" not in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _estimate_settings(point: Point) -> dict[str, Any]:
    found = {name: point.settings.get(name, default) for name, default in ESTIMATING.items()}
    found["allow"] = list(found["allow"])
    models = found["models"]
    found["models"] = [models] if isinstance(models, str) and models != "all" else models
    return found


def _names_of_models(settings: Mapping[str, Any]) -> list[str]:
    models = settings.get("models") or []
    names = [models] if isinstance(models, str) else models
    return [name for name in names if name != "all"]


def _check_file(settings: Mapping[str, Any], seen: dict[str, Any]) -> None:
    """Refuse what is of simulated measurements, and a file that cannot be opened."""
    for name in settings:
        if (name in MEASURING and name not in READING) or name.startswith(("system.", "objects.", "decoder.", "decode")):
            raise UsageError(f"`{name}` is of simulated measurements: leave it out where files are measured")
    if not isinstance(settings["file"], str):
        raise UsageError(f"`file` takes the name of a measurement file; found {settings['file']!r}")
    known = {name: settings[name] for name in READING if name not in ("file", "seed", "groups") and name in settings}
    known |= family(settings, "noise")
    key = json.dumps([settings["file"], known], sort_keys=True)
    if key not in seen:
        with open_measurements(settings["file"], **known):
            seen[key] = None


def _designs_of(request: SweepRequest) -> dict[str, dict[str, Any]]:
    """Return the designs that are to be found, by what to call them: the values of the axes that each is for."""
    axis = next((axis for axis in request.axes if axis.name == "design"), None)
    if request.settings.get("design") == OPTIMIZE:
        raise UsageError("a design that is to be found is a value of the axis design: [axes] design = ['optimize']")
    if axis is None or OPTIMIZE not in axis.values:
        if request.optimize:
            raise UsageError("[optimize] says how designs are found, and the axis design has no value 'optimize'")
        return {}
    by_name = {each.name: each for each in request.axes}
    given = request.optimize.get("for")
    wanted = [given] if isinstance(given, str) else given
    if wanted is None:
        wanted = [name for name in by_name if name in _DESIGNED_FOR or name.partition(".")[0] in ("noise", "objects")]
    for name in wanted:
        if name not in by_name or name == "design":
            others = [each for each in by_name if each != "design"]
            raise UsageError(unknown_name("[optimize] for: no axis is called", name, others))
    if not wanted:
        return {"optimized": {}}
    zips = [group for group in ([each for each in one if each in wanted] for one in request.zips) if len(group) > 1]
    return {f"best for {point.name}": dict(point.values) for point in points_of([by_name[name] for name in wanted], {}, zips)}


def _with_designs(axis: Axis, designs: Mapping[str, Any]) -> Axis:
    if axis.name != "design" or not designs:
        return axis
    values = [each for value in axis.values for each in (designs if value == OPTIMIZE else (value,))]
    return Axis("design", tuple(values))


def _baseline(request: SweepRequest, axes: Sequence[Axis]) -> dict[str, Any]:
    by_name = {axis.name: axis for axis in axes}
    if request.baseline:
        for name, value in request.baseline.items():
            if name not in by_name:
                raise UsageError(unknown_name("baseline: no axis is called", name, by_name))
            if value not in by_name[name].values:
                known = [said(each) for each in by_name[name].values]
                raise UsageError(unknown_name(f"baseline: the axis {name} has no value", said(value), known))
        return dict(request.baseline)
    zipped = {name: group for group in request.zips for name in group}
    axis = next((axis for axis in axes if not axis.is_numeric and len(axis.values) > 1), axes[0])
    return {name: by_name[name].values[0] for name in zipped.get(axis.name, (axis.name,))}
