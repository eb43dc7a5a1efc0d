"""A ranking: several estimates, the most informative first, and their differences."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from ideal.errors import UsageError
from ideal.information import estimation
from ideal.information.labels.results import TaskInformation
from ideal.information.results import Comparison, Estimate
from ideal.information.tables import ranking_table
from ideal.progress import Progress, shown
from ideal.records import check_format
from ideal.tables import Table, to_frame

if TYPE_CHECKING:
    import pandas

    from ideal.plots.theme import Figure
    from ideal.runs.read import Run

FORMAT, FORMAT_VERSION = "ideal-ranking", 1


@dataclass(frozen=True, repr=False)
class Ranking:
    """Estimates of several measurement sets, and their differences.

    It shows itself: in a terminal as a table, in a notebook with intervals, models and warnings; `plot` draws it.

    Attributes:
        estimates: in the order that they were asked for; each has a path of its own.
        comparisons: differences of estimates, of neighbours in the ranking or of every two.
        tasks: what measurements tell of their labels, by the path of the estimate; of those that were asked.
        errors: a line for each set that could not be estimated, and for each file that could not be written.

    """

    estimates: tuple[Estimate, ...]
    comparisons: tuple[Comparison, ...] = ()
    tasks: Mapping[str, TaskInformation] = field(default_factory=dict)
    errors: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        estimates: Sequence[Estimate],
        tasks: Mapping[str, TaskInformation] | None = None,
        errors: Sequence[str] = (),
        *,
        all_pairs: bool = False,
        seed: int = 0,
    ) -> "Ranking":
        """Compare estimates.

        Args:
            estimates: each with a path of its own.
            tasks: what measurements tell of their labels, by path.
            errors: what failed.
            all_pairs: whether every two are compared, and not only neighbours in the ranking.
            seed: of the bootstrap.

        """
        ordered = _ordered(estimates)
        pairs = combinations(ordered, 2) if all_pairs else pairwise(ordered)
        comparisons = tuple(estimation.compare(a, b, seed=seed) for a, b in pairs)
        return cls(tuple(estimates), comparisons, dict(tasks or {}), tuple(errors))

    def __len__(self) -> int:
        return len(self.estimates)

    def __iter__(self) -> Iterator[Estimate]:
        """Iterate over the estimates, the most informative first."""
        return iter(self.ordered)

    def __getitem__(self, place: int | str) -> Estimate:
        """Return the estimate at a place of the ranking, or of a path."""
        if isinstance(place, str):
            return {each.path: each for each in self.estimates}[place]
        return self.ordered[place]

    def __repr__(self) -> str:
        return f"Ranking of {len(self)} estimates\n{self.table().to_text(80)}".rstrip() if self.estimates else "Ranking()"

    def _repr_html_(self) -> str | None:
        from ideal.reports.shown import shown_estimates

        return shown_estimates(self.documents(), [each.to_dict() for each in self.comparisons]) if self.estimates else None

    @property
    def ordered(self) -> tuple[Estimate, ...]:
        """The estimates, the most informative first."""
        return tuple(_ordered(self.estimates))

    @property
    def warnings(self) -> list[str]:
        """A line for each finding of the estimates and of what they tell of labels, each once."""
        found: list[Estimate | TaskInformation] = [*self.estimates, *self.tasks.values()]
        return list(dict.fromkeys(text for each in found for text in each.warnings))

    def documents(self) -> list[dict]:
        """Return each estimate as in the JSON of `ideal estimate`, with what it tells of labels where that was asked."""
        return [
            each.to_dict() | ({"task_information": self.tasks[each.path].to_dict()} if each.path in self.tasks else {})
            for each in self.estimates
        ]

    def table(self) -> Table:
        """Return the estimates from the most informative down, each with its difference from the next."""
        names = {each.path: each.path for each in self.estimates}
        return ranking_table(self.documents(), [each.to_dict() for each in self.comparisons], names)

    def to_frame(self) -> "pandas.DataFrame":
        """Return the ranking as a data frame, the most informative first, a row for each estimate.

        Raises:
            UsageError: pandas is not installed.

        """
        between = {(each.a, each.b): each for each in self.comparisons}
        rows = []
        for place, each in enumerate(ordered := self.ordered):
            following = ordered[place + 1] if place + 1 < len(ordered) else None
            more = following and between.get((each.path, following.path))
            (low, high), beyond = each.interval, more.interval if more else (None, None)
            rows.append(
                {
                    "measurements": each.path,
                    "information": each.information.value,
                    "low": low,
                    "high": high,
                    "unit": each.information.unit,
                    "model": each.model,
                    "more_than_next": more.difference_bits_per_pixel if more else None,
                    "more_low": beyond[0],
                    "more_high": beyond[1],
                    "sources": each.n_groups,
                }
            )
        return to_frame(rows, "measurements")

    def plot(self) -> "Figure":
        """Draw a measurement of each set beside its information, the most informative first."""
        from ideal.plots.estimates import draw_estimates

        return draw_estimates(self.estimates, self.comparisons)

    def to_run(self) -> "Run":
        """Return the ranking as a report tells of it."""
        from datetime import datetime

        from ideal.plots.theme import picture_of
        from ideal.runs.key import versions
        from ideal.runs.read import ESTIMATE, Run

        record = {
            "configuration": {"files": [each.path for each in self.estimates]},
            "versions": versions(),
            "results": self.documents(),
            "comparison": [each.to_dict() for each in self.comparisons],
            "errors": list(self.errors),
        }
        figures = {"information.png": picture_of(self.plot())}
        today = datetime.now().date().isoformat()
        results = dict(enumerate(self.estimates))
        return Run(None, ESTIMATE, record, "failed" if self.errors else "finished", today, figures, results)

    def to_record(self) -> dict[str, Any]:
        """Return the ranking as strict JSON types, for `from_record`; without fitted models and examples."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "estimates": [each.to_record() for each in self.estimates],
            "comparisons": [each.to_record() for each in self.comparisons],
            "tasks": {path: each.to_record() for path, each in self.tasks.items()},
            "errors": list(self.errors),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Ranking":
        """Rebuild a ranking from `to_record`.

        Raises:
            DataError: the record is of something else, or of a later version.

        """
        check_format(record, FORMAT, FORMAT_VERSION)
        return cls(
            tuple(map(Estimate.from_record, record["estimates"])),
            tuple(map(Comparison.from_record, record["comparisons"])),
            {path: TaskInformation.from_record(each) for path, each in record["tasks"].items()},
            tuple(record["errors"]),
        )


def rank(
    sources: Mapping[str, Any] | Sequence[Any],
    *,
    all_pairs: bool = False,
    seed: int = 0,
    progress: Progress | bool | None = None,
    **options: Any,
) -> Ranking:
    """Rank measurements by the information that they carry.

    Args:
        sources: measurement sets, arrays, names of files or estimates, two or more; a mapping gives each its name.
        all_pairs: whether every two are compared, and not only neighbours in the ranking.
        seed: of the estimates and of the bootstrap.
        progress: as of `ideal.estimate`.
        **options: as of `ideal.estimate`, for all that are estimated here: noise="poisson", models="all".

    Returns:
        The ranking, the most informative first. Where sets have the same sources, differences are paired by source.

    Raises:
        DataError: measurements cannot be used as they are.
        UsageError: an option has no meaning, there are no sources, or two of them have the same name.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> light = 50 * np.exp(0.5 * rng.standard_normal((200, 8, 8)))
        >>> systems = {"bright": rng.poisson(light), "dim": rng.poisson(light / 10)}
        >>> [each.path for each in rank(systems, noise="poisson", models="full", progress=False)]
        ['bright', 'dim']

    """
    several = isinstance(sources, Iterable) and not isinstance(sources, str | os.PathLike)
    if not several or (hasattr(sources, "__len__") and not len(sources)):
        raise UsageError("`sources` takes measurement sets, arrays, names of files or estimates, in a list or by name")
    given = dict(sources) if isinstance(sources, Mapping) else None
    found = []
    with shown(progress) as say:
        for source in sources.values() if isinstance(sources, Mapping) else sources:
            known = isinstance(source, Estimate)
            found.append(source if known else estimation.estimate(source, seed=seed, progress=say, **options))
    names = list(given) if given is not None else _names([each.path for each in found])
    found = [replace(each, path=name) if each.path != name else each for each, name in zip(found, names, strict=True)]
    if len(set(names)) < len(names):
        raise UsageError("two of the estimates are of the same file: name each once, or give a mapping with names")
    return Ranking.of(found, all_pairs=all_pairs, seed=seed)


def _names(paths: Sequence[str]) -> list[str]:
    """Return the paths, arrays numbered: they have none."""
    arrays = [place for place, path in enumerate(paths) if path == "<array>"]
    return [f"array {arrays.index(place) + 1}" if place in arrays else path for place, path in enumerate(paths)]


def _ordered(estimates: Sequence[Estimate]) -> list[Estimate]:
    return sorted(estimates, key=lambda found: -found.information_bits_per_pixel)


__all__ = ["Ranking", "rank"]
