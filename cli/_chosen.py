"""`ideal optimize --choose`: which k of a system's sites, LEDs or lenslets, by every strategy, and the choice re-measured."""

from collections.abc import Callable
from dataclasses import replace

from ideal.cli import _choice_output, _design_report, _noise
from ideal.cli._design_request import Request, as_table, completed
from ideal.cli._design_setup import Setup
from ideal.cli._design_world import default_objects, open_folder, read_parts, warnings_of
from ideal.datasets import make_objects
from ideal.errors import UsageError, unknown_name
from ideal.imaging.configuration import find_design
from ideal.imaging.interferometer.interferometer import Interferometer
from ideal.optimize import Task, parse_target
from ideal.optimize.defaults import compared_with
from ideal.optimize.evaluation import DEFAULT_MODELS, Evaluation, evaluate
from ideal.optimize.objects import Division
from ideal.optimize.selection.members import Members, find_members
from ideal.optimize.selection.search import Choosing, Selection, choose, choose_at_random
from ideal.optimize.selection.site_evaluation import evaluate_sites
from ideal.optimize.selection.valuation import find_set_value
from ideal.runs.keeping import Keeping
from ideal.simulation import Simulation, prepare

_ALIKE = 1e-3  # relative: designs of closer information are mirror images, of which one is measured
_MOST_SITES = 16  # with more, all of them are not measured for comparison
_OBJECTIVE = "gaussian"
_EXHAUSTIVE = 10_000  # sets that are all looked at, unless the user says how many
THE_CHOICE = "the choice"


def run(
    setup: Setup, *, out: str | None, force: bool, say: Callable[[str, float | None], None], provenance: dict, keeping: Keeping
) -> tuple[dict, Callable[[], None]]:
    """Choose members and measure the choice; return the document of the run, and what writes its files once it is printed.

    Args:
        setup: system, objects, noise and request; options of the ascent do not count.
        out: folder of the run, or None.
        force: whether a run in it is overwritten.
        say: shows progress.
        provenance: version, command and seed.
        keeping: takes what cannot be kept.

    Raises:
        UsageError: something asked for has no meaning.
        DataError: the objects do not do.

    """
    system = setup.system
    request = completed(
        setup.request,
        objects=default_objects(system),
        objective=_OBJECTIVE,
        target="total",
        models=DEFAULT_MODELS,
        starts=(setup.design,) if setup.design else (),
    )
    _check(setup, request)
    made = make_objects(request.objects, **setup.object_settings)
    noise = _noise.noise_model(system, system.design(), setup.noise)
    target = parse_target(request.target, system.scene)
    begin = next((find_design(system, name, request.seed) for name in request.starts), None)
    members = find_members(system, begin)
    kept = members.numbers(request.keep, request.seed)
    _check_count(members, kept, request.choose)
    for name in _against(members, request):
        if not members.is_set(find_design(system, name, request.seed)) and request.against is not None:
            raise UsageError(f"--against {name}: its {members.noun}s take part with shares, and --choose compares whole ones")
    say(f"{request.objects} for {system.name}", None)
    source = made.open(system.scene, request.seed)
    division = read_parts(source, system, request)
    simulation = _simulation(members, kept, division, request.photons, noise)
    members = replace(members, system=simulation.system)
    folder = open_folder(setup, request, division, simulation.exposure, out, force, keeping)

    scenes = simulation.exposed(division.design.scenes)
    labels = division.design.labels
    say(f"what each {members.noun} tells", None)
    value = find_set_value(members, Task(members.system, simulation.noise, scenes, scenes, labels, labels, target), kept)
    rest = tuple(number for number in range(members.size) if number not in (*kept, *value.dark))
    _check_count(members, kept, request.choose, len(rest))
    task, limit = Choosing(value, request.choose, kept, rest), _exhaustive(request)
    found = choose(task, limit=limit, starts=value.starts, steps=value.steps, seed=request.seed, report=say)
    designs = _designs(members, task, found, request)
    evaluation = _evaluate(members, designs, simulation, division, scenes, request, say)
    document = provenance | _choice_output.document(members, task, found, designs, evaluation)
    document |= {
        "objects": request.objects,
        "objective": request.objective,
        "target": request.target,
        "request": as_table(request),
        "n_design": division.design.count,
        "n_measure": division.measure.count,
        "noise": simulation.noise.describe(),
        "photons": _design_report.photons_of(simulation.system, as_table(request)),
        "exposure": simulation.exposure,
        "warnings": [*warnings_of(division, request.objects), *(finding.line for finding in simulation.findings)],
    }

    def keep() -> None:
        if folder:
            _choice_output.keep(folder, document, members, task, found, setup.noise)

    return document, keep


def _simulation(members: Members, kept: tuple[int, ...], division: Division, photons, noise) -> Simulation:
    """Return exposure and noise; of an interferometer by the sites that are kept, for all candidates see very much."""
    params = members.chosen(range(members.size))
    if not isinstance(members.system, Interferometer) or len(kept) < _MOST_SITES // 2:
        return prepare(members.system, params, division.design, photons=photons, noise=noise)
    smaller, own = members.system.restricted(members.chosen(kept))
    simulation = prepare(smaller, own, division.design, photons=photons, noise=noise)
    return replace(simulation, system=members.system, params=params, noise=members.system.noise(params))


def _exhaustive(request: Request) -> int:
    """Return the most sets that are all looked at: `--set objective.exhaustive=N`."""
    settings = dict(request.objective_settings)
    limit = settings.pop("exhaustive", _EXHAUSTIVE)
    if settings:
        raise UsageError(unknown_name("--choose has no setting objective", next(iter(settings)), ["exhaustive"]))
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise UsageError(f"objective.exhaustive takes a number of sets; found {limit!r}")
    return limit


def _check(setup: Setup, request: Request) -> None:
    if request.objective != _OBJECTIVE:
        raise UsageError(f"--choose compares sets in closed form: leave out --objective, found {request.objective}")
    if len(request.starts) > 1:
        raise UsageError("--choose leaves other parameters as they are in one design: give one --start, or none")
    for option, given in (("--floor", request.floors), ("--rate", request.rates), ("--time-limit", request.time_limit)):
        if given:
            raise UsageError(f"{option} steers gradient ascent, whose place --choose takes: leave one of them out")
    if isinstance(setup.system, Interferometer) and setup.noise:
        raise UsageError("--choose takes the noise that belongs to each site: leave out --noise and --sigma")
    _exhaustive(request)


def _check_count(members: Members, kept: tuple[int, ...], count: int, left: int | None = None) -> None:
    left = members.size - len(kept) if left is None else left
    if count > left:
        beside = f" beside the {len(kept)} that are kept" if kept else ""
        raise UsageError(
            f"--choose {count}: there are {left} {members.noun}s to choose from{beside}; choose fewer, or give more candidates"
        )
    if isinstance(members.system, Interferometer) and count + len(kept) < 2:
        raise UsageError(f"--choose {count}: one site alone measures nothing; choose two or more, or --keep others")


def _designs(members: Members, task: Choosing, found: Selection, request) -> dict[str, tuple[int, ...]]:
    """Return what is measured, members by name: the choice, greedy's, random ones, all, the kept ones and named designs."""
    sites = isinstance(members.system, Interferometer)
    greedy = next(choice for choice in found.choices if choice.strategy == "greedy")
    sets = {THE_CHOICE: found.best.members, "greedy": greedy.members, "random": choose_at_random(task, request.seed)}
    designs = {name: tuple(sorted((*task.fixed, *added))) for name, added in sets.items()}
    if task.fixed:
        designs["kept alone"] = tuple(sorted(task.fixed))
    if not sites or members.size <= _MOST_SITES:
        designs["all"] = tuple(range(members.size))
    bits = [_choice_output.bits(task.value, each) for each in designs.values()]
    for name in _against(members, request):
        params = find_design(members.system, name, request.seed)
        used = members.used(params)
        if not members.is_set(params):
            continue
        new = _choice_output.bits(task.value, used)
        if request.against is not None or not any(abs(new - other) <= _ALIKE * abs(other) for other in bits):
            designs[name], bits = used, [*bits, new]
    measured: dict[str, tuple[int, ...]] = {}
    for name, used in designs.items():
        if used not in measured.values() and _choice_output.bits(task.value, used) != 0:
            measured[name] = used
    return measured


def _against(members: Members, request: Request) -> tuple[str, ...]:
    if request.against in (None, ("all",)):
        return () if isinstance(members.system, Interferometer) else tuple(compared_with(members.system))
    return () if request.against == ("none",) else request.against


def _evaluate(members: Members, designs, simulation: Simulation, division: Division, scenes, request, say) -> Evaluation:
    params = {name: members.chosen(used) for name, used in designs.items()}
    if isinstance(members.system, Interferometer):
        return evaluate_sites(
            members.system,
            params,
            learned_from=scenes,
            part=division.measure,
            exposure=simulation.exposure,
            seed=request.seed,
            report=say,
        )
    return evaluate(
        members.system,
        params,
        simulation.noise,
        division.measure,
        simulation.exposure,
        models=request.models,
        patch=request.patch,
        effort=request.effort,
        seed=request.seed,
        report=say,
    )
