"""A run that chooses members of a system: every strategy there is, and the choice measured against other sets."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ideal import records
from ideal.cameras import Camera
from ideal.datasets import ObjectSet
from ideal.imaging import ImagingSystem, Params
from ideal.noise import NoiseModel
from ideal.optimize.evaluation import Evaluation, evaluate
from ideal.optimize.runs.choices import record as choice_record
from ideal.optimize.runs.choices.record import bits
from ideal.optimize.runs.choices.result import ChoiceResult, Work
from ideal.optimize.runs.plans import ChoicePlan, check_count, plan_choice
from ideal.optimize.runs.request import Request
from ideal.optimize.runs.setup import Setup, names_of, noise_or_camera
from ideal.optimize.selection import search
from ideal.optimize.selection.search import Choosing, Selection, choose_at_random
from ideal.optimize.selection.site_evaluation import evaluate_sites
from ideal.optimize.selection.valuation import find_set_value
from ideal.progress import Progress, shown, silent
from ideal.runs import lock
from ideal.runs.folder import resources
from ideal.runs.keeping import Keeping

_ALIKE = 1e-3  # relative: designs of closer information are mirror images, of which one is measured
_MOST_MEMBERS = 16  # whose measurements are reduced: with more, all of them are not measured for comparison
THE_CHOICE = "the choice"


def choose(
    system: ImagingSystem | str,
    objects: ObjectSet | str | Path | np.ndarray | None = None,
    *,
    k: int,
    keep: str | Sequence[str] = (),
    cost: Mapping[str, float] | None = None,
    start: str | Params | None = None,
    against: str | Mapping[str, Params] | Sequence[str] | None = None,
    target: str | None = None,
    exhaustive: int | None = None,
    count: int | None = None,
    photons: float | None = None,
    noise: NoiseModel | str | None = None,
    camera: Camera | str | Path | None = None,
    models: Sequence[str] = (),
    patch: int = 16,
    effort: float = 0.25,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> ChoiceResult:
    """Choose sites, LEDs or lenslets of a system for the most information, and measure the choice against other sets.

    Where there are few enough sets all of them are looked at, which proves the best; else greedy choice, swaps and a relaxation
    look for it. What every candidate and every set is worth is kept.

    Args:
        system: whose members are chosen, or its name.
        objects: what to choose for, as of `ideal.design`.
        k: how many to choose.
        keep: names of members that take part beside the k, or of designs for all of theirs.
        cost: costs of members by name, in any unit; tables quote them.
        start: design that says what the other parameters are; a name, a design file, or parameters.
        against: designs to compare with: names, or parameters by name; "all", or "none".
        target: what information is wanted about; see `ideal.optimize.parse_target`.
        exhaustive: most sets that are all looked at; None for 10,000.
        count: number of objects, at least 20, to choose for and to measure with.
        photons: mean photoelectrons of an unfiltered pixel.
        noise: noise of the measurements, or its name with figures, as "gaussian:sigma=2"; None for the system's own.
        camera: `ideal.cameras.Camera` whose noise they get, or the name of its file: its numbers, for maps are of one sensor.
        models: names of density models of the final figures.
        patch: side of the patches of the final figures, in pixels.
        effort: work of trained models in the final figures.
        seed: seed of all that is random.
        out: folder that keeps design, numbers and figures; None for none.
        overwrite: whether another run in that folder may be replaced.
        progress: as of `ideal.design`.

    Raises:
        UsageError: a name is unknown, or something asked for has no meaning.
        DataError: the objects cannot be used with this system.

    Example:
        >>> import ideal
        >>> array = ideal.imaging.Interferometer(sites=("ALMA", "LMT", "SMT", "PV"), shape=(16, 16), interval=3600)
        >>> sites = ideal.choose(array, k=2, count=60, progress=False)
        >>> len(sites.members), len(sites.sets)
        (2, 6)

    """
    own: dict[str, Params] = {}
    request = Request(
        choose=k,
        keep=(keep,) if isinstance(keep, str) else tuple(keep),
        starts=names_of(start, "start", own) or (),
        against=names_of(against, "rival", own),
        target=target,
        objective_settings={} if exhaustive is None else {"exhaustive": exhaustive},
        count=count,
        photons=photons,
        models=(models,) if isinstance(models, str) else tuple(models),
        patch=patch,
        effort=effort,
        seed=seed,
    )
    with shown(progress) as report:
        plan = plan_choice(Setup.of(system, request, objects, noise_or_camera(noise, camera), own, cost), report)
        return run_choice(plan, out, overwrite=overwrite, report=report).keep()


def run_choice(
    plan: ChoicePlan,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    report: Progress = silent,
    keeping: Keeping | None = None,
) -> ChoiceResult:
    """Choose members and measure the choice; `ChoiceResult.keep` then writes the files of its folder.

    Args:
        plan: what is asked for.
        out: folder of the run; None for none.
        overwrite: whether another run in it may be replaced.
        report: shows progress.
        keeping: takes what cannot be kept.

    Raises:
        UsageError: the folder holds another run, or the candidates that bring anything are too few.

    """
    folder = plan.open_folder(str(out), overwrite=overwrite, keeping=keeping or Keeping()) if out is not None else None
    try:
        members, kept, seed = plan.members, plan.kept, plan.request.seed
        report(f"what each {members.noun} tells", None)
        value = find_set_value(members, plan.task, kept)
        rest = tuple(number for number in range(members.size) if number not in (*kept, *value.dark))
        check_count(members, kept, plan.count, len(rest))
        task = Choosing(value, plan.count, kept, rest)
        found = search.choose(task, limit=plan.limit, starts=value.starts, steps=value.steps, seed=seed, report=report)
        designs = _designs(plan, task, found)
        evaluation = _evaluate(plan, designs, report)
        record = records.provenance(sys.argv, seed) | choice_record.document(plan, task, found, designs, evaluation) | resources()
        return ChoiceResult(record, Work(plan, task, found, folder))
    except BaseException:
        if folder is not None:
            lock.release(folder.path)
        raise


def _designs(plan: ChoicePlan, task: Choosing, found: Selection) -> dict[str, tuple[int, ...]]:
    """Return what is measured, members by name: the choice, greedy's, random ones, all, the kept ones and named designs."""
    members = plan.members
    greedy = next(choice for choice in found.choices if choice.strategy == "greedy")
    sets = {THE_CHOICE: found.best.members, "greedy": greedy.members, "random": choose_at_random(task, plan.request.seed)}
    designs = {name: tuple(sorted((*task.fixed, *added))) for name, added in sets.items()}
    if task.fixed:
        designs["kept alone"] = tuple(sorted(task.fixed))
    if not members.system.reduces or members.size <= _MOST_MEMBERS:
        designs["all"] = tuple(range(members.size))
    worth = [bits(task.value, each) for each in designs.values()]
    for name, used in plan.rivals.items():
        new = bits(task.value, used)
        if plan.all_rivals or not any(abs(new - other) <= _ALIKE * abs(other) for other in worth):
            designs[name], worth = used, [*worth, new]
    measured: dict[str, tuple[int, ...]] = {}
    for name, used in designs.items():
        if used not in measured.values() and bits(task.value, used) != 0:
            measured[name] = used
    return measured


def _evaluate(plan: ChoicePlan, designs: Mapping[str, tuple[int, ...]], report: Progress) -> Evaluation:
    params = {name: plan.members.params_of_set(used) for name, used in designs.items()}
    system, simulation, part, scale = plan.system, plan.simulation, plan.division.measure, plan.scale
    if system.reduces:
        return evaluate_sites(
            system,
            params,
            learned_from=plan.task.scenes,
            part=part,
            exposure=simulation.exposure,
            seed=scale.seed,
            report=report,
        )
    return evaluate(
        system,
        params,
        simulation.noise,
        part,
        simulation.exposure,
        models=scale.models,
        patch=scale.patch,
        effort=scale.effort,
        seed=scale.seed,
        report=report,
    )
