"""Build docs/measured.md from benchmarks/figures.toml and mark the figures that are older than the code they measure.

A row names the benchmark that it came from, the commit at which it was measured, and a digest of the code that the benchmark can
reach (comments and docstrings apart). `python benchmarks/measured.py` writes the page; `--measured NAME...` says that the rows of
these benchmarks hold now: after they were run, and their figures written into the file. `--check` fails where the page differs.
"""

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROWS, PAGE = HERE / "figures.toml", HERE.parent / "docs" / "measured.md"
_MARK = "†"


def digest_of(benchmark: str) -> str:
    """Return the first letters of a digest of all code of `ideal` that a benchmark can reach."""
    from ideal.jobs.code import code_digest

    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return code_digest(benchmark)[:12]


def commit() -> str:
    """Return the short name of the commit that is checked out, with a plus sign where files differ from it; "" without git."""
    asked = {"cwd": HERE, "capture_output": True, "text": True, "env": os.environ | {"LC_ALL": "C"}}
    try:
        found = subprocess.run(["git", "rev-parse", "--short=7", "HEAD"], **asked, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], **asked, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found + ("+" if changed else "")


def page(document: dict) -> str:
    """Return the page of all rows, those whose code has changed since marked."""
    lines = ["# Measured", "", "| what | measured | target or peer | by, at commit |", "|---|---|---|---|"]
    marked = False
    for row in document["row"]:
        old = row.get("code") != digest_of(row["by"])
        marked |= old
        cells = [row["what"], row["measured"], row["target"], f"`{row['by']}`, {row['at']}{_MARK if old else ''}"]
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    if marked:
        lines += [
            "",
            f"{_MARK} The code that the benchmark can reach has changed since: the figure is of the commit named.",
        ]
    return "\n".join([*lines, "", document["notes"].strip(), ""])


def renew(text: str, names: list[str]) -> str:
    """Return the file of rows with today's commit and digest in the rows of these benchmarks."""
    rows = text.split("[[row]]\n")
    for place, row in enumerate(rows[1:], 1):
        by = tomllib.loads(row)["by"]
        if by in names:
            kept = [line for line in row.rstrip("\n").split("\n") if not line.startswith(("at =", "code ="))]
            rows[place] = "\n".join([*kept, f'at = "{commit()}"', f'code = "{digest_of(by)}"']) + "\n\n"
    return "[[row]]\n".join(rows).rstrip("\n") + "\n"


def main() -> None:
    """Write or check the page."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--measured", nargs="+", metavar="NAME", default=[], help="benchmarks whose rows hold now")
    options.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the page is another")
    asked = options.parse_args()
    text = ROWS.read_text(encoding="utf-8")
    known = {row["by"] for row in tomllib.loads(text)["row"]}
    if unknown := set(asked.measured) - known:
        options.error(f"no row is of {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    if asked.measured:
        text = renew(text, asked.measured)
        ROWS.write_text(text, encoding="utf-8")
    made = page(tomllib.loads(text))
    if asked.check:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == made else f"{PAGE} is not what benchmarks/measured.py would write")
    PAGE.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
