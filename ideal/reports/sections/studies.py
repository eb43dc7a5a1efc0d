"""The section of a report on a study that `ideal reproduce` made again."""

from collections.abc import Mapping, Sequence
from typing import Any

from ideal.reports.content import Block, Facts, Note, Part, Section
from ideal.reports.figures import gallery, preferred
from ideal.reports.provenance import command_blocks, flattened, notes_of
from ideal.reports.sections.rows import rows_table
from ideal.runs.read import Run
from ideal.tables import Cell, Column, Table, bar_cell, interval_cell
from ideal.text import digits_for, duration, number, with_span

_SPOKEN = 6  # numbers that the description of the figure reads out
# What differs from a publication may be the better for it: it is not in the tone of a target that was missed.
_VERDICTS = {True: ("agrees", "good"), False: ("does not agree", "unsure"), None: ("not decided", "light")}


def reproduction_section(run: Run) -> Section:
    """Return what a study found beside what was published, its figure and its table; of an unfinished one that it is so."""
    record = run.record
    statistics, claims = record["statistics"], record["claims"]
    plan = record["plan"]
    size = "the quick version" if plan["quick"] else "in full"
    blocks: list[Block] = [] if run.status == "finished" else _unfinished(run)
    if plan["quick"] and statistics:
        blocks.append(
            Note(["Fewer objects and systems than in full, so that intervals are wider."], "warning", "The quick version")
        )
    if record["notes"]:
        blocks.append(Note([_sentence(text) for text in record["notes"]]))
    share = f"{100 * plan['confidence']:.6g} % interval"
    if statistics:
        blocks.append(_statistics(statistics, share))
    if claims:
        blocks += _claims(claims)
    names = record.get("figures") or (["figure.png"] if run.status == "finished" else [])
    told = "; ".join(f"{each['name']}: {_valued(each)}" for each in statistics[:_SPOKEN])
    alt = f"{record['title']}. {_sentence(record['summary'])}" + (f" {told}." if told else "")
    figure = [gallery(run, [(preferred(run, names), f"{record['title']}.", alt)])] if names else []
    return Section(
        title=record["title"],
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=_result(statistics, claims) or ("" if run.status == "finished" else "no findings yet"),
        lead=f"{_sentence(record['summary'])} After {record['source'].rstrip('.')}; {size}, seed {plan['seed']}.",
        parts=[
            Part("Figure", figure),
            Part("Findings", blocks),
            Part("The figure in numbers", [rows_table(record["rows"], share)] if record["rows"] else []),
            *_provenance(run, plan),
        ],
        statistics=[each | {"study": record["study"]} for each in statistics],
    )


def _unfinished(run: Run) -> list[Block]:
    """Return why a study has no findings, and how it goes on."""
    on = "Repeat the command of the study, below, to go on: what its jobs have done is kept."
    if run.status == "failed":
        return [*notes_of(run), Note([on])]
    stopped = "was interrupted" if run.record.get("status") == "interrupted" else "was interrupted, or goes on"
    return [*notes_of(run), Note([f"The study {stopped}: it has no findings yet. {on}"], "warning", "Not finished")]


def _own_command(record: Mapping[str, Any]) -> list[str]:
    """Return the command that makes this study alone, in the same folder, though it was made together with others."""
    command, plan = list(record.get("command") or ()), record["plan"]
    if command[:2] != ["ideal", "reproduce"]:
        return command
    folder: list[str] = []
    for place, word in enumerate(command):
        if word == "--out":
            folder = command[place : place + 2]
        elif word.startswith("--out="):
            folder = [word]
    size = ["--quick"] if plan["quick"] else []
    seed = ["--seed", str(plan["seed"])] if plan["seed"] else []
    return ["ideal", "reproduce", record["study"], *size, *seed, *folder]


def _provenance(run: Run, plan: Mapping[str, Any]) -> list[Part]:
    record = run.record
    settings = [(name, value) for name, value in flattened(plan)]
    if jobs := record.get("jobs"):
        settings.append(("jobs", f"{jobs['all']}, of which {jobs['done_now']} were done anew"))
    if record.get("seconds") is not None:
        settings.append(("core time", duration(record["seconds"])))
    data = flattened(record.get("data") or {})
    if record.get("results"):
        data.append(("digest of all results", str(record["results"])))
    versions = [(name, str(each)) for name, each in (record.get("versions") or {}).items()]
    return [
        Part("Settings", [Facts(settings)]),
        Part("Data", [Facts(data, code=True)] if data else []),
        Part("Versions", [Facts(versions)] if versions else []),
        Part("Run it again", command_blocks(run, _own_command(record))),
    ]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _valued(statistic: dict) -> str:
    digits = digits_for([statistic["value"]])
    return with_span(statistic["value"], statistic["interval"], digits)


def _result(statistics: Sequence[dict], claims: Sequence[dict]) -> str:
    aimed = [each for each in statistics if each["target"] is not None]
    texts = []
    if aimed:
        texts.append(f"{sum(bool(each['met']) for each in aimed)} of {len(aimed)} targets reached")
    published = [each for each in claims if each["published"]]
    if published:
        texts.append(f"{sum(each['agrees'] is True for each in published)} of {len(published)} published statements agree")
    return ", ".join(texts)


def statistics_table(statistics: Sequence[dict], caption: str, share: str, *, study: bool = False) -> Table:
    """Return numbers with their targets; with `study` each row names the study that it is of.

    Args:
        statistics: as in the record of a reproduction, with "study" where it is shown.
        caption: of the table.
        share: what the column of intervals is called.
        study: whether there are several.

    """
    rows, aimed = [], any(each["target"] is not None for each in statistics)
    for each in statistics:
        digits = digits_for([each["value"], *(each["interval"] or ())])
        met = {True: Cell("reached", "good"), False: Cell("missed", "bad"), None: Cell()}[each["met"]]
        cells: tuple[str | Cell, ...] = (
            Cell(each["name"], detail="" if study else each["detail"]),
            number(each["value"], digits),
            interval_cell(each["interval"], digits),
            bar_cell(each["value"], each["interval"], each["target"]) if abs(each["value"] or 0) <= 1 else Cell(),
        )
        if aimed:
            cells += ("" if each["target"] is None else f"{each['target']:g}", met)
        rows.append((each["study"], *cells) if study else cells)
    columns = (
        Column("what"),
        Column("value", "number"),
        Column(share, "interval"),
        Column("", "bar"),
        *((Column("target", "number"), Column("target is")) if aimed else ()),
    )
    note = "Targets are the least that was aimed at; of numbers from −1 to 1 they are drawn as a line." if aimed else ""
    return Table(caption, (Column("study"), *columns) if study else columns, rows, note=note, stacked=True)


def _statistics(statistics: Sequence[dict], share: str) -> Table:
    return statistics_table(statistics, "What the study finds", share)


def _claims(claims: Sequence[dict]) -> list[Table]:
    """Return published statements beside what was measured, and statements that nobody has published."""

    def row(each: dict, *published: str) -> tuple:
        verdict, tone = _VERDICTS[each["agrees"]]
        return Cell(each["statement"], detail=each["why"]), *published, each["measured"], Cell(verdict, tone)

    known = [row(each, each["published"]) for each in claims if each["published"]]
    own = [row(each) for each in claims if not each["published"]]
    statement, ends = Column("statement", "wide"), (Column("measured here", "wide"), Column("verdict"))
    tables = {
        "Published statements beside what was measured here": ((statement, Column("published", "wide"), *ends), known),
        "What else was asked": ((statement, *ends), own),
    }
    return [Table(caption, columns, rows, stacked=True) for caption, (columns, rows) in tables.items() if rows]
