"""The estimate: information = bound on the entropy of the measurements - known entropy of the noise.

Models are fitted to some sources, chosen on others and scored once on the rest; the interval comes from resampling the scored
sources, with the model's loss and the noise entropy of the same patch kept together.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ideal._arguments import whole
from ideal.density import DEFAULT, MODELS, Density, Fitting, find_model
from ideal.errors import UsageError
from ideal.health import Finding, plain_note
from ideal.health.coverage import interval_findings
from ideal.information.budget import Budget, check_request
from ideal.information.excess import Halves, Losses, excess, few_measurements, is_affordable
from ideal.information.fitted_models import advice_on, check_fitted, folds_for, origin_of
from ideal.information.floors import advice_on_floors, floor_of, on_floor, scored_in_blocks
from ideal.information.folds import KeptFolds
from ideal.information.intervals import GroupedValues, interval, paired_difference, unpaired_difference
from ideal.information.plausibility import advice_on_plausibility
from ideal.information.results import LN2, Comparison, Estimate, Example, ModelResult
from ideal.information.scoring import (
    MANY_SOURCES,
    Prepared,
    check_size,
    check_values,
    choose_patches,
    in_blocks,
    known_noise,
    mosaic_period,
    patch_size,
    real_values,
    sensor_of,
    with_limits,
)
from ideal.jobs import processes
from ideal.measurements.opening import opened
from ideal.progress import Progress, shown

if TYPE_CHECKING:
    from ideal.cameras.camera import Camera

DARK_OBJECTS = ("unwritten",)  # of what is simulated an empty frame shows a dark object: it is allowed, and counts
_FOLDS = 5
_BAND_VALUES = 2**24  # of a very large picture that are read at once
_EXAMPLE_VALUES = 2**22  # of a larger picture every other pixel is kept, or fewer
_LITTLE_WORK = 1e10  # products in a fit: some seconds for all folds
_FEWEST_SCORED = 3  # the scatter of two sources says next to nothing of that of all
_REFERENCE_VALUES = 2_000_000
_FEW_PHOTONS = 20.0
_LITTLE_READ_NOISE = 0.7  # electrons
_RATE_LAG = 0.05  # nats per pixel that a model with a rate may be behind the best
_RATE_SIDE = 12  # pixels; in a smaller patch the box of the past is cut, and the rate is too high


def estimate(
    source,
    *,
    noise: str | None = None,
    sigma=None,
    gain: float | None = None,
    offset: float | None = None,
    read_noise: float | None = None,
    units: str | None = None,
    floor: float | None = None,
    saturation: float | None = None,
    groups=None,
    axes: str | None = None,
    camera: "Camera | str | Path | None" = None,
    linear: bool = False,
    group_by: str | None = None,
    follow_links: bool = False,
    weight_scale: float | None = None,
    models: Sequence[str] | str | None = None,
    fitted: Mapping[str, Density] | None = None,
    patch: int | tuple[int, int] = 16,
    period: int | tuple[int, int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    max_patches: int = 20_000,
    effort: float = 1.0,
    time_limit: float | None = None,
    allow: Collection[str] = (),
    checkpoints: Path | None = None,
    progress: Progress | bool | None = None,
) -> Estimate:
    """Estimate the information that measurements carry.

    Args:
        source: `ideal.measurements.MeasurementSet` whose noise is known; or an array (sample, row, column[, channel]), (sample,
            value) or complex (sample, visibility), or the name of a measurement file, with what is not in it said here.
        noise: "poisson", "gaussian", "poisson-gaussian" or "complex-gaussian", of an array or a file that does not say.
        sigma: standard deviation of Gaussian noise, in the units of the values after conversion to photoelectrons.
        gain: photoelectrons per DN of the camera.
        offset: what the camera reads in the dark, DN.
        read_noise: standard deviation of the camera's read noise, photoelectrons.
        units: of the values; None for DN where a gain or an offset is given, else photoelectrons.
        floor: DN at which the camera cuts off what lies below.
        saturation: DN at which it cuts off what lies above.
        groups: source of each sample, such as the picture that a patch shows, (sample,).
        axes: of the values as they are stored, one letter each; see `ideal.from_arrays`.
        camera: `ideal.cameras.Camera` that recorded them, or the name of its file (`ideal calibrate`); it serves the noise.
        linear: whether to take PNG files of 8 bits and JPEG files as proportional to the light; without it they are refused.
        group_by: of a folder or a pattern of frames, a regular expression: what it finds in a frame's name is its source.
        follow_links: whether files that a file names may be read outside its folder.
        weight_scale: factor for the weights of a UVFITS file that are not 1/sigma^2.
        models: names of density models, or "all" for all that suit the measurements; None for those that take little time, or
            for none where models are given that were fitted before.
        fitted: models that were fitted before, to be scored beside those, by the names to call them. One that was fitted to a
            part of these measurements (its `origin` says so) is scored on the test part of its first fold, and so are all others.
        patch: side of the square patches, or (row, column); no matter for vectors. Smaller images are used whole.
        period: of a sensor's mosaic in pixels; patches begin at its multiples, so that all show it in the same phase.
            None for what the file says, 1 for none.
        confidence: of the interval, between 0 and 1.
        seed: of the choice of patches, the split and the bootstrap.
        max_patches: largest number of patches used in all.
        effort: work of the models that are trained, in units of the default.
        time_limit: seconds for the models that are trained; where it is reached the numbers depend on the machine's speed.
        allow: names of findings of severity "void" with which to go on all the same, as "clipped".
        checkpoints: folder that keeps finished folds and the state of training: an interrupted estimate goes on from there.
        progress: called with a line of text, and with the fraction done of a model in training or None. False for silence, True
            for a bar, None for a bar in a notebook or on a terminal.

    Returns:
        The estimate. It bounds the information from above, up to the sampling error that the interval shows.

    Raises:
        DataError: the measurements are too few, constant, or contradict their noise model.
        UsageError: an argument has no meaning, the noise is not known, or a finding that is not allowed makes the bound void.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> counts = rng.poisson(rng.uniform(20, 60, (200, 1, 1)) * np.ones((8, 8)))
        >>> told = estimate(counts, noise="poisson", models="full", progress=False)
        >>> told.information.unit
        'bits/pixel'

    """
    known = {"noise": noise, "sigma": sigma, "gain": gain, "offset": offset, "read_noise": read_noise, "units": units}
    known |= {"floor": floor, "saturation": saturation, "groups": groups, "axes": axes, "camera": camera}
    known |= {"linear": linear or None, "group_by": group_by, "follow_links": follow_links or None, "weight_scale": weight_scale}
    with opened(source, **known) as measured, shown(progress) as say:
        return _estimate(
            measured,
            models=models,
            fitted=fitted,
            patch=patch,
            period=period,
            confidence=confidence,
            seed=seed,
            max_patches=max_patches,
            effort=effort,
            time_limit=time_limit,
            allow=allow,
            checkpoints=checkpoints,
            say=say,
        )


def _estimate(
    source, *, models, fitted, patch, period, confidence, seed, max_patches, effort, time_limit, allow, checkpoints, say
) -> Estimate:
    started = time.perf_counter()
    check_request(confidence, effort, time_limit)
    seed, max_patches = whole("`seed`", seed, 0), whole("`max_patches`", max_patches, 1)
    noise = known_noise(source)
    size = patch_size(source, patch)
    usable = check_values(source, allow)
    findings = usable.findings
    noise = with_limits(noise, source, findings)
    mosaic = mosaic_period(source, size, period)
    patches, notes = choose_patches(source, usable, noise, size, max_patches, seed, mosaic)
    findings += notes
    shape, pixels = patches.shape[1:], _good_pixels(patches, noise)
    check_size(source, shape)
    fitted = dict(fitted or {})
    to_fit = _model_names(models, shape, noise, source) if models is not None or not fitted else []
    if set(fitted) & set(to_fit):
        raise UsageError(f"{', '.join(set(fitted) & set(to_fit))}: the name is given to a fitted model and to one to be fitted")
    names, sensor = [*to_fit, *fitted], sensor_of(noise, mosaic, patches)
    origin = origin_of(source, size=size, period=mosaic, seed=seed, max_patches=max_patches)
    check_fitted(fitted, origin, shape, sensor, **_kind(noise, source))
    findings += advice_on(fitted, origin)
    folds = folds_for(fitted, origin, patches.groups, fits=bool(to_fit), folds=_FOLDS, seed=seed)
    every = len(shape) == 1 and not fitted and _is_little(len(patches), real_values(source, shape))
    folds = folds if every or len(np.unique(patches.groups)) < MANY_SOURCES else folds[:1]
    scores, means = [], None
    if noise.needs_means and not source.has_clean:
        # Means that are not known are deconvolved from the values of all patches, once for all folds.
        reference = Prepared(patches, noise, False, (seed, 2)).some(_REFERENCE_VALUES)
        means = reference.own_noise.fit_means(reference.array())
    trained = sum(MODELS[name].trained for name in to_fit)
    budget = Budget(effort / len(folds), time_limit, len(folds) * trained, checkpoints)
    facts = (origin, names, noise.describe(), source.shape, source.calibration, effort, time_limit, len(folds))
    # Of several processes that train together none may skip a fold that another does.
    kept = KeptFolds(None if processes.several() else checkpoints, facts, _contents(patches, folds), fitted)
    for number, fold in enumerate(folds):
        label = f"{source.path}, fold {number + 1} of {len(folds)}" if len(folds) > 1 else source.path
        key = [seed, 2, number]
        own = folds[(number + 2) % len(folds)].test if len(folds) > 1 and to_fit else fold.train[:0]
        if (before := kept.read(number)) is not None:
            budget.skip(trained)
            scores.append(_Score.from_state(*before))
            continue
        parts = (patches, fold, own)
        scores.append(_score_fold(source, noise, sensor, means, parts, to_fit, fitted, key, budget, len(folds), label, say))
        kept.write(number, scores[-1].to_state(), scores[-1].fitted if number == 0 else {})
    groups = np.concatenate([score.groups for score in scores])
    noise_entropy, plain_entropy = (
        np.concatenate([getattr(score, name) for score in scores]) for name in ("noise_entropy", "plain_entropy")
    )
    # One model for each fold, chosen on that fold's validation sources: no source votes on how it is scored itself.
    best = [min(names, key=score.validation_loss) for score in scores]
    results = {name: _result(name, [name] * len(scores), scores, groups, noise_entropy, confidence, seed) for name in names}
    chosen = _result("/".join(name for name in names if name in best), best, scores, groups, noise_entropy, confidence, seed)
    train = [len(fold.train) for fold in folds]
    found = Estimate(
        path=source.path,
        noise=_describe_noise(noise, source),
        best=chosen,
        models=results,
        noise_entropy=float(plain_entropy.mean()),
        rate=None if mosaic else _rate(scores, pixels, confidence, seed),
        patch=shape[:2] if len(shape) > 1 else shape,
        pixels=pixels,
        n_train=round(np.mean(train)),
        n_validation=round(np.mean([len(fold.validation) for fold in folds])),
        n_test=len(groups),
        n_groups=len(np.unique(groups)),
        n_folds=len(folds),
        confidence=confidence,
        objects_key=repr((source.shape, size, mosaic, seed, max_patches)),
        findings=(),
        seconds=0.0,
        fitted=_with_origin(scores[0].fitted, origin, best[0]),
        example=example_of(source),
    )
    shares = [score.shares[name] for name, score in zip(best, scores, strict=True)]
    findings += advice_on_floors(np.concatenate(shares), groups)
    span = min(score.span[0] for score in scores), max(score.span[1] for score in scores)
    findings += advice_on_plausibility(found, source, noise, span, float(noise_entropy.mean()))
    findings += _advice(found, noise, source, min(train) if to_fit else None, real_values(source, shape))
    return replace(found, findings=tuple(findings), seconds=time.perf_counter() - started)


def _good_pixels(patches, noise) -> int | float:
    """Return how many pixels of a patch count, on average over the patches."""
    pixels = int(np.prod(patches.shape[1:3]))
    keep = Prepared(patches, noise, False, ()).keep
    return pixels if keep is None else pixels * float(keep.mean())


def example_of(source) -> Example:
    """Return the middle measurement of a set, for pictures."""
    middle, shape = len(source) // 2, source.shape[1:]
    size = int(np.prod(shape))
    step = max(1, int(np.sqrt(size / _EXAMPLE_VALUES))) if len(shape) > 1 else 1
    if step == 1:
        values = source.read(middle, middle + 1)[0]
    else:  # a very large picture never lies in memory as a whole
        height = step * max(1, _BAND_VALUES * shape[0] // (size * step))
        bands = (slice(top, min(top + height, shape[0])) for top in range(0, shape[0], height))
        values = np.concatenate([source.read(middle, middle + 1, rows)[0, ::step, ::step].copy() for rows in bands])
    counted = source.calibration.converts or source.units == "photoelectrons"
    return Example(values, "photoelectrons" if counted else source.units)


def _contents(patches, folds) -> Iterator[np.ndarray]:
    """Give all that the scores of folds depend on: which patches are in which part, and their values."""
    for fold in folds:
        yield from (fold.train, fold.validation, fold.test)
    yield patches.groups
    source = patches.source
    if np.ndim(source.sigma):
        yield np.asarray(source.sigma)
    for what in ("measurements", *["clean"] * source.has_clean, *["sigma"] * source.has_sample_sigma):
        yield from patches.batches(what=what)


def _is_little(count: int, values: int) -> bool:
    """Tell whether fits to so many vectors are so little work that every source is scored, whatever their number."""
    return values**2 * (count + 20 * values) <= _LITTLE_WORK


def _with_origin(fitted: dict[str, Density], origin: dict, best: str) -> dict[str, Density]:
    """Return the models of the first fold with a note of where they were fitted, and of which was chosen in that fold."""
    return {name: model.with_origin(origin | {"chosen": name == best}) for name, model in fitted.items()}


def _resampling(seed: int) -> np.random.Generator:
    """Return the generator of the bootstrap, the same for all models so that their intervals can be compared."""
    return np.random.default_rng([seed, 3])


def _result(name, by_fold, scores, groups, noise_entropy, confidence, seed) -> ModelResult:
    """Put together what the folds say, each by the model named for it."""
    pairs = list(zip(by_fold, scores, strict=True))
    validation = float(np.mean(np.concatenate([score.validation[model] for model, score in pairs])))
    nats = np.concatenate([score.losses.tested[model] for model, score in pairs]) - noise_entropy
    values, limit, bounds = _with_limit(nats, groups, [score.losses for score in scores], by_fold, confidence, seed)
    seconds = sum(score.seconds[model] for model, score in pairs)
    return ModelResult(name, values, bounds, validation, seconds, limit)


def _with_limit(nats, groups, losses: list[Losses], by_fold, confidence, seed):
    """Return nats by source, what they would be with ever more training sources or None, and the interval.

    The interval holds both averages: it reaches down to the lower end of an interval of the limit. It is all numbers where there
    are too few sources to say.
    """
    lacking = excess(losses, by_fold)
    values = GroupedValues.of(nats, groups)
    limit = None if lacking is None else GroupedValues.of(nats - lacking, groups)
    if len(values.groups) < _FEWEST_SCORED:
        return values, limit, (-np.inf, np.inf)
    low, high = interval(values, confidence, _resampling(seed))
    if limit is not None:
        low = min(low, interval(limit, confidence, _resampling(seed))[0])
    return values, limit, (low, high)


def compare(a: Estimate, b: Estimate, *, seed: int = 0) -> Comparison:
    """Compare two estimates.

    Where both sets have as many samples of the same sources and were estimated with the same settings, they are taken to show
    the same objects, and the difference is resampled by source, which takes out what the objects do to both. The interval holds
    the difference of the bounds and, where it was measured, that of their limits with ever more training sources.

    Raises:
        UsageError: one is no estimate.

    """
    for each in (a, b):
        if not isinstance(each, Estimate):
            raise UsageError(
                f"what is compared must be two estimates, as ideal.estimate returns them; found {type(each).__name__}"
            )
    left, right = a.best, b.best
    paired = a.objects_key == b.objects_key and np.array_equal(left.values.groups, right.values.groups)

    def difference(*sides: GroupedValues):
        one, other = (replace(side, sums=side.sums / (LN2 * each.pixels)) for side, each in zip(sides, (a, b), strict=True))
        rng = np.random.default_rng([seed, 4])
        return (paired_difference if paired else unpaired_difference)(one, other, a.confidence, rng)

    value, bounds = difference(left.values, right.values)
    if left.limit or right.limit:
        _, (low, high) = difference(left.limit or left.values, right.limit or right.values)
        bounds = min(bounds[0], low), max(bounds[1], high)
    if min(len(left.values.groups), len(right.values.groups)) < _FEWEST_SCORED:
        bounds = -np.inf, np.inf
    units = "bits/" + " or ".join(dict.fromkeys((a.pixel_name, b.pixel_name)))
    names = (a.path, b.path) if a.path != b.path else ("the first", "the second")
    return Comparison(*names, value, bounds, paired, units, a.confidence)


@dataclass(frozen=True)
class _Score:
    """What one fold says: losses by model, nats per measurement; of the rate, those of a pixel given its past.

    `shares` is what of each measurement a model's floor gave, `rate_noise` the entropy of the noise of a pixel given its past by
    model, nats, both (sample,). Losses and the entropies of noise are those of values on the scale of the noise;
    `plain_entropy` is H(Y|X) of the values as they were measured.
    """

    groups: np.ndarray
    noise_entropy: np.ndarray
    plain_entropy: np.ndarray
    losses: Losses
    shares: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]
    seconds: dict[str, float]
    rates: Losses
    rate_noise: dict[str, np.ndarray]
    fitted: dict[str, Density]
    span: tuple[float, float]

    def to_state(self) -> dict:
        """Return all but the models as arrays and numbers in nested tables."""
        state = {name: value for name, value in vars(self).items() if name != "fitted"}
        return state | {name: vars(state[name]) for name in ("losses", "rates")}

    @classmethod
    def from_state(cls, state: dict, fitted: dict[str, Density]) -> "_Score":
        """Rebuild the score of a fold from `to_state`, and its models."""
        tables = {name: state.get(name, {}) for name in ("shares", "validation", "rate_noise")}
        losses = {name: Losses(**state.get(name, {})) for name in ("losses", "rates")}
        seconds = {name: float(value) for name, value in state["seconds"].items()}
        plain = state.get("plain_entropy", state["noise_entropy"])
        return cls(
            **{
                **state,
                "plain_entropy": plain,
                **tables,
                **losses,
                "seconds": seconds,
                "span": tuple(state["span"].tolist()),
                "fitted": fitted,
            }
        )

    def validation_loss(self, name: str) -> float:
        """Return a model's average loss on validation sources; infinite where it gives no number."""
        return float(np.nan_to_num(self.validation[name].mean(), nan=np.inf))


def _score_fold(source, noise, sensor, means, parts, to_fit, before, key, budget, n_folds, label, say) -> _Score:
    """Fit models to a fold and score them on it beside those that were fitted before.

    `means` is the distribution of mean photoelectrons where it had to be deconvolved, `parts` holds the patches, the fold, and
    training patches that are scored as well, to learn what the models lack.
    """
    patches, fold, own = parts
    train, validation, test, trained_on = (
        Prepared(patches.take(part), noise, False, (*key, number))
        for number, part in enumerate((fold.train, fold.validation, fold.test, own))
    )
    losses, rates, shares, rate_noise, held_out, seconds = Losses(), Losses(), {}, {}, {}, {}
    fitted: dict[bool, dict[str, Density]] = {True: {}, False: {}}
    ready = {}
    scaled = test.array()
    measured = scaled if noise.scale.is_linear else test.measured()
    clean = test.patches.read("clean") if source.has_clean else None
    if np.ndim(source.sigma):
        noise = noise.with_sigma(test.sigma)
    whole, noise = noise, noise.at(test.patches.positions, test.patches.patch)
    noise_entropy = noise.scaled_entropy(measured, clean, means)
    plain_entropy = noise_entropy if noise.scale.is_linear else noise.conditional_entropy(measured, clean, means)
    bits = LN2 * np.prod(test.shape[1:3])
    floor = floor_of(source, whole, train)

    def report(progress):
        bound = (progress.loss - noise_entropy.mean()) / bits
        shown = "" if np.isnan(bound) else f", {bound:.4f} bits/{'pixel' if len(test.shape) > 2 else 'value'}"
        say(f"{label}: {progress.model}{shown}", progress.fraction)

    def fit(name, to_fit, to_choose, siblings, more):
        say(f"{label}: {name} on {len(train)} patches", None)
        fitting = budget.fitting(name, key[-1], report) if MODELS[name].trained else Fitting()
        seeds = np.random.SeedSequence(key)
        siblings[name] = MODELS[name].fit(seeds, to_fit, to_choose, fitted=siblings, sensor=sensor, fitting=fitting, **more)
        return siblings[name]

    for name in (*to_fit, *before):
        discrete = (before[name] if name in before else MODELS[name]).discrete
        begun = time.perf_counter()
        sees = (before[name] if name in before else MODELS[name]).sees_electrons
        if discrete not in ready:
            parts = [part if discrete else part.dequantised() for part in (train, validation, test, trained_on)]
            to_score = scaled if discrete else parts[2].array()
            held, sigmas, halves = (parts[0].held(), {}, None) if to_fit else (None, {}, None)
            trained = parts[0]
            if sensor.noise_by_sample and to_fit:
                trained = parts[0].holdable()
                held, sigmas = trained.array(), {"sigmas": (trained.sigma, validation.sigma)}
            if to_fit:
                halves = Halves(trained.patches.groups, [*key, 1])
            to_choose = parts[1].array() if len(validation) else np.empty((0, *test.shape[1:]))
            ready[discrete] = held, sigmas, halves, to_choose, to_score, parts[3].array() if len(own) else None
        held, sigmas, halves, to_choose, to_score, known = ready[discrete]
        if sees:  # its own figures, not the standard deviations that others take
            sigmas = {"figures": (train.figures, validation.figures)} if whole.by_place else {}
        model = before[name] if name in before else fit(name, held, to_choose, fitted[discrete], sigmas)
        if name in before:
            say(f"{label}: {name} scores {len(test)} patches", None)
        model = on_floor(model, floor, whole, key)
        if name not in before:
            fitted[discrete][name] = model
        # A model that knows signal and noise apart is told the noise, unless it is that of all it was fitted to.
        apart = model.noise is not None and (sensor.noise_by_sample or (name in before and noise.additive))
        apart = "figures" if sees and whole.by_place else "sigma" if apart else ""
        held_out[name] = _loss(model, to_choose, validation, apart) if len(to_choose) else np.array([np.nan])
        by_half: list[Density] = []
        if name not in before and halves is not None and is_affordable(name, train.shape[1:], n_folds, to_fit):
            by_half = halves.fit(name, held, to_choose, sensor, np.random.SeedSequence(key), **sigmas)
            by_half = [on_floor(half, floor, whole, key) for half in by_half]
        known = None if name in before or by_half else known
        of_test, of_own = (to_score, test, apart), (known, trained_on, apart)
        shares[name] = _add(losses, name, model, of_test, of_own, by_half)
        first = {apart: getattr(test, apart)[:1]} if apart else {}
        inside = model.interior_log_prob(to_score[:1], **first) if min(to_score.shape[1:3]) >= _RATE_SIDE else None
        if inside is not None and inside[0].size:
            _add_rate(rates, name, model, of_test, of_own, by_half)
            rate_noise[name] = _noise_entropy_per_pixel(noise, measured, clean, means, inside[1])
        seconds[name] = time.perf_counter() - begun
    values = scaled.view(np.float64) if np.iscomplexobj(scaled) else scaled
    span = float(values.min()), float(values.max())
    every = {**fitted[False], **fitted[True]}
    entropies = noise_entropy, plain_entropy
    return _Score(test.patches.groups, *entropies, losses, shares, held_out, seconds, rates, rate_noise, every, span)


def _add(losses: Losses, name: str, model: Density, tested: tuple, own: tuple, halves: list[Density]) -> np.ndarray:
    """Score patches by a model and, where there are, by those of halves or the model's own training patches by it.

    Returns:
        The share of each tested patch that the floor gave.

    """
    measurements, prepared, apart = tested
    losses.tested[name], share = scored_in_blocks(model, measurements, _told(prepared, apart))
    if halves:
        losses.halves[name] = np.mean([_loss(half, *tested) for half in halves], axis=0)
    if own[0] is not None:
        losses.own[name] = _loss(model, *own)
    return share


def _add_rate(rates: Losses, name: str, model: Density, tested: tuple, own: tuple, halves: list[Density]) -> None:
    """Do what `_add` does for pixels given their past."""
    rates.tested[name] = _interior_loss(model, *tested)
    if halves:
        rates.halves[name] = np.mean([_interior_loss(half, *tested) for half in halves], axis=0)
    if own[0] is not None:
        rates.own[name] = _interior_loss(model, *own)


def _loss(model: Density, measurements: np.ndarray, prepared: Prepared, apart: str) -> np.ndarray:
    return scored_in_blocks(model, measurements, _told(prepared, apart))[0]


def _told(prepared: Prepared, apart: str) -> dict[str, np.ndarray]:
    """Return what a model is told of each value: of its noise ("sigma", "figures" or nothing), and which count."""
    told = {apart: getattr(prepared, apart)} if apart else {}
    return told if (keep := prepared.keep) is None else told | {"keep": keep}


def _interior_loss(model: Density, measurements: np.ndarray, prepared: Prepared, apart: str) -> np.ndarray:
    told = _told(prepared, apart)

    def score(block, *own):
        noise = dict(zip(told, own, strict=True))
        keep = noise.pop("keep", None)
        found, (rows, columns) = model.floored_interior_log_prob(block, **noise)
        if keep is None:
            return -found.mean((1, 2))
        counted = keep[:, rows, columns].reshape(*found.shape, -1)[..., 0]
        return -(found * counted).sum((1, 2)) / np.maximum(counted.sum((1, 2)), 1)

    return in_blocks(score, measurements, *told.values())


def _noise_entropy_per_pixel(noise, measured, clean, means, inside) -> np.ndarray:
    part = (slice(None), *inside)
    cropped = measured[part]
    own = noise.part(part).alone()
    entropy = own.scaled_entropy(cropped, None if clean is None else clean[part], means)
    pixels = np.prod(cropped.shape[1:3])
    return entropy / (pixels if own.keep is None else np.maximum(own.keep.reshape(*cropped.shape[:3], -1)[..., 0].sum((1, 2)), 1))


def _rate(scores: list[_Score], pixels: float, confidence, seed):
    """Return the information rate by the models that validation prefers, fold by fold, among those that have one.

    There is none where the best of all has none and those that have one are far behind, as for objects in their places.
    """
    if not all(score.rates.tested for score in scores):
        return None
    for score in scores:
        best, rated = (min(map(score.validation_loss, names)) for names in (score.validation, score.rates.tested))
        if rated - best > _RATE_LAG * pixels:
            return None
    by_fold = [min(score.rates.tested, key=score.validation_loss) for score in scores]
    nats = np.concatenate(
        [score.rates.tested[name] - score.rate_noise[name] for name, score in zip(by_fold, scores, strict=True)]
    )
    groups = np.concatenate([score.groups for score in scores])
    values, _, bounds = _with_limit(nats, groups, [score.rates for score in scores], by_fold, confidence, seed)
    return "/".join(dict.fromkeys(by_fold)), values.mean, bounds


def _kind(noise, source) -> dict[str, bool]:
    """Return what `Density.accepts` asks besides the shape."""
    return {"counts": noise.counts, "is_complex": source.dtype.kind == "c"}


def _model_names(models, shape, noise, source) -> list[str]:
    kind = _kind(noise, source)
    if models is not None and (isinstance(models, bytes) or not isinstance(models, Iterable)):
        raise UsageError(f"`models` takes a name or several; found {models!r}")
    if models is None or models == "all" or list(models) == ["all"]:
        some = DEFAULT if models is None else MODELS
        return [name for name in some if MODELS[name].accepts(shape, **kind) and MODELS[name].suits(noise)]
    names = [models] if isinstance(models, str) else list(dict.fromkeys(models))
    if not names:
        raise UsageError("`models` names no model: leave it out, or name one or several (ideal models lists them)")
    for name in names:
        if not (find_model(name).accepts(shape, **kind) and MODELS[name].suits(noise)):
            what = "complex " * kind["is_complex"] + ("images" if len(shape) > 1 else "vectors")
            raise UsageError(f"{source.path}: the model {name} is not for {what} under {noise.name} noise")
    if "blend" in names and sum(MODELS[name].trained for name in names) < 2:
        raise UsageError(f"{source.path}: a blend needs two trained models: add --model causal-mixture and --model pixel-cnn")
    # A model may start from one before it in the registry.
    return sorted(names, key=list(MODELS).index)


def _describe_noise(noise, source) -> dict:
    """Return the noise model for JSON, with where H(Y|X) comes from."""
    described = noise.describe()
    if source.has_sample_sigma:
        described["sigma"] = f"one for every value, array of shape {tuple(source.shape)}"
    return described | {"entropy_from": noise.entropy_from(source.has_clean)}


def _advice(found: Estimate, noise, source, n_train: int | None, values: int) -> list[Finding]:
    """Return what the user should know before believing the number; `n_train` is None where nothing was fitted."""
    notes = interval_findings(found.best.values)
    patched = len(found.patch) > 1
    few = few_measurements(found, values)
    if few is None and found.best.limit is None and n_train is not None and n_train < values:  # not measured by halves
        remedy = "measure more objects" + (f", or take a smaller patch (--patch {max(2, int(np.sqrt(n_train / 4)))})" * patched)
        text = f"a measurement has {values} values but only {n_train} train the models"
        effect = "more of them would lower the bound"
        few = Finding("few-measurements", "biased", text, effect, remedy, {"values": values, "training": n_train})
    notes += [] if few is None else [few]
    knowing = any(MODELS[name].sees_electrons for name in found.models if name in MODELS)
    if noise.photons and not noise.counts and noise.least_deviation < _LITTLE_READ_NOISE and not knowing:
        notes.append(
            plain_note(
                f"with a read noise of {noise.least_deviation:g} electrons single photons show, which continuous models cannot "
                "use: the bound is loose in little light; add --model known-channel"
            )
        )
    chosen = found.model.split("/")
    if "read_noise" in noise.arrays() and not all(name in MODELS and MODELS[name].sees_electrons for name in chosen):
        notes.append(
            plain_note(
                f"{found.model} knows offset and gain of each pixel, and takes all for equally noisy: the bound is loose where "
                "the read noise differs; known-channel knows it by pixel"
            )
        )
    if not (noise.tells_means or source.has_clean):
        notes.append(
            Finding(
                "means-unidentified",
                "biased",
                f"values of {noise.name} noise with one bit do not tell how the light is spread from pixel to pixel: the noise "
                "entropy holds as far as squares of 2 x 2 pixels see the same light",
                "where the light differs within them the number is too low",
                "give the noiseless means (clean), or add frames of a still scene up to counts of more bits",
            )
        )
    light = None
    if noise.counts and n_train is not None and "negative-binomial" not in found.models and not knowing:
        light = source.inspect()["mean_photon_count"]
    if light is not None and light < _FEW_PHOTONS:
        notes.append(plain_note(f"continuous models are loose at {light:.3g} photons per pixel; add --model negative-binomial"))
    return notes


__all__ = ["Comparison", "Estimate", "ModelResult", "compare", "estimate"]
