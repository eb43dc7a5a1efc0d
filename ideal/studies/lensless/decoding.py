"""Decoders of the study of lensless cameras: deconvolutions, and a classifier of raw captures."""

from typing import Any

import numpy as np
from scipy.fft import irfft2, rfft2

from ideal.decoders.images.deconvolution import Blurring, Deconvolution, deconvolutions
from ideal.decoders.images.networks import ImageClassifier
from ideal.decoders.quality import accuracy, label_log_likelihood, peak_signal_to_noise, structural_similarity
from ideal.noise import Poisson
from ideal.studies.engine import world
from ideal.studies.engine.contract import Context
from ideal.studies.lensless import work

_PEAK = 1.0  # of a scene where the picture is white; see `ideal.datasets`


def decoded(settings: dict, needs: dict, context: Context) -> dict:
    """Return the scores of all deconvolutions on test scenes, each as it did best on validation scenes, and which did."""
    _, part = work.needed_objects(settings, needs)
    measured, light = work.captures_by(settings, needs, part)
    fold = world.division(part.groups, settings["seed"])
    captures = measured.read(0, part.count)
    psf = np.asarray(work.params_of(settings, needs)["psf"])
    blurring = Blurring.of(psf, part.scenes[fold.train] * light, float(captures[fold.train].mean()))
    seen = (slice(None), *blurring.fully_seen)
    few = fold.validation[: settings["validated"]]

    def score(decoder: Deconvolution, index: np.ndarray) -> np.ndarray:
        return decoder.decode(captures[index]) / light

    found: dict[str, dict[str, Any]] = {}
    for kind, candidates in deconvolutions(blurring, settings["balances"], settings["weights"], settings["seed"]).items():
        context.say(kind)
        quality = {
            name: float(peak_signal_to_noise(score(decoder, few), part.scenes[few][seen], _PEAK).mean())
            for name, decoder in candidates.items()
        }
        best = max(quality, key=quality.__getitem__)
        image, truth, groups = score(candidates[best], fold.test), part.scenes[fold.test][seen], part.groups[fold.test]
        options = {"seed": settings["seed"], "confidence": settings["confidence"]}
        found[kind] = {
            "setting": best,
            "validation_psnr_db": quality[best],
            "psnr_db": world.kept_score(peak_signal_to_noise(image, truth, _PEAK), groups, **options),
            "ssim": world.kept_score(structural_similarity(image, truth, _PEAK), groups, **options),
        }
    blind = np.full_like(part.scenes[fold.test][seen], blurring.mean / light)
    without = peak_signal_to_noise(blind, part.scenes[fold.test][seen], _PEAK)
    best = max(found, key=lambda kind: found[kind]["validation_psnr_db"])
    return {"decoders": found, "best": best, "without_captures_psnr_db": float(without.mean()), "test": len(fold.test)}


def uncropped(settings: dict, needs: dict, context: Context) -> dict:
    """Return what Wiener's filter would achieve on a sensor that catches all light of scenes that repeat, dB by design and light.

    There it is the linear filter of least error for stationary scenes: what is lost against it is lost by the sensor's edge.
    """
    _, part = work.needed_objects(settings, needs)
    fold, shape = world.division(part.groups, settings["seed"]), part.scenes.shape[1:]
    test, seen = (
        part.scenes[fold.test],
        (slice(None), *(slice(n - 1, m - n + 1) for n, m in zip(settings["psf"], shape, strict=True))),
    )
    found: dict = {}
    for number, name in enumerate(settings["designs"]):
        psf = np.asarray(work.params_of(settings | {"design": name}, needs)["psf"], np.float64)
        transfer = rfft2(psf, s=shape)
        for photons in settings["lights"]:
            light = world.exposure_for(work.camera(settings), part.scenes, photons)
            blurring = Blurring.of(psf, part.scenes[fold.train] * light, photons)
            mean = np.maximum(irfft2(transfer * rfft2(test * light), s=shape), 0)
            counts = np.random.default_rng([settings["seed"], 34, number, round(photons)]).poisson(mean)
            gain = np.conj(transfer) * blurring.spectrum / (np.abs(transfer) ** 2 * blurring.spectrum + photons)
            image = np.maximum(blurring.mean + irfft2(gain * rfft2(counts - blurring.mean), s=shape), 0)
            quality = peak_signal_to_noise(image[seen] / light, test[seen], _PEAK)
            found.setdefault(name, {})[f"{photons:g}"] = float(quality.mean())
    return found


def classified(settings: dict, needs: dict, context: Context) -> dict:
    """Return how often a network that sees raw captures names the class of the picture in the middle, for test captures."""
    found = work.captures_of(settings, needs)
    if found is None:
        return {"accuracy": None}
    measured, part, _ = found
    fold, captures = world.division(part.groups, settings["seed"]), measured.read(0, part.count)
    place, labels = world.job_folder(context, "network"), world.labels_of(part)
    network = ImageClassifier.fit(
        np.random.default_rng([settings["seed"], 33]),
        captures[fold.train],
        labels[fold.train],
        captures[fold.validation],
        labels[fold.validation],
        noise=Poisson(),
        effort=settings["effort"],
        progress=context.say,
        checkpoint=place and place / "state.npz",
    )
    logs, labels, groups = network.log_probabilities(captures[fold.test]), labels[fold.test], part.groups[fold.test]
    options = {"seed": settings["seed"], "confidence": settings["confidence"]}
    return {
        "accuracy": world.kept_score(accuracy(logs, labels), groups, **options),
        "log_likelihood": world.kept_score(label_log_likelihood(logs, labels), groups, **options),
        "commonest": float(np.bincount(labels).max() / len(labels)),
        "test": len(labels),
    }
