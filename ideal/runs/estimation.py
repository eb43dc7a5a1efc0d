"""Estimates of files, ranked: the whole run, with a folder that keeps it where one is named."""

import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ideal import records
from ideal.cameras import Camera, as_camera
from ideal.density import find_model
from ideal.errors import DataError, IdealError, LeftOutWarning, UsageError
from ideal.information import estimation
from ideal.information.labels import estimation as labels_estimation
from ideal.information.labels.results import TaskInformation
from ideal.information.ranking import Ranking
from ideal.information.results import Estimate
from ideal.information.saved_models import check_save, load_fitted, load_model, save_chosen
from ideal.jobs.processes import agreed_truth, is_first, join_processes, several
from ideal.measurements.measurement_set import MeasurementSet, open_measurements
from ideal.measurements.opening import check_figures, set_groups
from ideal.progress import Progress, shown
from ideal.runs.folder import RunFolder, resources
from ideal.runs.keeping import Keeping

FIGURE = "information.png"
_MANY = 40  # files whose models and pictures are all held in memory
_SMALL_PICTURE = 2**14  # values of a measurement that is drawn beside many others


def estimate_files(
    files: Sequence[str | Path],
    *,
    noise: str | None = None,
    sigma: float | None = None,
    gain: float | None = None,
    offset: float | None = None,
    read_noise: float | None = None,
    axes: str | None = None,
    floor: float | None = None,
    saturation: float | None = None,
    camera: Camera | str | Path | None = None,
    follow_links: bool = False,
    radio: Mapping[str, Any] | None = None,
    linear: bool = False,
    group_by: str | None = None,
    groups: str | int | None = None,
    labels: bool = False,
    models: Sequence[str] | str | None = None,
    load_models: Sequence[str] = (),
    patch: int | tuple[int, int] = 16,
    period: int | tuple[int, int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    max_patches: int = 20_000,
    effort: float = 1.0,
    time_limit: float | None = None,
    allow: Collection[str] = (),
    all_pairs: bool = False,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    plot: str | Path | None = None,
    save_model: str | Path | None = None,
    processes: str | None = None,
    progress: Progress | AbstractContextManager[Progress] | bool | None = None,
    failed: Callable[[str], None] | None = None,
    show: Callable[[Ranking, dict], None] | None = None,
    keeping: Keeping | None = None,
) -> Ranking:
    """Estimate the information in measurement files and rank them; keep the run in a folder where one is named.

    All files are opened first, so that a wrong name does not wait for the results of others. Of several files one that cannot be
    estimated is left out. A run in a folder that is interrupted goes on when it is asked for again.

    Args:
        files: of measurements, or FILE::dataset; one or more, each once. NAME=FILE gives one the name by which tables and figures
            call it.
        noise, sigma, gain, offset, read_noise, axes, floor, saturation: what the files do not say; see `ideal.estimate`.
        camera: `ideal.cameras.Camera` that recorded the files, or the name of its file; it serves the noise.
        follow_links: whether files outside the folder of a file are read where it names them.
        radio: of UVFITS files: source, freqsel, subarray and weight_scale; see `ideal.open_measurements`.
        linear: whether pictures of 8 bits (PNG, JPEG) are proportional to the light; see `ideal.open_measurements`.
        group_by: of folders and patterns of frames, a regular expression for the source in a frame's name.
        groups: source of each sample: a file with one a line, an .npy array, or a number N for every N samples in a row.
        labels: whether to estimate also what measurements tell of their labels.
        models: as of `ideal.estimate`.
        load_models: files of models to score that were fitted before.
        patch, period, confidence, seed, max_patches, effort, time_limit, allow: as of `ideal.estimate`.
        all_pairs: whether every two files are compared, and not only neighbours in the ranking.
        out: folder that keeps results, fitted models, a figure and the record of the run; made where there is none.
        resume: whether there has to be an interrupted run in `out`.
        overwrite: whether a run in `out` is begun anew, and figure and model may be replaced.
        plot: file of the figure (.png, .svg, .pdf).
        save_model: file of the chosen model (.h5), of one measurement file.
        processes: which others train networks along with this process, all with the same arguments: "auto" or
            "HOST:PORT,COUNT,NUMBER"; see `ideal.jobs.join_processes`. The first of them writes. None for no others.
        progress: as of `ideal.estimate`.
        failed: called with a line for each file that is left out; None for a warning.
        show: called with the ranking and its JSON document once all numbers are known, before figure and record are written.
        keeping: collects what cannot be written.

    Returns:
        The ranking; `errors` says what failed.

    Raises:
        DataError: the only file cannot be estimated; the attribute `refused` of the error holds what was found in it.
        UsageError: an option has no meaning, or the folder holds another run.

    """
    if isinstance(files, str | os.PathLike) or not isinstance(files, Iterable) or not (files := list(files)):
        raise UsageError("`files` takes names of measurement files, one or several, in a list")
    asked, keeping = list(map(str, files)), keeping or Keeping()
    names, paths = zip(*map(_name_and_path, asked), strict=True)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{twice} is named twice: name each file once")
    if processes is not None:
        join_processes(processes)
    if not is_first():
        out = plot = save_model = None  # one of several that train together writes
        resume = overwrite = False
    models = models if models is None or isinstance(models, str) else ("all" if "all" in models else list(models))
    for name in [models] if isinstance(models, str) else models or []:
        if name != "all":
            find_model(name)
    if resume and (overwrite or not out):
        raise UsageError("`resume` goes on with a run: " + ("leave out `overwrite`" if out else "name its folder (`out`)"))
    check_save(save_model, list(paths), bool(models or not load_models))
    known: dict[str, Any] = {
        "noise": noise,
        "sigma": sigma,
        "gain": gain,
        "offset": offset,
        "read_noise": read_noise,
        "axes": axes,
    }
    known |= {"floor": floor, "saturation": saturation} | ({"follow_links": True} if follow_links else {})
    known |= {name: value for name, value in (radio or {}).items() if value is not None}
    known |= ({"linear": True} if linear else {}) | ({"group_by": group_by} if group_by is not None else {})
    common: dict[str, Any] = {
        "patch": patch,
        "period": period,
        "confidence": confidence,
        "seed": seed,
        "max_patches": max_patches,
    }
    common |= {"effort": effort, "allow": tuple(allow), "time_limit": time_limit}
    if camera is not None:
        known["camera"] = as_camera(camera)
    configuration = {"files": list(names), "groups": groups, **known, "models": models, **common}
    if camera is not None:  # a camera that was changed since is another
        configuration["camera"] = str(camera) if isinstance(camera, str | Path) else known["camera"].to_record()
    if names != paths:
        configuration["paths"] = dict(zip(names, paths, strict=True))
    configuration |= {"load_model": list(map(str, load_models)), "labels": labels}
    with ExitStack() as stack:
        with shown(progress) as say:
            fitted = load_fitted(list(map(str, load_models)))
            sources = [stack.enter_context(open_measurements(path, **known)) for path in paths]
            for measured in sources:
                check_figures(measured, sigma=sigma, read_noise=read_noise)
                set_groups(measured, groups)
                if labels and measured.labels is None:
                    raise UsageError(
                        f"{measured.path}: `labels` needs labels, this file holds none: write them to a dataset 'labels'"
                    )
            _check_twice(sources)
            folder = None
            if out:
                inputs = [*paths, *map(str, load_models), *([str(groups)] if groups and not str(groups).isdigit() else [])]
                inputs += [str(path) for measured in sources for path in measured.files]
                inputs += [str(camera)] if isinstance(camera, str | Path) else []
                folder = RunFolder.open(str(out), configuration, keeping, inputs=inputs, force=overwrite, resume=resume)
            work = _Work(names, sources, folder, models, fitted, common, labels, say, failed or _warn_of)
            ranking = work.ranking(all_pairs=all_pairs)
        document = _document(ranking, keeping, seed)
        if show is not None and is_first():
            show(ranking, document)
        if save_model:
            with keeping.attempt(save_model, "the model"):
                own = list(ranking.estimates[0].fitted.values())
                if not own and folder is not None:  # it had been estimated before the run was interrupted
                    own = [load_model(str(each)) for each in folder.models(0)]
                save_chosen(str(save_model), own)
        for target in (plot, None if folder is None else folder.path / FIGURE):
            if target and ranking.estimates:
                with keeping.attempt(target, "the figure"):
                    from ideal.plots import estimates, theme

                    theme.save_figure(estimates.draw_estimates(ranking.estimates, ranking.comparisons), target)
    if folder:
        folder.finish(document)
    return replace(ranking, errors=(*ranking.errors, *keeping.failed))


@dataclass
class _Work:
    """What is done with each file."""

    names: Sequence[str]
    sources: list[MeasurementSet]
    folder: RunFolder | None
    models: Any
    fitted: Mapping[str, Any]
    common: dict[str, Any]
    labels: bool
    say: Progress
    failed: Callable[[str], None]

    def ranking(self, *, all_pairs: bool) -> Ranking:
        """Return the estimates of all files and what failed."""
        found, tasks, errors = [], {}, []
        for place, measured in enumerate(self.sources):
            if several() and self._is_done(place):
                continue
            try:
                found.append(self._slim(self._estimate(place, measured)))
            except IdealError as error:
                if len(self.sources) == 1 or isinstance(error, UsageError):
                    error.refused = _refused(measured)
                    raise
                errors.append(str(error))
                self.failed(str(error))
                continue
            if self.labels:
                try:
                    tasks[found[-1].path] = self._task(place, measured)
                except DataError as error:  # as labels of one class: the measurements have their estimate
                    errors.append(str(error))
                    self.failed(str(error))
        return Ranking.of(found, tasks, errors, all_pairs=all_pairs, seed=self.common["seed"])

    def _slim(self, found: Estimate) -> Estimate:
        """Return an estimate; of many files without its models and with a smaller picture, which memory would not hold."""
        if len(self.sources) <= _MANY:
            return found
        example = found.example
        if example is not None and example.values.ndim > 1:
            step = max(1, int(np.sqrt(example.values.size / _SMALL_PICTURE)))
            example = replace(example, values=np.array(example.values[::step, ::step]))
        return replace(found, fitted={}, example=example)

    def _is_done(self, place: int) -> bool:
        """Tell, in a process that works along with a first one, whether that has kept the estimate of a file."""
        done = self.folder is not None and self.folder.finished(place) is not None
        return agreed_truth(done) and not is_first()

    def _estimate(self, place: int, measured: MeasurementSet) -> Estimate:
        """Return the estimate of a file; from the folder of the run where it is there."""
        checkpoints = None
        if self.folder is not None:
            if (kept := self.folder.finished(place)) is not None:
                self.folder.keep(place, kept)
                return replace(kept, example=estimation.example_of(measured))
            checkpoints = self.folder.checkpoints(place)
        found = estimation.estimate(
            measured, models=self.models, fitted=self.fitted, **self.common, checkpoints=checkpoints, progress=self.say
        )
        found = replace(found, path=self.names[place])
        if self.folder:
            self.folder.keep(place, found)
        return found

    def _task(self, place: int, measured: MeasurementSet) -> TaskInformation:
        """Return what measurements tell of their labels; from the folder of the run where it is there."""
        checkpoints = None
        if self.folder is not None:
            if (kept := self.folder.finished_task(place, TaskInformation.from_record)) is not None:
                return kept
            checkpoints = self.folder.checkpoints(place) / "task"
        found = labels_estimation.task_information(measured, **self.common, checkpoints=checkpoints, progress=self.say)
        found = replace(found, path=self.names[place])
        if self.folder:
            self.folder.keep_task(place, found.to_record())
        return found


def _name_and_path(file: str) -> tuple[str, str]:
    """Return how results call a file and where it is: NAME=FILE, unless there is a file of this whole name."""
    name, sign, path = file.partition("=")
    if not sign or not name.strip() or not path or any(mark in name for mark in "/\\:*?[") or os.path.lexists(file):
        return file, file
    return name.strip(), path


def _refused(measured: MeasurementSet) -> dict[str, Any]:
    """Return which measurements were refused, and what was found in them."""
    try:
        findings = [finding.to_record() for finding in measured.examination.findings]
    except IdealError:  # measurements that cannot be read have none
        findings = []
    return {"path": measured.path, "findings": findings}


def _document(ranking: Ranking, keeping: Keeping, seed: int) -> dict[str, Any]:
    """Return the JSON document of a run."""
    return {
        **records.provenance(sys.argv, seed),
        "results": [each | resources() for each in ranking.documents()],
        "comparison": [each.to_dict() for each in ranking.comparisons],
        "errors": [*ranking.errors, *keeping.failed],
    }


def _check_twice(sources: Sequence[MeasurementSet]) -> None:
    seen = set()
    for source in sources:
        place = os.path.realpath(source.path)
        if place in seen:
            raise UsageError(f"{source.path} is named twice: name each file once")
        seen.add(place)


def _warn_of(text: str) -> None:
    warnings.warn(text, LeftOutWarning, stacklevel=4)
