"""A small study whose jobs leave traces of when they ran: what the tests of `ideal reproduce` share."""

import os
import signal
import time
from pathlib import Path

from ideal.errors import DataError
from ideal.studies import Claim, Findings, Job, Statistic, Study
from ideal.studies.engine.style import new_figure


def objects(settings, needs, context):
    """Return what stands in a file, as data from outside would."""
    _trace(settings, "objects")
    return {"content": Path(settings["file"]).read_text(), "notes": ["read from a file"]}


def square(settings, needs, context):
    _trace(settings, f"square {settings['value']}")
    context.say("squaring", 0.5)
    return {"value": (settings["value"] ** 2, len(needs["objects"]["content"]))}


def total(settings, needs, context):
    _trace(settings, "total")
    return {"value": sum(result["value"][0] for result in needs.values())}


def span(settings, needs, context):
    begun = time.monotonic()
    time.sleep(0.3)
    return {"span": [begun, time.monotonic()], "process": os.getpid()}


def nap(settings, needs, context):
    """Sleep for long, and say so where it can be seen; the file of the study's data names the place."""
    place = Path(os.environ["NAPPING"])
    place.touch()
    time.sleep(60)


def fails(settings, needs, context):
    raise {"data": DataError, "defect": ZeroDivisionError}[settings["how"]]("seven is missing")


def is_killed(settings, needs, context):
    os.kill(os.getpid(), signal.SIGKILL)


def _trace(settings, name):
    with open(Path(settings["file"]).with_name("traces.txt"), "a") as file:
        file.write(name + "\n")


def traces(folder):
    """Return what ran since the last look."""
    path = folder / "traces.txt"
    found = sorted(path.read_text().splitlines()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


class Toy(Study):
    """Sums of squares.

    Args:
        file: of the data.
        values: to square.

    """

    name = "toy"
    title = "Sums of squares"
    summary = "a study for tests"

    def __init__(self, file=None, values=(1, 2, 3)):
        self.file, self.values = str(file), values

    def jobs(self, plan):
        base = {"file": self.file}
        found = [Job("objects", objects, base, volatile=True)]
        found += [Job(f"square of {value}", square, base | {"value": value}, ("objects",)) for value in self.values]
        return [*found, Job("total", total, base, tuple(job.name for job in found[1:]))]

    def conclude(self, plan, results):
        rows = [{"value": value, "square": results[f"square of {value}"]["value"][0]} for value in self.values]
        share = results["total"]["value"] / 100
        return Findings(
            rows,
            [Statistic("share of a hundred", share, (share - 0.1, share + 0.1), 0.5, "exact")],
            [Claim("squares grow", "as they should", f"{rows[-1]['square']}", True)],
            ["squares are of whole numbers"],
        )

    def draw(self, record):
        figure = new_figure(2.0, 3.0)
        axes = figure.subplots()
        axes.plot([row["value"] for row in record["rows"]], [row["square"] for row in record["rows"]])
        return figure
