"""What tests ask of the figure of any study: its letters, whether texts stand clear of each other, records without intervals."""

from itertools import combinations

import matplotlib
from matplotlib.text import Text

from ideal.studies.engine.style import SMALL, STYLE, WIDTH


def without_intervals(record):
    """Return a record of a run with so few sources that nothing has an interval."""
    rows = [{key: None if key.endswith(("_low", "_high")) else value for key, value in row.items()} for row in record["rows"]]
    return record | {"rows": rows, "statistics": [each | {"interval": None} for each in record["statistics"]]}


def drawn(study, record, letters):
    """Return the figure of a record, its panels having these letters, and every text large enough, whole and clear of others."""
    with matplotlib.rc_context(STYLE):
        figure = study.draw(record)
        figure.draw_without_rendering()
        _check(figure, letters)
    return figure


def _check(figure, letters):
    texts = _texts(figure)
    bold = [each.get_text() for each in texts if each.get_fontweight() == "bold"]
    assert sorted(each for each in bold if len(each) == 1 and each.isalpha()) == list(letters)
    assert figure.get_figwidth() <= WIDTH
    assert min(each.get_fontsize() for each in texts) >= SMALL
    places = [(each.get_text(), each.get_window_extent().padded(-1)) for each in texts]
    whole = figure.bbox.padded(1)
    for words, place in places:
        assert whole.x0 <= place.x0 <= place.x1 <= whole.x1, f"{words!r} is cut off"
        assert whole.y0 <= place.y0 <= place.y1 <= whole.y1, f"{words!r} is cut off"
    for (first, here), (second, there) in combinations(places, 2):
        assert not here.overlaps(there), f"{first!r} on {second!r}"


def _texts(figure):
    """Return what is written, without labels of ticks beyond the ends of their axis, which are not drawn."""
    hidden = set()
    for axes in figure.findobj(lambda each: hasattr(each, "get_xaxis")):
        for axis in (axes.xaxis, axes.yaxis):
            if not axes.axison:
                hidden |= set(axis.findobj(Text))
                continue
            low, high = sorted(axis.get_view_interval())
            room = 1e-6 * (high - low)
            for kind in (False, True):
                for label, at in zip(axis.get_ticklabels(minor=kind), axis.get_ticklocs(minor=kind), strict=False):
                    if not low - room <= at <= high + room:
                        hidden.add(label)
            hidden |= {each.label2 for tick in (axis.majorTicks, axis.minorTicks) for each in tick}
    return [each for each in figure.findobj(Text) if each.get_visible() and each.get_text().strip() and each not in hidden]
