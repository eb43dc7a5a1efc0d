"""Attribution in one call: from a value function to terms with errors, tests and a selection."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ideal._arguments import whole
from ideal.attribution.budget import Masks, check_size, default_budget, different, share_out, share_table
from ideal.attribution.games import FunctionGame, Game, Kept, TableGame, read_function
from ideal.attribution.games.keeping import write_masks
from ideal.attribution.indices import find_index, index_matrix, index_terms, kind_of
from ideal.attribution.methods.members import METHODS, choose_method
from ideal.attribution.report import bootstrapped, ends, faithfulness, noise_floor, removals
from ideal.attribution.result import FORMAT, FORMAT_VERSION, Attribution
from ideal.attribution.sparse import SparseFunction, Term
from ideal.errors import UsageError
from ideal.progress import Progress, shown, silent
from ideal.records import finite

if TYPE_CHECKING:
    from ideal.attribution.methods._contract import Method
    from ideal.datasets import ObjectSet
    from ideal.imaging import ImagingSystem
    from ideal.noise import NoiseModel

    Value: TypeAlias = Game | Callable[[np.ndarray], Any] | tuple[np.ndarray, np.ndarray] | ImagingSystem | str | Path

_TABLES = (".npz", ".csv", ".jsonl")
_SMALL = 1e-12  # of the largest coefficient: an interaction of less is rounding
_WORSE = 0.005  # of R^2: regression of order 2 that is better by more is named
_POOR = 0.5  # R^2 at the size that matters: of less, a warning
_LOUD = 0.05  # share of the variance that is noise: of more, a warning


@dataclass(frozen=True)
class Request:
    """What is asked of a value function.

    Attributes:
        budget: sets that may be valued; None for all of up to 12 players, and of more for 25 a player, 1,000 to 10,000.
        method: one of `METHODS`, or "auto".
        index: one of `INDICES`.
        order: largest number of players of a term; None for the index's own.
        select: how many players to select; None for none.
        size: players of the sets that matter, on which the fit is tested as well; None for `select`.
        bootstrap: draws for standard errors; 0 for none.
        seed: of all that is random.

    Raises:
        UsageError: something has no meaning.

    """

    budget: int | None = None
    method: str = "auto"
    index: str = "fourier"
    order: int | None = None
    select: int | None = None
    size: int | None = None
    bootstrap: int = 20
    seed: int = 0

    def __post_init__(self):
        for name, least in (("budget", 2), ("order", 1), ("select", 1), ("size", 0), ("bootstrap", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None:
                whole(f"`{name}`", value, least)
        if self.method != "auto":
            METHODS.find(self.method, "auto")
        index_terms(
            SparseFunction.of(1, {(): 1.0}), find_index(self.index).name, self.order
        )  # refuses an order without a meaning

    @property
    def tested_size(self) -> int | None:
        """Players of the sets that matter."""
        return self.select if self.size is None else self.size


def attribute(
    value: "Value",
    objects: "ObjectSet | str | Path | np.ndarray | None" = None,
    *,
    players: int | None = None,
    names: Sequence[str] | None = None,
    budget: int | None = None,
    method: str = "auto",
    index: str = "fourier",
    order: int | None = None,
    select: int | None = None,
    size: int | None = None,
    elements: str | None = None,
    design: str | None = None,
    photons: float | None = None,
    count: int | None = None,
    noise: "NoiseModel | str | None" = None,
    bootstrap: int = 20,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> Attribution:
    """Say which players of a value function matter, which say the same thing twice, and which say something only together.

    Args:
        value: what sets of players are worth: a function of masks, (mask, player), boolean, to values, (mask,); masks and their
            values; a file of them (.npz, .csv, .jsonl); "FILE.py:FUNCTION" or "module:function"; a `Game`; or an imaging system,
            or its name, whose elements are the players and whose information, in bits, is the value.
        objects: what a system looks at, as of `ideal.design`; None for what suits it.
        players: number of players, of a function or of JSON lines.
        names: names of the players; None for numbers from 0, or those of the system's elements.
        budget: sets that may be valued, those held out included and a selection not; None for all of up to 12 players, and of
            more for 25 a player, 1,000 to 10,000.
        method: "auto", or one of exact, order1, order2, order3, proxyspex, spex, lime and shap.
        index: fourier, moebius, banzhaf, shapley, bii, sii, stii, fbii or fsii.
        order: largest number of players of a term; None for the index's own.
        select: how many players to select for the largest value, with further evaluations; None for none.
        size: number of players of the sets that matter, on which the fit is tested as well; None for `select`.
        elements: of a system: members (sites, LEDs, lenslets), channels, filters or sensors; None for the first that it has.
        design: of a system: named design, or design file, that says what other parameters are.
        photons: of a system: mean photoelectrons of an unfiltered pixel.
        count: of a system: number of objects.
        noise: of a system: noise of the measurements, or its name with figures; None for its own.
        bootstrap: draws of masks for standard errors; 0 for none.
        seed: seed of all that is random: the same seed gives the same result.
        out: folder that keeps values by mask, the record and a figure; an interrupted run goes on there. None for none.
        overwrite: whether another run in that folder may be replaced.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.

    Returns:
        Terms with standard errors, faithfulness on held-out masks, what removals really do, and the selection.

    Raises:
        UsageError: a name is unknown, or something has no meaning.
        DataError: a set has no finite value, or a file cannot be read.
        MissingPackageError: the method needs a package that is not installed.

    Example:
        >>> import ideal
        >>> def value(masks):
        ...     return masks[:, 0] + 2.0 * (masks[:, 1] & masks[:, 2])
        >>> found = ideal.attribute(value, players=3, index="moebius")
        >>> [(term.players, term.coefficient, term.kind) for term in found.terms[1:3]]
        [((1, 2), 2.0, 'synergy'), ((0,), 1.0, 'main')]

    """
    request = Request(budget, method, index, order, select, size, bootstrap, seed)
    with shown(progress) as report:
        game = as_game(
            value, objects, players=players, names=names, elements=elements, design=design, photons=photons, count=count,
            noise=noise, seed=seed, report=report,
        )  # fmt: skip
        return run_attribution(game, request, out, overwrite=overwrite, report=report)


def as_game(
    value: "Value",
    objects: Any = None,
    *,
    players: int | None = None,
    names: Sequence[str] | None = None,
    elements: str | None = None,
    seed: int = 0,
    report: Progress = silent,
    **of_system: Any,
) -> Game:
    """Return the value function that somebody names; the arguments are those of `attribute`.

    Raises:
        UsageError: it is none, or an argument does not go with it.
        DataError: a file cannot be read.

    """
    game: Game
    if isinstance(value, Game):
        game = value
    elif isinstance(value, tuple):
        game = TableGame(value[0], value[1], names)
    elif isinstance(value, str | Path) and Path(value).suffix.lower() in _TABLES:
        game = TableGame.read(value, players, names)
    elif isinstance(value, str) and ":" in value and not value.endswith(".toml"):
        game = FunctionGame(read_function(value), _players_of(players, names, value), names, value)
    elif callable(value) and not hasattr(value, "encode"):
        function: Callable[[np.ndarray], Any] = value
        game = FunctionGame(function, _players_of(players, names, "the function"), names)
    else:
        return _system_game(value, objects, players, names, elements, seed, report, of_system)
    given = {"objects": objects, "elements": elements, **of_system}
    wrong = [name for name, each in given.items() if each is not None]
    if wrong:
        raise UsageError(f"`{wrong[0]}` goes with an imaging system: leave it out for {game.title}")
    if players is not None and players != game.n:
        raise UsageError(f"{game.title} has {game.n} players, and `players` says {players}")
    return game


def _players_of(players: int | None, names: Sequence[str] | None, what: str) -> int:
    if players is None and names is None:
        raise UsageError(f"say how many players {what} takes (`players`)")
    return len(names or ()) if players is None else players


def _system_game(
    value: Any, objects: Any, players: int | None, names: Any, elements: str | None, seed: int, report: Progress, given: Mapping
) -> Game:
    from ideal.attribution.games.systems import system_game
    from ideal.optimize.runs.request import Request as DesignRequest
    from ideal.optimize.runs.setup import Setup

    if players is not None or names is not None:
        raise UsageError("the players of an imaging system are its elements: leave out `players` and `names`")
    design = given.get("design")
    request = DesignRequest(
        starts=() if design is None else (str(design),), count=given.get("count"), photons=given.get("photons"), seed=seed
    )
    return system_game(Setup.of(value, request, objects, given.get("noise")), elements, report)


def run_attribution(
    game: Game,
    request: Request,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    emit: str | Path | None = None,
    report: Progress = silent,
) -> Attribution:
    """Return the attribution of a value function.

    Args:
        game: what sets of players are worth.
        request: what is asked for.
        out: folder of the run; None for none.
        overwrite: whether another run in it may be replaced.
        emit: file (JSON lines) for sets whose values a table lacks, as those of removals; None for none.
        report: shows progress.

    Raises:
        UsageError: something has no meaning, or the folder holds another run.
        DataError: a set has no finite value.

    """
    from ideal.attribution.folder import AttributionFolder

    if request.select is not None and request.select > game.n:
        raise UsageError(f"`select={request.select}`: choose between 1 and {game.n} players")
    check_size(request.tested_size, game.n)
    folder = None if out is None else AttributionFolder.open(out, game, overwrite=overwrite)
    kept = Kept(game, None if folder is None else folder.values, report=report)
    name, reason, masks = _planned(game, request)
    method = METHODS.find(name)()
    report(f"{game.title}: {len(masks.all)} sets", None)
    if isinstance(game, TableGame):
        kept(game.masks)
    else:
        kept(masks.all)
    result = _attribution(kept, method, reason, masks, request, report)
    if emit is not None:
        write_masks(emit, _unanswered(kept, result.record))
    if folder is not None:
        folder.finish(result)
    return result


def emit_masks(path: str | Path, players: int, request: Request) -> int:
    """Write the masks that a method needs as JSON lines, for somebody else to value, and return how many there are.

    Args:
        path: of the file.
        players: number of players.
        request: what will be asked of the values.

    Raises:
        UsageError: something has no meaning.

    """
    check_size(request.tested_size, players)
    budget = default_budget(players) if request.budget is None else request.budget
    method = METHODS.find(_method_of(players, budget, request)[0])()
    masks = share_out(method, players, budget, request.tested_size, request.seed, is_exact=True).all
    write_masks(path, masks)
    return len(masks)


def _planned(game: Game, request: Request) -> tuple[str, str, Masks]:
    """Return the name of the method, why it is used, and the masks."""
    if isinstance(game, TableGame):
        if request.select is not None and len(game.masks) < 2**game.n:
            raise UsageError("`select` values further sets, which a table does not know: leave it out, or name a value function")
        name, reason = _method_of(game.n, len(game.masks), request)
        return name, reason, share_table(METHODS.find(name)(), game.masks, request.tested_size, request.seed)
    budget = default_budget(game.n) if request.budget is None else request.budget
    name, reason = _method_of(game.n, budget, request)
    masks = share_out(METHODS.find(name)(), game.n, budget, request.tested_size, request.seed, is_exact=game.is_exact)
    return name, reason, masks


def _method_of(n: int, count: int, request: Request) -> tuple[str, str]:
    if request.method != "auto":
        return request.method, "as asked for"
    return choose_method(n, count, n < 60 and count >= 2**n)


def _attribution(kept: Kept, method: "Method", reason: str, masks: Masks, request: Request, report: Progress) -> Attribution:
    game, seed = kept.game, request.seed
    values = kept(masks.learned)
    report(f"{method.name}: {len(masks.learned)} masks", None)
    tested = method.fit(masks.learned, values, seed=seed, report=report)
    faith = faithfulness(kept, masks, tested.function, method.exact)
    learned, fit = masks.learned, tested
    if method.refits and len(masks.held_out):
        learned = np.concatenate([masks.learned, masks.held_out])
        values = kept(learned)
        fit = method.fit(learned, values, seed=seed, report=report)
    function = fit.function.ordered()
    report("standard errors", None)
    draws = bootstrapped(method, fit, learned, values, request.bootstrap, seed)
    found = _terms(fit.function, draws, request, method.exact)
    floor = noise_floor(kept, masks.repeats, float(values.var()))
    steps = removals(kept, function, masks.removals)
    both = ends(kept)
    by = {"learned": len(masks.learned), "held_out": len(masks.held_out), "of_size": 0 if method.exact else len(masks.sized)}
    by["removals_and_ends"] = kept.known - len(different(np.concatenate([masks.learned, masks.held_out, masks.sized])))
    by["repeats"] = masks.repeats
    selected = None
    if request.select is not None:
        from ideal.attribution.selection import select

        selected = select(kept, function, request.select, seed=seed, report=report)
        by["selection"] = selected.evaluations
    energy = function.energy
    spread, joint = float(energy.sum()), float(energy[function.sizes > 1].sum())
    record = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "title": game.title,
        "unit": game.unit,
        "noun": game.noun,
        "players": game.n,
        "names": list(game.names),
        "method": method.name,
        "reason": reason,
        "index": request.index,
        "order": request.order,
        "budget": request.budget,
        "seed": seed,
        "bootstrap": request.bootstrap,
        "size": request.tested_size,
        "terms": found,
        "faithfulness": faith,
        "ablations": kept.known + masks.repeats,
        "ablations_by_purpose": by,
        "noise": floor,
        "interaction_share": joint / spread if spread > 0 else None,
        "ends": both,
        "removals": steps,
        "selection": None if selected is None else selected.to_record(),
        "warnings": list(_warnings(fit.notes, faith, floor, request, method.name)),
    }
    every, known = kept.table()
    return Attribution(finite(record), function, every, known)


def _terms(function: SparseFunction, draws: np.ndarray | None, request: Request, exact: bool) -> list[dict[str, Any]]:
    """Return the terms of the index that was asked for, the constant first and then the largest."""
    table = index_terms(function, request.index, request.order)
    errors: dict[Term, float] = {}
    if draws is not None:
        if request.index == "fourier":
            errors = dict(zip(function.terms, draws.std(0, ddof=1).tolist(), strict=True))
        else:
            order = max(map(len, table), default=1) if request.order is None else request.order
            terms, matrix = index_matrix(function.terms, function.n, request.index, max(order, 1))
            errors = dict(zip(terms, (draws @ matrix.T).std(0, ddof=1).tolist(), strict=True))
    joint = float(function.energy[function.sizes > 1].sum())
    fourier, least = function.table, _SMALL * max((abs(each) for players, each in table.items() if players), default=0.0)
    found = []
    for players, value in sorted(table.items(), key=lambda each: (len(each[0]) > 0, -abs(each[1]), each[0])):
        if len(players) > 1 and abs(value) <= least:
            continue
        share = fourier.get(players, 0.0) ** 2 / joint if len(players) > 1 and joint > 0 else None
        found.append(
            {
                "players": list(players),
                "coefficient": value,
                "error": 0.0 if exact else errors.get(players),
                "kind": kind_of(players, value, request.index == "fourier"),
                "share": share,
            }
        )
    return found


def _warnings(notes: Iterable[str], faith: dict, floor: dict, request: Request, method: str) -> Iterable[str]:
    yield from notes
    ours, second = faith["method"], faith["order2"]
    if ours is not None and second is not None and second - ours > _WORSE and method not in ("lime", "shap"):
        yield f"regression of order 2 explains more of held-out masks ({second:.3f}) than {method} ({ours:.3f}): `method=order2`"
    at_size = faith["at_size"]
    if at_size is not None and at_size["method"] is not None and at_size["method"] < _POOR:
        yield (
            f"the fitted function explains sets of size {request.tested_size} badly (R^2 {at_size['method']:.2f}): its terms are "
            "about sets of half the players"
        )
    if floor["share"] is not None and floor["share"] > _LOUD:
        yield f"noise is {100 * floor['share']:.2g} % of the variance over masks: no fit can have a larger R^2 than what is left"


def _unanswered(kept: Kept, record: dict[str, Any]) -> np.ndarray:
    """Return the sets that the tests would have valued and a table does not know."""
    wanted = [np.ones(kept.n, bool), np.zeros(kept.n, bool)]
    for step in record["removals"]:
        mask = np.ones(kept.n, bool)
        mask[step["removed"]] = False
        wanted.append(mask)
    masks = np.array(wanted)
    return different(masks[~kept.has(masks)])
