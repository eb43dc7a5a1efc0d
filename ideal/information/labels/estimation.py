"""The information I(T;Y) that labelled measurements Y carry about their label T, between bounds.

Every number here that is called a bound bounds I(T;Y) = H(T) - H(T|Y) from below, up to sampling error: for any probabilities
q(t|y), E[ln q(t|y)] + H(T) <= I(T;Y) (Barber and Agakov, NIPS 2003). They come from one density q(y|t) by Bayes' rule, from a
network that is trained to name the class, from Gaussian classes of one covariance and of one each, and from an average of these.
Fano's inequality gives another from the error rate of a classifier alone. The ceiling is H(T). The difference of two separately
fitted upper bounds, H(Y) - H(Y|T), is reported too, but bounds nothing.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax
from scipy.stats import beta

from ideal._arguments import whole
from ideal.density import MODELS, Fitting, FullGaussian, find_model
from ideal.errors import UsageError
from ideal.health import Finding, plain_note
from ideal.health.clipping import without_noise
from ideal.health.coverage import interval_findings
from ideal.information.budget import Budget, check_request
from ideal.information.floors import floor_of, on_floor
from ideal.information.folds import KeptFolds
from ideal.information.intervals import GroupedValues, interval
from ideal.information.labels.classes import check_classes, read_labels, stratified_folds
from ideal.information.labels.classifier import Classifier, Posterior
from ideal.information.labels.discriminant import Discriminants, Pool
from ideal.information.labels.results import DENSITY, GAUSSIAN, LINEAR, NETWORK, POOL, PosteriorResult, TaskInformation
from ideal.information.results import LN2
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
    sensor_of,
    with_limits,
)
from ideal.measurements.patches import Fold
from ideal.noise import Gaussian
from ideal.progress import Progress, shown


def task_information(
    source,
    *,
    patch: int | tuple[int, int] | None = 16,
    period: int | tuple[int, int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    max_patches: int = 20_000,
    effort: float = 1.0,
    time_limit: float | None = None,
    allow: Collection[str] = (),
    checkpoints: Path | None = None,
    progress: Progress | bool | None = None,
    model: str = "causal-mixture",
) -> TaskInformation:
    """Bound the information that labelled measurements carry about their label.

    Args:
        source: `ideal.measurements.MeasurementSet` with labels: whole numbers or names, one for each measurement. Its noise need
            not be known.
        patch: side of the square patches, or (row, column); None for whole images. Smaller images are used whole. A patch has the
            label of its image, and the information is then that of a patch.
        period: of a sensor's mosaic in pixels; None for what the file says, 1 for none.
        confidence: of the intervals, between 0 and 1.
        seed: of the choice of patches, the split, the fits and the bootstrap.
        max_patches: largest number of patches used in all.
        effort: work of what is trained, in units of the default.
        time_limit: seconds for what is trained; where it is reached the numbers depend on the machine's speed.
        allow: names of findings of severity "void" with which to go on all the same, as "clipped".
        checkpoints: folder that keeps finished folds and the state of training.
        progress: called with a line of text, and with the fraction done of a model in training or None. False for silence, True
            for a bar, None for a bar in a notebook or on a terminal.
        model: density of images by class: "causal-mixture" or another that is conditional, or "full", a Gaussian for each class,
            which vectors and visibilities always get.

    Returns:
        Lower bounds on I(T;Y) and its ceiling H(T).

    Raises:
        DataError: there is one class only, a class has too few sources, or the measurements are constant.
        UsageError: there are no labels, or an argument has no meaning.

    """
    with shown(progress) as say:
        return _task_information(
            source,
            patch=patch,
            period=period,
            confidence=confidence,
            seed=seed,
            max_patches=max_patches,
            effort=effort,
            time_limit=time_limit,
            allow=allow,
            checkpoints=checkpoints,
            model=model,
            say=say,
        )


def _task_information(
    source, *, patch, period, confidence, seed, max_patches, effort, time_limit, allow, checkpoints, model, say
) -> TaskInformation:
    started = time.perf_counter()
    check_request(confidence, effort, time_limit)
    seed, max_patches = whole("`seed`", seed, 0), whole("`max_patches`", max_patches, 1)
    names, index = read_labels(source)
    size = patch_size(source, source.shape[1:3] if patch is None else patch)
    kind = _density(model, source)
    usable = check_values(source, (*allow, "clipped"))
    findings = without_noise(usable.findings)
    check_classes(source.path, names, index[usable.samples], usable.groups[usable.samples])
    mosaic = mosaic_period(source, size, period)
    patches, notes = choose_patches(source, usable, None, size, max_patches, seed, mosaic)
    shape = patches.shape[1:]
    check_size(source, shape)
    labels = index[patches.positions[:, 0]]
    check_classes(source.path, names, labels, usable.groups[patches.positions[:, 0]])
    findings += notes
    unit = "measurement" if size is None else "image" if size == tuple(source.shape[1:3]) else "patch"
    if size is not None and unit == "patch":
        findings.append(
            plain_note(
                f"images of {source.shape[1]}x{source.shape[2]} pixels are cut into patches of {size[0]}x{size[1]}, each with "
                "its image's label: the information is that of a patch, less than an image's"
            )
        )
    noise = with_limits(_noise(source), source, findings)
    if noise.by_place:
        bad = "; bad pixels show the mean of those around them" * (noise.keep is not None)
        findings.append(
            plain_note(
                f"of the camera's maps the information about labels uses offset and gain{bad}: it takes all pixels for equally "
                "noisy, and stays a bound from below, which may be looser"
            )
        )
    folds = stratified_folds(source.path, names, labels, patches.groups, seed)
    folds = folds[:1] if len(np.unique(patches.groups)) >= MANY_SOURCES else folds
    trained = 1 + 2 * kind.trained
    budget = Budget(effort / len(folds), time_limit, len(folds) * trained, checkpoints)
    facts = (
        kind.name,
        noise.describe(),
        source.shape,
        size,
        mosaic,
        seed,
        max_patches,
        effort,
        time_limit,
        list(map(str, names)),
    )
    kept = KeptFolds(checkpoints, facts, _contents(patches, folds, labels))
    sensor = sensor_of(noise if source.noise_kind else None, mosaic, patches)
    scores = []
    for number, fold in enumerate(folds):
        label = f"{source.path}, fold {number + 1} of {len(folds)}" if len(folds) > 1 else source.path
        if (before := kept.read(number)) is not None:
            budget.skip(trained)
            scores.append(_Score.from_state(before[0]))
            continue
        task = _Task(patches, labels, len(names), noise, sensor, kind, budget, [seed, 5, number], number, label, say)
        scores.append(task.score(fold))
        kept.write(number, vars(scores[-1]), {})
    frequencies = np.bincount(labels, minlength=len(names)) / len(labels)
    summary = _Summary(scores, -np.log(frequencies), len(names), confidence, seed)
    scored = len(np.unique(summary.groups))
    by_loss, by_error = [score.best_by_loss for score in scores], [score.best_by_error for score in scores]
    chosen, classifier = summary.posterior(by_loss), summary.posterior(by_error)
    assert chosen.values is not None  # only a result that was read from a record may lack them
    findings += interval_findings(chosen.values, many=True)
    if classifier.fano > chosen.information:
        findings.append(
            plain_note(
                f"Fano's bound, {classifier.fano:.3f} bits, lies above that of the probabilities, {chosen.information:.3f}: both "
                "are lower bounds with sampling errors, more scored or validation sources bring them in order"
            )
        )
    if chosen.information < 0:
        findings.append(
            Finding(
                "information-negative",
                "note",
                f"the lower bound is {chosen.information:.3f} bits, below 0: on sources that they were not fitted to the models "
                "tell labels no better than their frequencies do",
                "it says nothing, as information is never below 0",
                "measure more sources of each label",
                {"bits": float(chosen.information)},
            )
        )
    return TaskInformation(
        path=source.path,
        unit=unit,
        classes=tuple(map(str, names)),
        counts=tuple(np.bincount(labels, minlength=len(names)).tolist()),
        label_entropy=summary.label_entropy,
        chosen="/".join(dict.fromkeys(by_loss)),
        bits=chosen.information,
        interval=chosen.interval,
        classifier="/".join(dict.fromkeys(by_error)),
        error_rate=classifier.error_rate,
        error_interval=classifier.error_interval,
        fano=classifier.fano,
        fano_conservative=classifier.fano_conservative,
        posteriors={name: summary.posterior([name] * len(scores)) for name in scores[0].choice},
        uncalibrated=summary.information(np.concatenate([score.uncalibrated for score in scores])),
        model=kind.name,
        entropy_bound=summary.mean_bits("entropy"),
        conditional_entropy_bound=summary.mean_bits("conditional_entropy"),
        difference=summary.value(np.concatenate([score.entropy - score.conditional_entropy for score in scores])),
        patch=shape[:2] if len(shape) > 1 else shape,
        n_train=round(np.mean([len(fold.train) for fold in folds])),
        n_validation=round(np.mean([len(fold.validation) for fold in folds])),
        n_test=len(summary.groups),
        n_groups=scored,
        n_folds=len(folds),
        confidence=confidence,
        findings=tuple(findings),
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Score:
    """One fold. Nats per scored measurement, (sample,): ln q(t|y) and whether the decision is wrong, by source of probabilities.

    `choice` holds the cross-entropy and the error rate on validation, by which one of them is chosen, `calibration` exponent and
    floor of each.
    """

    labels: np.ndarray
    groups: np.ndarray
    log_posterior: dict[str, np.ndarray]
    wrong: dict[str, np.ndarray]
    choice: dict[str, tuple[float, float]]
    calibration: dict[str, tuple[float, float]]
    uncalibrated: np.ndarray
    entropy: np.ndarray
    conditional_entropy: np.ndarray

    @classmethod
    def from_state(cls, state: dict) -> "_Score":
        """Rebuild the score of a fold from its attributes as arrays in tables."""
        pairs = {
            each: {name: tuple(map(float, pair)) for name, pair in state[each].items()} for each in ("choice", "calibration")
        }
        return cls(**state | pairs)

    @property
    def best_by_loss(self) -> str:
        """The source of probabilities with the least cross-entropy on validation."""
        return min(self.choice, key=lambda name: self.choice[name][0])

    @property
    def best_by_error(self) -> str:
        """The one with the least error rate on validation; of equals the one with the least cross-entropy."""
        return min(self.choice, key=lambda name: self.choice[name][::-1])


def _contents(patches, folds, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Give all that the scores of folds depend on: which patches are in which part, their labels and values."""
    for fold in folds:
        yield from (fold.train, fold.validation, fold.test)
    yield from (patches.groups, labels)
    yield from patches.batches()


@dataclass(frozen=True)
class _Task:
    """What all that is fitted to one fold has in common."""

    patches: Any
    labels: np.ndarray
    classes: int
    noise: Any
    sensor: Any
    kind: Any
    budget: Budget
    key: list[int]
    fold: int
    label: str
    say: Callable

    def score(self, fold: Fold) -> _Score:
        """Fit on the training part, calibrate and choose on the validation part, score the test part once."""
        parts = [
            Prepared(self.patches.take(part), self.noise, False, (*self.key, number))
            for number, part in enumerate((fold.train, fold.validation, fold.test))
        ]
        _, held_out, tested = labels = [self.labels[part] for part in (fold.train, fold.validation, fold.test)]
        log_prior = np.log(np.bincount(np.concatenate(labels[:2]), minlength=self.classes) / len(np.concatenate(labels[:2])))
        raw = parts[0].held(), parts[1].array(), parts[2].array()
        ready = raw
        if not self.kind.discrete and self.noise.quantum > 0:
            continuous = [part.dequantised() for part in parts]
            ready = continuous[0].held(), continuous[1].array(), continuous[2].array()
        floor = floor_of(self.patches.source, self.noise, parts[0])
        by_class = self._fit("density-by-class", *ready[:2], labels=labels[:2]).with_floor(floor)
        plain = on_floor(self._fit("density", *ready[:2]), floor, self.noise, self.key)
        network = self._fit_network(*raw[:2], labels[:2])
        # The class is in both: what the density says on top of p(t), and the logits less ln p(t).
        scores = {
            DENSITY: tuple(in_blocks(by_class.floored_by_class, part) for part in ready[1:]),
            NETWORK: tuple(network.logits(part) - log_prior for part in raw[1:]),
        }
        self.say(f"{self.label}: Gaussian classes on {raw[0].shape[0]} patches", None)
        gaussians = Discriminants.fit(*raw[:2], labels[:2], self.classes, self.sensor)
        if gaussians is not None:
            scores[LINEAR] = tuple(in_blocks(gaussians.linear, part) for part in raw[1:])
        if gaussians is not None and gaussians.by_class is not None:
            scores[GAUSSIAN] = tuple(in_blocks(gaussians.quadratic, part) for part in raw[1:])
        calibration = {name: Posterior.fit(to_choose, held_out, log_prior) for name, (to_choose, _) in scores.items()}
        chosen, found = ([calibration[name].log_prob(each[part]) for name, each in scores.items()] for part in (0, 1))
        pool = Pool.fit(list(calibration.values()), chosen, held_out)
        told = dict(zip(scores, zip(chosen, found, strict=True), strict=True))
        told[POOL] = pool.log_prob(chosen), pool.log_prob(found)
        calibrated: dict[str, Posterior | Pool] = {**calibration, POOL: pool}
        # Weights that were fitted to what they are judged by count for what they gain there at random.
        charge = {POOL: (len(scores) - 1) / max(len(held_out), 1)}
        rows = np.arange(len(tested))
        log_posterior, wrong, choice = {}, {}, {}
        for name, (to_choose, to_score) in told.items():
            loss = -to_choose[np.arange(len(held_out)), held_out].mean() + charge.get(name, 0.0)
            choice[name] = loss, (to_choose.argmax(1) != held_out).mean()
            log_posterior[name], wrong[name] = to_score[rows, tested], to_score.argmax(1) != tested
        density = scores[DENSITY][1]
        return _Score(
            tested,
            parts[2].patches.groups,
            log_posterior,
            wrong,
            choice,
            {name: (each.exponent, each.floor) for name, each in calibrated.items()},
            log_softmax(log_prior + density, axis=1)[rows, tested],
            -in_blocks(plain.floored_log_prob, ready[2]),
            -density[rows, tested],
        )

    def _fitting(self, name: str) -> Fitting:
        return self.budget.fitting(f"task-{name}", self.fold, lambda at: self.say(f"{self.label}: {name}", at.fraction))

    def _fit(self, name: str, train, validation, **labels):
        """Return the density fitted, by class if labels are given."""
        self.say(f"{self.label}: {name} on {train.shape[0]} patches", None)
        kind = _GaussianByClass if labels and self.kind is FullGaussian else self.kind
        fitting = self._fitting(name) if kind.trained else Fitting()
        return kind.fit(np.random.SeedSequence(self.key), train, validation, sensor=self.sensor, fitting=fitting, **labels)

    def _fit_network(self, train, validation, labels) -> Classifier:
        self.say(f"{self.label}: classifier on {train.shape[0]} patches", None)
        key = np.random.SeedSequence([*self.key, 1])
        return Classifier.fit(key, train, validation, labels, self.classes, self.sensor, self._fitting("classifier"))


class _Summary:
    """Turns nats per scored measurement, fold after fold, into bits with intervals."""

    def __init__(self, scores: list[_Score], surprise: np.ndarray, classes: int, confidence: float, seed: int):
        self._scores, self._classes, self._confidence, self._seed = scores, classes, confidence, seed
        self.groups = np.concatenate([score.groups for score in scores])
        self._surprise = surprise[np.concatenate([score.labels for score in scores])]
        self.label_entropy = float(self._surprise.mean() / LN2)

    def mean_bits(self, name: str) -> float:
        """Return the average of an attribute of the scores."""
        return float(np.concatenate([getattr(score, name) for score in self._scores]).mean() / LN2)

    def value(self, nats: np.ndarray) -> tuple[float, tuple[float, float]]:
        """Return average and interval."""
        values = GroupedValues.of(nats / LN2, self.groups)
        return values.mean, interval(values, self._confidence, np.random.default_rng([self._seed, 3]))

    def information(self, log_posterior: np.ndarray) -> tuple[float, tuple[float, float]]:
        """Return the Barber-Agakov bound and its interval, which ends at H(T)."""
        mean, (low, high) = self.value(self._surprise + log_posterior)
        return mean, (low, min(high, self.label_entropy))

    def posterior(self, by_fold: list[str]) -> PosteriorResult:
        """Put together what the folds say, each by the probabilities named for it."""
        pairs = list(zip(by_fold, self._scores, strict=True))
        log_posterior = np.concatenate([score.log_posterior[name] for name, score in pairs])
        value, bounds = self.information(log_posterior)
        wrong = GroupedValues.of(np.concatenate([score.wrong[name] for name, score in pairs]).astype(float), self.groups)
        limits = _rate_interval(wrong, self._confidence)
        fano, conservative = (_fano(self.label_entropy, rate, self._classes) for rate in (wrong.mean, limits[1]))
        used = [score.calibration[name] for name, score in pairs]
        exponent, floor = (float(np.mean([each[place] for each in used])) for place in (0, 1))
        values = GroupedValues.of((self._surprise + log_posterior) / LN2, self.groups)
        return PosteriorResult(value, bounds, wrong.mean, limits, fano, conservative, exponent, floor, values)


class _GaussianByClass:
    """A Gaussian for each class, shrunk as `FullGaussian`."""

    discrete = trained = False

    def __init__(self, models: list[FullGaussian]):
        self._models = models

    @classmethod
    def fit(cls, key, train, validation, *, sensor, fitting, labels) -> "_GaussianByClass":
        train = train if isinstance(train, np.ndarray) else train.array()
        parts = [(train[labels[0] == each], validation[labels[1] == each]) for each in range(labels[0].max() + 1)]
        return cls([FullGaussian.fit(key, *part, sensor=sensor) for part in parts])

    def with_floor(self, floor) -> "_GaussianByClass":
        return _GaussianByClass([model.with_floor(floor) for model in self._models])

    def floored_by_class(self, measurements) -> np.ndarray:
        return np.stack([model.floored_log_prob(measurements) for model in self._models], axis=1)


def _fano(label_entropy: float, error_rate: float, classes: int) -> float:
    """Return Fano's lower bound on I(T;Y), bits: H(T) - h(Pe) - Pe log2(K - 1); 0 where it says nothing."""
    rate = min(error_rate, 1 - 1 / classes)
    uncertain = 0.0 if rate == 0 else -rate * np.log2(rate) - (1 - rate) * np.log2(1 - rate) + rate * np.log2(classes - 1)
    return max(0.0, float(label_entropy - uncertain))


def _rate_interval(wrong: GroupedValues, confidence: float) -> tuple[float, float]:
    """Return the interval of a proportion: Clopper and Pearson's with as many trials as the groups are worth.

    After Korn and Graubard (Survey Methodology 24, 1998). Without a single error, or nothing but errors, the spread between
    groups is not known and each group counts as one trial.
    """
    rate, groups, total = wrong.mean, len(wrong.groups), wrong.counts.sum()
    trials = float(groups)
    if 0 < rate < 1 and groups > 1:
        residual = wrong.sums - rate * wrong.counts
        variance = (residual**2).sum() / total**2 * groups / (groups - 1)
        trials = float(min(total, rate * (1 - rate) / variance)) if variance > 0 else float(total)
    tail, hits = (1 - confidence) / 2, rate * trials
    low = 0.0 if rate == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if rate == 1 else float(beta.ppf(1 - tail, hits + 1, trials - hits))
    return low, high


def _density(model: str, source):
    """Return the density to fit by class."""
    kind = find_model(model)
    if not (kind.conditional or kind is FullGaussian):
        names = [name for name, each in MODELS.items() if each.conditional or each is FullGaussian]
        raise UsageError(f"the model {model} cannot be fitted by class; name one of {', '.join(names)}")
    return FullGaussian if len(source.shape) == 2 else kind


def _noise(source):
    """Return the noise model; where nobody has named one, one that says nothing of the values."""
    return Gaussian(1.0) if source.noise_kind is None else known_noise(source)


__all__ = ["PosteriorResult", "TaskInformation", "task_information"]
