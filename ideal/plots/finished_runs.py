"""Figures of runs that are over, drawn again from what their folders keep: in another format, size, resolution or style."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ideal.errors import DataError, FigureWarning, IdealError, UsageError, unknown_name
from ideal.plots import theme
from ideal.runs.kept_estimates import estimates_of
from ideal.runs.key import checksum
from ideal.runs.read import CHOICE, ESTIMATE, REPRODUCTION, SWEEP, Run, read_run

if TYPE_CHECKING:
    import matplotlib.figure

    from ideal.information.results import Estimate

_SUFFIXES = (".png", ".svg", ".pdf")
_SMALLEST = 0.6  # of the usual size of texts, in a narrow figure
_READ_AS = (
    *("noise", "sigma", "gain", "offset", "read_noise", "axes", "floor", "saturation", "follow_links"),
    *("source", "freqsel", "subarray", "weight_scale", "linear", "group_by"),
)


def draw_run(
    folder: str | Path,
    target: str | Path,
    *,
    figure: str | None = None,
    width: float | None = None,
    height: float | None = None,
    dpi: float = theme.DPI,
    style: str | None = None,
    names: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> str:
    """Draw a figure of a run again, from its record alone; nothing is estimated anew.

    Args:
        folder: of the run (`--out` of a command).
        target: file to write, .png, .svg or .pdf.
        figure: which one: "information" of estimates, "figure" of a study, "comparison", "targets" and "ascent" of a
            design, "comparison" of a choice, "curves", "map", "front" and "regret" of a sweep; None for the first.
        width, height: inches; None for the usual ones. Texts of a narrow figure are smaller.
        dpi: dots per inch of a .png.
        style: name of a style of matplotlib, as "dark_background", or a file of one (.mplstyle).
        names: what to call measurement files in the figure, by the names that the run has for them.
        overwrite: whether a file of this name may be replaced.

    Returns:
        The name of the figure.

    Raises:
        DataError: the folder holds no run, or one without numbers to draw.
        UsageError: there is no such figure or style, or the file exists.

    """
    target = Path(target)
    if target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{target}: the name of a figure must end in .png, .svg or .pdf")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists: choose another name, or replace it with overwrite (--force)")
    for what, value in (("width", width), ("height", height), ("dpi", dpi)):
        if value is not None and not 0 < value < 10_000:
            raise UsageError(f"`{what}` takes a number above 0; found {value:g}")
    run = read_run(Path(folder))
    known = figures_of(run, names or {})
    name = figure or next(iter(known))
    if name not in known:
        raise UsageError(unknown_name(f"{folder} has no figure", name, known))
    with _styled(style):
        drawn = known[name]()
        across, up = drawn.get_size_inches()
        drawn.set_size_inches(width or across, height or up)
        if width is not None and width < across:
            _shrink_texts(drawn, max(width / across, _SMALLEST))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="constrained_layout not applied")
            try:
                theme.save_figure(drawn, target, dpi)
            except UserWarning as warning:
                if "constrained_layout" not in str(warning):
                    raise
                raise UsageError(f"{target}: there is no room for what is in it: take a larger `width` or `height`") from None
    return name


def _shrink_texts(figure: "matplotlib.figure.Figure", factor: float) -> None:
    """Make all texts of a figure smaller, those of ticks as well."""
    from matplotlib.text import Text

    sides = [side for axes in figure.axes for side in (axes.xaxis, axes.yaxis)]
    ticks = [(side, tick.label1.get_fontsize()) for side in sides for tick in side.get_major_ticks()[:1]]
    for text in figure.findobj(Text):
        text.set_fontsize(factor * float(text.get_fontsize()))
    for side, size in ticks:
        side.set_tick_params(labelsize=factor * float(size))


def figures_of(run: Run, names: Mapping[str, str] | None = None) -> "Mapping[str, Callable[[], matplotlib.figure.Figure]]":
    """Return what draws each figure of a run, by its name.

    Args:
        run: whose they are.
        names: what to call measurement files, by the names that the run has for them.

    Raises:
        DataError: the run has no numbers yet.
        UsageError: its figures cannot be drawn from its record, or it has no such file.

    """
    if run.kind == ESTIMATE:
        estimates = estimates_of(run)
        if not estimates:
            raise DataError(
                f"{run.name} has no estimate to draw: is it unfinished, or have its files result-*.json been removed?"
            )
        paths = [each.path for each in estimates.values()]
        for path in names or {}:
            if path not in paths:
                raise UsageError(unknown_name(f"{run.name} has no file", path, paths))
        return {"information": lambda: _information(run, list(estimates.values()), names or {})}
    if run.kind == REPRODUCTION:
        if run.status != "finished":
            raise DataError(f"{run.name} holds a study that is {run.status}: repeat its command, then draw it")
        return {"figure": lambda: _study(run)}
    if run.kind == SWEEP:
        from ideal.plots.sweeps import figures_of_sweep

        if not (found := figures_of_sweep(run.record)):
            raise DataError(f"{run.name} holds a sweep without points to draw: repeat its command, then draw it")
        return found
    if run.status == "unfinished":
        raise DataError(f"{run.name} holds a run of ideal optimize that is not finished: repeat its command, then draw it")
    return _of_choice(run.record) if run.kind == CHOICE else _of_design(run)


def _of_design(run: Run) -> "Mapping[str, Callable[[], matplotlib.figure.Figure]]":
    from ideal.plots.designs import figures_of_record

    return figures_of_record(run.record, [line for line in run.metrics() if "step" in line])


def _of_choice(record: dict) -> "Mapping[str, Callable[[], matplotlib.figure.Figure]]":
    from ideal.plots.choices import comparison_figure

    return {"comparison": lambda: comparison_figure(record)}


def _information(run: Run, estimates: "list[Estimate]", names: Mapping[str, str]) -> "matplotlib.figure.Figure":
    from ideal.information.ranking import Ranking
    from ideal.plots.estimates import draw_estimates

    shown = [_with_example(run, each) for each in estimates]
    called = [replace(each, path=names.get(each.path, each.path)) for each in shown]
    seed = (run.record.get("configuration") or {}).get("seed", 0)
    return draw_estimates(called, Ranking.of(called, seed=seed).comparisons)


def _with_example(run: Run, estimate: "Estimate") -> "Estimate":
    """Return an estimate with a measurement to draw, where its file is there and as it was."""
    from ideal.information.estimation import example_of
    from ideal.measurements.measurement_set import open_measurements

    table = run.record.get("configuration") or {}
    path = table.get("paths", {}).get(estimate.path, estimate.path)
    known = {name: table[name] for name in _READ_AS if table.get(name) is not None}
    try:
        if checksum(path) != (run.record.get("inputs") or {}).get(path):
            raise DataError("the file is not there, or has changed since the run")
        with open_measurements(path, **known) as measured:
            return replace(estimate, example=example_of(measured))
    except (IdealError, OSError) as error:
        warnings.warn(f"{path}: drawn without a picture of a measurement ({error})", FigureWarning, stacklevel=2)
        return estimate


def _study(run: Run) -> "matplotlib.figure.Figure":
    from ideal.studies import find_study

    return find_study(run.record["study"])().draw(run.record)


def _styled(style: str | None):
    """Return a context in which figures have a style of matplotlib.

    Raises:
        UsageError: there is none of this name.

    """
    if style is None:
        return nullcontext()
    from matplotlib import style as styles

    if style not in styles.available and not Path(style).is_file():
        raise UsageError(unknown_name("matplotlib has no style", style, styles.available))
    try:
        return styles.context(style)
    except OSError as error:
        raise UsageError(f"`style={style}` cannot be read ({error})") from error
