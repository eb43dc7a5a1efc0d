"""What `ideal optimize --choose` gives: the document, its tables, and the files of the run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ideal._files import write_whole
from ideal.cli._toml import to_toml
from ideal.errors import UsageError
from ideal.imaging.configuration import save_design
from ideal.imaging.interferometer.interferometer import Interferometer
from ideal.optimize.evaluation import Evaluation
from ideal.optimize.runs.tables import choice_explanation, light_text
from ideal.optimize.selection.members import Members
from ideal.optimize.selection.search import Choosing, Selection
from ideal.optimize.selection.set_value import SetValue
from ideal.runs.folder import RunFolder, resources

_NAMED = 12  # members that a table has room to name


def bits(value: SetValue, used: tuple[int, ...]) -> float:
    """Return what a set is worth in closed form, NaN for one that lacks a member which always takes part."""
    try:
        return float(value.hard(np.isin(np.arange(value.size), used)[None])[0])
    except UsageError:
        return float("nan")


def document(
    members: Members, task: Choosing, found: Selection, designs: dict[str, tuple[int, ...]], evaluation: Evaluation
) -> dict:
    """Return strategies and measured designs, members by their names.

    What sites are measured to tell is of one observation, of a system with images it is per pixel.
    """
    sites, rows = isinstance(members.system, Interferometer), []
    for number, (name, used) in enumerate(designs.items()):
        estimate, difference = evaluation.estimates[name], evaluation.differences.get(name)
        pixels, unit, worth = _pixels(members, used), estimate.pixels if sites else 1, bits(task.value, used)
        rows.append(
            {
                "name": name,
                "role": "named" if number else "design",
                "members": _names(members, used),
                "information": unit * estimate.information_bits_per_pixel,
                "interval": [unit * bound for bound in estimate.interval],
                "information_bits_per_pixel": estimate.information_bits_per_pixel * unit / (pixels if sites else 1),
                "pixels": pixels,
                "closed_form": worth / (1 if sites else pixels),
                "closed_form_per_measurement": worth,
                "model": estimate.model,
                "design_is_above_by": difference and unit * difference.difference_bits_per_pixel,
                "difference_interval": difference and [unit * bound for bound in difference.interval],
            }
        )
    strategies = [
        {
            "strategy": choice.strategy,
            "members": _names(members, choice.members),
            "bits_per_measurement": choice.bits,
            "sets": choice.evaluations,
            "seconds": choice.seconds,
        }
        for choice in found.choices
    ]
    return {
        "system": members.system.name,
        "system_settings": members.system.settings,
        "member": members.noun,
        "choose": task.count,
        "keep": _names(members, task.fixed),
        "candidates": _names(members, task.free),
        "sets": task.sets,
        "strategies": strategies,
        "chosen": _names(members, found.best.members),
        "bits_of_kept": bits(task.value, task.fixed) if task.fixed else None,
        "bits_of_all": bits(task.value, tuple(range(members.size))),
        "unit": "bits per observation" if sites else "bits per pixel",
        "designs": rows,
        "errors": [],
    } | resources()


def _names(members: Members, numbers) -> list[str]:
    return [members.names[number] for number in numbers]


def _pixels(members: Members, used) -> int:
    system = members.system
    if isinstance(system, Interferometer):
        system, _ = system.restricted(members.chosen(used))
    return int(np.prod(system.measurement_shape[:2]))


def keep(folder: RunFolder, document: dict, members: Members, task: Choosing, found: Selection, noise: Mapping[str, Any]) -> None:
    """Write the design, what it is compared with, and the figures."""
    from ideal.plots import choices

    path, keeping, chosen = folder.path, folder.keeping, (*task.fixed, *found.best.members)
    system, params = _built(members, chosen)
    with keeping.attempt(path / "design.h5", "the design"):
        save_design(path / "design.h5", system, params, target=document["target"], objective=document["objective"])
    tables: dict[str, Any] = {"system": {"name": system.name, "design": "design.h5", **system.settings}}
    tables |= {"noise": noise} if noise else {}
    text = to_toml(tables, "the design as a system: ideal simulate design.toml OBJECTS -o FILE.h5")
    with keeping.attempt(path / "design.toml", "the configuration"):
        write_whole(path / "design.toml", text)
    kept = task.fixed if len(task.fixed) > 1 or not isinstance(system, Interferometer) else ()
    before = kept or tuple(range(members.size))
    with keeping.attempt(path / "design-before.png", "the figure"):
        title = f"before: the {len(kept)} that are kept" if kept else f"before: all {members.size} {members.noun}s"
        choices.draw_system(*_built(members, before), title, path / "design-before.png")
    with keeping.attempt(path / "design-after.png", "the figure"):
        title = f"the choice: {_listed(document['chosen'])}"
        choices.draw_system(system, params, title, path / "design-after.png", document["chosen"] if kept else ())
    with keeping.attempt(path / "comparison.png", "the figure"):
        choices.draw_choice(document, path / "comparison.png")
    folder.finish(document)


def _built(members: Members, used):
    """Return the system that a set leaves to build, and its parameters: an interferometer without the sites that have none."""
    params = members.chosen(used)
    return members.system.restricted(params) if isinstance(members.system, Interferometer) else (members.system, params)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)}: {', '.join(names[: _NAMED - 1])}, ..."


def print_choice(document: dict) -> None:
    """Print what every strategy chose, and what the choice measures beside others."""
    from ideal.cli import _output

    noun, sites = document["member"], document["unit"] == "bits per observation"
    light = "" if sites else f", {light_text(document)}"
    kept = f" beside {_listed(document['keep'])} ({document['bits_of_kept']:.2f} bits)" if document["keep"] else ""
    lines = [
        f"{document['system']} for {document['objects']}{light}: "
        f"{document['choose']} of {len(document['candidates'])} {noun}s{kept}, {document['sets']} sets",
        f"all {noun}s: {document['bits_of_all']:.2f} bits; closed form for Gaussian scenes, {document['n_design']} objects",
        "",
    ]
    _output.print_lines(lines)
    rows = [
        (
            each["strategy"],
            _listed(each["members"]),
            f"{each['bits_per_measurement']:.2f}",
            str(each["sets"]),
            f"{each['seconds']:.1f}",
        )
        for each in document["strategies"]
    ]
    _output.print_rows(("strategy", f"{noun}s", "bits", "sets looked at", "seconds"), rows)
    _output.print_lines([""])
    rows, digits = [], 1 if sites else 3
    for row in sorted(document["designs"], key=lambda each: -each["information"]):
        low, high = row["interval"]
        above, more = row["design_is_above_by"], ""
        if above is not None:
            below, beyond = row["difference_interval"]
            more = f"{above:+.{digits}f} ({below:.{digits}f} to {beyond:.{digits}f})"
        told = f"{row['closed_form']:.{digits}f}" if np.isfinite(row["closed_form"]) else ""
        interval = f"{low:.{digits}f} to {high:.{digits}f}"
        each = (f"{row['information_bits_per_pixel']:.4f}", str(row["pixels"])) if sites else ()
        rows.append((row["name"], str(len(row["members"])), f"{row['information']:.{digits}f}", interval, more, told, *each))
    more = ("bits/visibility", "visibilities") if sites else ()
    titles = ("design", f"{noun}s", "bits" if sites else "bits/pixel", "95 % interval", "the choice is above by", "closed form")
    _output.print_rows((*titles, *more), rows)
    _output.print_lines(["", choice_explanation(document)])
