"""Writes docs/reproduction from a full reproduction: the figures and tables, and one page that shows them.

make reproduce && .venv/bin/python benchmarks/reproduction_page.py build/reproduction
"""

import argparse
import json
import shutil
from pathlib import Path

from ideal.studies import STUDIES

_FILES = ("figure.png", "table.csv")  # records are large, and hold pictures of skies: `make reproduce` makes them
_DOCS = Path(__file__).parents[1] / "docs" / "reproduction"


def main() -> None:
    """Copy every study and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, help="--out of ideal reproduce all")
    runs = parser.parse_args().runs
    records = {}
    for name in STUDIES:
        records[name] = json.loads((runs / name / "run.json").read_text(encoding="utf-8"))
        if records[name]["status"] != "finished" or records[name]["plan"]["quick"]:
            parser.error(f"{runs / name} is not finished, or quick")
        (_DOCS / name).mkdir(parents=True, exist_ok=True)
        for file in _FILES:
            shutil.copyfile(runs / name / file, _DOCS / name / file)
    (_DOCS / "README.md").write_text(_page(records), encoding="utf-8")


def _page(records: dict[str, dict]) -> str:
    first = next(iter(records.values()))
    minutes = sum(sum(each["job_seconds"].values()) for each in records.values()) / 60
    versions = ", ".join(f"{name} {number}" for name, number in first["versions"].items())
    parts = [
        "# Published results, made again",
        "Written by `benchmarks/reproduction_page.py` from what `make reproduce` left, with `IDEAL_DATA`, seed"
        f" {first['plan']['seed']}: {minutes:.0f} minutes of work, on two cores side by side. {versions}. What each number means"
        " beside the published ones is told in the [README](../../README.md#reproduce). Intervals are 95 %.",
        "\n".join(f"* [{name}](#{name}): {record['summary']}" for name, record in records.items()),
        *(_study(name, record) for name, record in records.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _study(name: str, record: dict) -> str:
    parts = [f"## {name}", f"{record['title']}.", f"![Figure of the study {name}]({name}/figure.png)"]
    parts.append(f"[Table]({name}/table.csv). `ideal reproduce {name}`, {_minutes(record)}.")
    if record["statistics"]:
        rows = [
            (each["name"], _number(each["value"]), _interval(each), _target(each), each["detail"])
            for each in record["statistics"]
        ]
        parts.append(_table(("", "value", "interval", "target", "how"), rows))
    said = {True: "agrees", False: "**does not agree**", None: "not decided"}
    found = {True: "holds", False: "**does not hold**", None: "not decided"}
    published, own = ([each for each in record["claims"] if bool(each["published"]) is kind] for kind in (True, False))
    if published:
        rows = [(each["statement"], each["published"], each["measured"], said[each["agrees"]], each["why"]) for each in published]
        parts.append(_table(("published", "figures", "here", "", "why"), rows))
    if own:
        rows = [(each["statement"], each["measured"], found[each["agrees"]], each["why"]) for each in own]
        parts.append(_table(("also asked", "found here", "", "why"), rows))
    if record["notes"]:
        parts.append("\n".join(f"* {note}" for note in record["notes"]))
    columns = _table(("column", "what it says"), [(f"`{key}`", text) for key, text in record["columns"].items()])
    parts.append(f"<details><summary>Columns of the table</summary>\n\n{columns}\n\n</details>")
    return "\n\n".join(parts)


def _table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines)


def _minutes(record: dict) -> str:
    seconds = sum(record["job_seconds"].values())
    return f"{seconds / 60:.0f} minutes of work" if seconds > 90 else f"{seconds:.0f} seconds of work"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}" if 0 < abs(value) < 0.1 else f"{value:.3f}"


def _interval(statistic: dict) -> str:
    return " to ".join(map(_number, statistic["interval"])) if statistic["interval"] else "–"


def _target(statistic: dict) -> str:
    if statistic["target"] is None:
        return ""
    return f"{statistic['target']:g}: {'reached' if statistic['met'] else '**not reached**'}"


if __name__ == "__main__":
    main()
