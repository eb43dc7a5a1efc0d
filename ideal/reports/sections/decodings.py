"""The section of a report on a decoding, `ideal decode --json` or a result in memory."""

from typing import Any

from ideal.decoders.results import QUALITIES, Decoding
from ideal.reports.content import Block, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import flattened, notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.text import digits_for, interval_text, number, with_span

_FIGURE = "decoding.png"


def decoding_section(run: Run) -> Section:
    """Return how good the estimates of test scenes are, and what they were made from."""
    found = Decoding.from_record(run.record)
    first = found.quality["psnr"]
    digits = digits_for([first.value])
    bounds = interval_text(first.interval, found.confidence, digits)
    headline = Headline([(number(first.value, digits), first.unit, QUALITIES["psnr"], bounds)])
    blocks: list[Block] = [*notes_of(run, found.warnings), headline, found.table(), Note(found.facts)]
    figures = [(_FIGURE, "Test scenes, their measurements and their estimates.", "Scenes beside what was decoded of them")]
    settings: dict[str, Any] = {
        "system": found.system_settings,
        "objects": found.objects_settings,
        "decoder": found.decoder_settings,
    }
    settings |= {"noise": found.noise, "seed": found.seed}
    return Section(
        title=f"Decoding of {found.title}",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=f"{QUALITIES['psnr']} {with_span(first.value, first.interval, digits)} {first.unit}",
        parts=[
            Part("Result", blocks),
            Part("Figures", [gallery(run, figures)] if _FIGURE in run.figures else []),
            *provenance_parts(run, Facts(flattened(settings))),
        ],
    )
