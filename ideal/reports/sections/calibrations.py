"""The section of a report on a camera that `ideal calibrate` measured."""

from ideal.cameras.camera import Camera
from ideal.reports.content import Block, Facts, Headline, Note, Part, Section
from ideal.reports.figures import gallery
from ideal.reports.provenance import flattened, notes_of, provenance_parts
from ideal.runs.read import Run
from ideal.text import digits_for, interval_text, number

_SHOWN = {"gain": "Gain", "read_noise": "Read noise", "offset": "Offset"}
_FIGURES = (
    ("transfer.png", "Variance of the noise against the light, with the line whose slope is the gain.", "Photon transfer"),
    ("maps.png", "What pixels have of their own.", "Maps of the sensor"),
)


def calibration_section(run: Run) -> Section:
    """Return the figures of a camera with their intervals, and from which frames they come."""
    found = Camera.from_record(run.record)
    numbers = []
    for name, what in _SHOWN.items():
        if (one := found.quantities.get(name)) is None:
            continue
        known = one.low is not None and one.high is not None
        bounds = interval_text((one.low, one.high), found.confidence, digits_for([one.value])) if known else ""
        numbers.append((number(one.value, digits_for([one.value])), one.unit, what, bounds))
    blocks: list[Block] = [*notes_of(run), Headline(numbers), found.table(), Note(found.lines())]
    if found.notes:
        blocks.append(Note(list(found.notes), "note", "Notes"))
    figures = [each for each in _FIGURES if each[0] in run.figures]
    frames = {f"{name} frames": count for name, count in found.frames.items()}
    size = " x ".join(map(str, found.shape))
    return Section(
        title=f"Camera of {size} pixels",
        kind=run.kind,
        place=run.name,
        status=run.status,
        result=", ".join(f"{what.lower()} {value} {unit}" for value, unit, what, _ in numbers),
        parts=[
            Part("Result", blocks),
            Part("Figures", [gallery(run, figures)] if figures else []),
            *provenance_parts(run, Facts(flattened({"pixels": size, "confidence": found.confidence} | frames))),
        ],
    )
