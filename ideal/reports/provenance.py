"""What a report tells of every run: warnings, settings, inputs, versions, and the command to run it again."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ideal.reports.content import Block, Code, Facts, Note, Part
from ideal.runs.read import REPRODUCTION, SWEEP, Run


def notes_of(run: Run, warnings: Sequence[str] = ()) -> list[Block]:
    """Return what has to be read before the numbers of a run: that it failed, and warnings, each once."""
    found: list[Block] = []
    errors = list(run.record.get("errors") or ())
    if errors or run.status == "failed":
        found.append(Note(errors or ["The run failed."], "failure", "Failed"))
    if lines := list(dict.fromkeys(warnings)):
        found.append(Note(lines, "warning", "Warnings" if len(lines) > 1 else "Warning"))
    return found


def provenance_parts(run: Run, settings: Block | None = None, again: Sequence[Block] = ()) -> list[Part]:
    """Return settings, inputs, versions, and how to run it again.

    Args:
        run: of which they are.
        settings: in place of the configuration of the record.
        again: below the command.

    """
    record = run.record
    settings = settings or Facts(flattened(record.get("configuration") or {}))
    inputs = [(name, str(digest)) for name, digest in (record.get("inputs") or {}).items()]
    versions = list(run.versions.items())
    memory = record.get("peak_memory_mb")
    if memory:
        versions.append(("largest memory", f"{memory:.0f} MB"))
    return [
        Part("Settings", [settings]),
        Part("Inputs", [Facts(inputs, code=True)] if inputs else []),
        Part("Versions", [Facts(versions)] if versions else []),
        Part("Run it again", [*command_blocks(run), *again]),
    ]


def command_blocks(run: Run, command: Sequence[str] | None = None) -> list[Block]:
    """Return the command of a run to copy, and what to mind; another one in place of that of the record where it is given."""
    command = command or run.record.get("command")
    if run.path is None:
        return [Note(["These results were made in Python, and not by a command."])]
    if not command:
        return [Note(["The record of this run does not hold its command."])]
    text = shlex.join(map(str, command))
    if run.status == "unfinished":
        return [Code(text), Note(["The same command goes on where the run was interrupted."])]
    if run.kind in (REPRODUCTION, SWEEP):
        return [
            Code(text),
            Note(["What an earlier run in the same folder has done, and nothing has changed since, is not done again."]),
        ]
    where = "Names of files are seen from the folder that the command was given in; --out has to name a folder without a run."
    return [Code(text), Note([where])]


def flattened(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return the settings of nested tables under names with points; what was left to the program is left out."""
    found = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += flattened(value, f"{name}.")
        elif value is not None and value != []:
            found.append((name.replace("_", " "), value_text(value)))
    return found


def value_text(value: Any) -> str:
    """Return a setting for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return str(value)


def configuration_of(run: Run) -> Block | None:
    """Return the configuration file that a run keeps, or None."""
    file = run.file("run.toml")
    try:
        text = file.read_text(encoding="utf-8") if file else None
    except (OSError, ValueError):
        return None
    if text is None:
        return None
    return Code(text.rstrip("\n"), "run.toml")
