"""Thousands of examples of every group, until the time is over: `PYTHONPATH=tests python -m fuzz.search --minutes 60`.

Prints each new kind of violation when it is found, and keeps the files of its first example with the command that shows it. Exits
with 1 where there was one.
"""

import argparse
import json
import random
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

from fuzz.contract import kind_of
from fuzz.groups import GROUPS
from fuzz.seeds import write_seeds
from fuzz.trial import attempt
from fuzz.worker import Worker
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

_ROUND = 50  # examples of a group before the next has its turn


class _Over(KeyboardInterrupt):
    """The time is over: Hypothesis ends at once for what comes from a keyboard alone."""


def main() -> int:
    """Search, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--examples", type=int, default=10_000, help="of each group, at most")
    parser.add_argument("--groups", nargs="*", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--seed", type=int, default=None, help="default: another at each run")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder of the examples that broke something")
    choice = parser.parse_args()
    first = choice.seed if choice.seed is not None else random.randrange(10**6)
    print(f"seed {first}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("worker", "seeds", "work"):
            (work / name).mkdir()
        worker = Worker(work / "worker")
        try:
            seeds = write_seeds(work / "seeds", worker)
            return _search(choice, first, worker, seeds, work / "work")
        finally:
            worker.close()


def _search(choice, first: int, worker, seeds: Path, work: Path) -> int:
    end = time.monotonic() + 60 * choice.minutes
    tally = {group: {"examples": 0, "codes": {}, "cpu_seconds": 0.0, "megabytes": 0.0} for group in choice.groups}
    kinds: dict[tuple[str, str], int] = {}
    for turn in range(-(-choice.examples // _ROUND)):
        for group in choice.groups:
            if time.monotonic() > end:
                break
            _round(group, first + turn, worker, seeds, work, tally[group], kinds, choice.keep, end)
    for group, of_group in tally.items():
        print(f"{group}: {json.dumps(of_group)}")
    for (group, kind), times in sorted(kinds.items()):
        print(f"{group}: {times} times: {kind}")
    print(f"{sum(of_group['examples'] for of_group in tally.values())} examples, {len(kinds)} kinds of violation")
    return 1 if kinds else 0


def _round(group: str, number: int, worker, seeds, work, tally: dict, kinds: dict, kept: Path, end: float) -> None:
    def keep(trial, folder: Path) -> None:
        new = [each for each in trial.violations if (group, kind_of(each)) not in kinds]
        for each in trial.violations:
            kinds[group, kind_of(each)] = kinds.get((group, kind_of(each)), 0) + 1
        if not new:
            return
        target = kept / f"{group}-{len(kinds)}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, symlinks=True)
        shown = f"{'; '.join(new)}\n  cd {target} && {shlex.join(['ideal', *trial.command.arguments])}\n"
        target.with_suffix(".txt").write_text(f"{shown}{trial.outcome}\n{trial.outcome.traceback}\n")
        print(f"{group}: {shown}", end="", flush=True)

    @seed(number)
    @settings(
        max_examples=_ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def search(data):
        if time.monotonic() > end:
            raise _Over
        try:
            trial = attempt(GROUPS[group], data.draw, worker, seeds, work, keep)
        except HypothesisException:
            raise
        except Exception as error:  # the group's own fault: said, counted, and no end of the search
            kind = (group, f"the example could not be made: {kind_of(repr(error))}")
            if kind not in kinds:
                traceback.print_exc()
            kinds[kind] = kinds.get(kind, 0) + 1
            return
        code = trial.outcome.end or str(trial.outcome.code)
        tally["examples"] += 1
        tally["codes"][code] = tally["codes"].get(code, 0) + 1
        tally["cpu_seconds"] = round(tally["cpu_seconds"] + trial.outcome.cpu_seconds, 3)
        tally["megabytes"] = max(tally["megabytes"], round(trial.outcome.megabytes))

    with suppress(_Over):
        search()


if __name__ == "__main__":
    sys.exit(main())
