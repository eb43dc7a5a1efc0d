"""Work of the radio study: what arrays of telescopes measure of skies, and the information in it."""

import zlib

import numpy as np

from ideal.decoders.radio.visibilities import CondensedVisibilities
from ideal.errors import UsageError
from ideal.formats import as_read
from ideal.imaging import check_settings
from ideal.imaging.interferometer.interferometer import Interferometer
from ideal.information.intervals import GroupedValues
from ideal.measurements.measurement_set import from_arrays
from ideal.optimize.objects import Part
from ideal.studies.engine.contract import Context
from ideal.studies.engine.world import digest, estimated, kept_values, read_objects

FLUX = 1.0  # Jy, of every sky


def objects(settings: dict, needs: dict[str, dict], context: Context) -> dict:
    """Return what tells the skies from others."""
    return digest(skies_of(settings))


def left_out(settings: dict, needs: dict[str, dict], context: Context) -> dict:
    """Return notes on skies that are not on this machine, so that they are said before the work."""
    return {"notes": settings["notes"]}


def information(settings: dict, needs: dict[str, dict], context: Context) -> dict:
    """Return the estimate of each of several arrays, in bits per observation, by the names of its sites."""
    skies, found = skies_of(settings), {}
    for number, sites in enumerate(settings["arrays"]):
        name = " ".join(sites)
        context.say(name, number / len(settings["arrays"]))
        condensed, seen = array_of(settings, sites)
        values, clean = condensed.measure(skies.scenes, noise_of(settings, name))
        if len(condensed.seen):
            source = from_arrays(
                values, clean=clean, sigma=1.0, axes=as_read(values.ndim), noise="gaussian", groups=skies.groups, path=name
            )
            estimate = estimated(source, Context(), settings["seed"], models=("full",), confidence=settings["confidence"])
            estimate["information"] *= len(condensed.seen)
            estimate["interval"] = [bound * len(condensed.seen) for bound in estimate["interval"]]
            estimate["by_source"]["sums"] = [each * len(condensed.seen) for each in estimate["by_source"]["sums"]]
        else:
            nothing = kept_values(GroupedValues.of(np.zeros(skies.count), skies.groups))
            estimate = {"information": 0.0, "interval": [0.0, 0.0], "by_source": nothing, "n_train": 0, "warnings": []}
        found[name] = estimate | {"combinations": len(condensed.seen), "baselines": seen}
    return found


def skies_of(settings: dict) -> Part:
    """Return the skies of a job, (sample, row, column), Jy per pixel."""
    scene = observed_by(settings["observation"]).scene
    return read_objects([settings["objects"]], scene, settings["count"], settings["seed"])


def noise_of(settings: dict, name: str) -> np.random.Generator:
    """Return the generator of an array's noise: estimates and decoders draw the same."""
    return np.random.default_rng([settings["seed"], zlib.crc32(name.encode()), 8])


def observed_by(observation: dict) -> Interferometer:
    """Return the interferometer of these settings, with all sites."""
    return Interferometer(**check_settings(Interferometer, observation))


def array_of(settings: dict, sites: list[str]) -> tuple[CondensedVisibilities, int]:
    """Return what an array sees, and how many of its baselines see anything; nothing where no two sites see the source."""
    system = observed_by(settings["observation"])
    try:
        array = system.replace(sites=tuple(sites))
        return CondensedVisibilities.of(array, flux=FLUX), len(set(array.coverage.baselines))
    except UsageError:
        if not set(sites) <= set(system.table.names):
            raise
    return CondensedVisibilities(np.zeros((0, *system.scene.shape)), np.zeros((0, 0), np.complex128), FLUX), 0
