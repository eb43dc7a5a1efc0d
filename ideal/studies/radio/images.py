"""Work of the radio study: images from the visibilities of arrays, by several decoders, and how good they are."""

import numpy as np

from ideal.decoders.quality import mean_square_error, peak_signal_to_noise, structural_similarity
from ideal.decoders.radio.decoders import dirty_images, linear_sky_decoder, regularised_likelihood
from ideal.decoders.radio.visibilities import CondensedVisibilities
from ideal.information.scoring import MANY_SOURCES
from ideal.measurements.patches import Fold, split_by_group
from ideal.optimize.objects import Part
from ideal.studies.engine.contract import Context
from ideal.studies.engine.world import kept_score, labels_of
from ideal.studies.radio.work import FLUX, array_of, noise_of, skies_of

_FOLDS = 5


def images(settings: dict, needs: dict[str, dict], context: Context) -> dict:
    """Return the scores of each decoder for each of several arrays, by the names of its sites.

    Priors are the mean of training skies; weights are those of the best mean structural similarity of validation skies, which is
    kept for each decoder.
    """
    skies, found = skies_of(settings), {}
    folds = split_by_group(skies.groups, folds=_FOLDS, seed=settings["seed"])
    folds = folds[:1] if len(np.unique(skies.groups)) >= MANY_SOURCES else folds
    peak = float(np.concatenate([skies.scenes[fold.train].max((1, 2)) for fold in folds]).mean())
    for number, sites in enumerate(settings["arrays"]):
        name = " ".join(sites)
        context.say(name, number / len(settings["arrays"]))
        condensed, _ = array_of(settings, sites)
        values, _ = condensed.measure(skies.scenes, noise_of(settings, name))
        groups, chosen, examples = [], [], []
        scores: dict[str, dict[str, list[np.ndarray]]] = {}
        for fold in folds:
            test = _spread(skies.groups, fold.test, settings["test"] // len(folds))
            decoded, choice = _decoded(settings, condensed, skies, values, fold, test, peak)
            groups.append(skies.groups[test])
            chosen.append(choice)
            truth = skies.scenes[test]
            for decoder, each in decoded.items():
                qualities = {
                    "ssim": structural_similarity(each, truth, peak),
                    "psnr_db": peak_signal_to_noise(each, truth, peak),
                    "mse": mean_square_error(each, truth),
                }
                for quality, score in qualities.items():
                    scores.setdefault(decoder, {}).setdefault(quality, []).append(score)
            at = _first_of(skies, test, settings["shown"])
            pictures = {"truth": truth, **decoded}
            examples.append((at is None, {name: _thumbnail(each[at or 0]) for name, each in pictures.items()}))
        group = np.concatenate(groups)
        found[name] = {
            "scores": {
                decoder: {
                    quality: kept_score(np.concatenate(parts), group, settings["seed"], settings["confidence"])
                    for quality, parts in each.items()
                }
                for decoder, each in scores.items()
            },
            "chosen": chosen,
            "shown": min(examples, key=lambda each: each[0])[1],
        }
    return {"arrays": found, "peak": peak}


def _first_of(skies: Part, test: np.ndarray, source: str) -> int | None:
    """Return the place of the first test sky of a source; of the first at all where no source is named."""
    if not source:
        return 0
    places = np.flatnonzero(np.asarray(skies.classes)[labels_of(skies)[test]] == source)
    return int(places[0]) if len(places) else None


def _spread(groups: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """Return so many of the samples, the first of each source, then the second of each, and so on."""
    order = np.argsort(groups[index], kind="stable")
    _, starts, sizes = np.unique(groups[index][order], return_index=True, return_counts=True)
    turn = np.empty(len(index), np.int64)
    turn[order] = np.arange(len(index)) - np.repeat(starts, sizes)
    return index[np.argsort(turn, kind="stable")[:count]]


def _decoded(
    settings: dict, condensed: CondensedVisibilities, skies: Part, values: np.ndarray, fold: Fold, test: np.ndarray, peak: float
) -> tuple[dict[str, np.ndarray], dict]:
    """Return the test skies of a fold by each decoder, and what validation skies say of each."""
    prior = skies.scenes[fold.train].mean(0)
    validation = _spread(skies.groups, fold.validation, settings["validation"])
    truth = skies.scenes[validation]
    found, choice = {}, {}
    variants = {
        "likelihood": ([(w, p) for w in settings["weights"] for p in settings["priors"]], {"flux": FLUX, "prior": prior}),
        "variation": ([(w, 0.0) for w in settings["weights"]], {}),
    }
    for decoder, (candidates, known) in variants.items():
        repeated = np.repeat(np.array(candidates), len(validation), axis=0)
        many = np.tile(values[validation], (len(candidates), 1))

        def decode(measured, weights, known=known):
            return regularised_likelihood(
                condensed, measured, weights[:, 0], prior_weight=weights[:, 1], iterations=settings["iterations"], **known
            )

        quality = structural_similarity(decode(many, repeated), np.tile(truth, (len(candidates), 1, 1)), peak)
        quality = quality.reshape(len(candidates), -1).mean(1)
        best = candidates[int(quality.argmax())]
        choice[decoder] = {"weight": best[0], "prior_weight": best[1], "validation_ssim": float(quality.max())}
        found[decoder] = decode(values[test], np.tile(best, (len(test), 1)))
    train = _spread(skies.groups, fold.train, settings["train"])
    linear = linear_sky_decoder(condensed, skies.scenes[train])
    seen, dirty = (dirty_images(condensed, values[part]) for part in (validation, test))
    # Jy per beam become Jy per pixel by one factor for the array, which validation skies choose.
    factor = (seen * truth).sum() / max((seen**2).sum(), 1e-300)
    known = {"linear": linear.decode(values[validation]), "dirty": factor * seen}
    choice |= {name: {"validation_ssim": float(structural_similarity(each, truth, peak).mean())} for name, each in known.items()}
    found |= {"linear": linear.decode(values[test]), "dirty": factor * dirty}
    return found, choice


def _thumbnail(sky: np.ndarray) -> list[list[float]]:
    return np.round(np.asarray(sky, np.float64), 5).tolist()
