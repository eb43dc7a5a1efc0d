"""Work of a sweep: designs that are found, measurements that are simulated and estimated or decoded, and differences.

Results hold no times, so that they are the same to the bit wherever they were made.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ideal.cameras import read_camera
from ideal.datasets import ObjectSet, make_objects
from ideal.datasets.members import DEFAULT_OBJECTS
from ideal.decoders.call import decode
from ideal.decoders.results import Decoding
from ideal.errors import UsageError
from ideal.health import Finding
from ideal.imaging import Params
from ideal.imaging.configuration import SystemInUse, system_in_use
from ideal.information.estimation import DARK_OBJECTS, compare, estimate
from ideal.information.results import LN2, Estimate
from ideal.jobs.contract import Context
from ideal.measurements.measurement_set import MeasurementSet, open_measurements
from ideal.measurements.opening import set_groups
from ideal.noise import NoiseModel
from ideal.optimize.evaluation import measured_by
from ideal.optimize.objects import divide
from ideal.optimize.runs.plans import plan_design
from ideal.optimize.runs.request import read_request
from ideal.optimize.runs.setup import Setup
from ideal.optimize.selection.members import find_members
from ideal.records import finite
from ideal.simulation import SimulationPlan, prepare
from ideal.simulation.to_file import measure
from ideal.studies.engine.world import digest, read_objects

Settings = Mapping[str, Any]


def objects(settings: dict, needs: dict, context: Context) -> dict:
    """Return what tells objects that are read from elsewhere from others."""
    used, seen = system_of(settings, context), objects_of(settings, context)
    return digest(read_objects([seen.name], used.system.scene, settings["count"], settings["seed"], **seen.settings))


def designed(settings: dict, needs: dict, context: Context) -> dict:
    """Return a design that is found for one light, noise and objects: its parameters and how much better it became."""
    used, seen = system_of(settings, context), objects_of(settings, context)
    asked = {"count": settings["count"], "seed": settings["seed"], "against": ["none"]}
    if settings["photons"] is not None:
        asked["photons"] = settings["photons"]
    request = read_request({**settings["optimize"], **asked}, {})
    plan = plan_design(Setup.of(used.system, request, seen, noise_of(used, settings, context)), context.say)
    found = plan.found(checkpoints=context.checkpoints, report=context.say)
    return finite(
        {
            "params": {name: np.asarray(value, np.float64).tolist() for name, value in found.params.items()},
            "gain_of_start": found.gain_of_start,
            "gain": found.gain_of_search,
            "unit": found.unit,
            "elements": elements(used, found.params),
            "findings": [each.to_record() for each in found.findings],
        }
    )


def estimated(settings: dict, needs: dict, context: Context) -> dict:
    """Return what simulated measurements tell of their objects."""
    measured, findings = _simulated(settings, needs, context)
    return _estimate(measured, settings, context, findings)


def estimated_file(settings: dict, needs: dict, context: Context) -> dict:
    """Return what the measurements in a file tell of their objects."""
    known = dict(settings["known"])
    groups = known.pop("groups", None)
    if "camera" in known:
        known["camera"] = context.file(known["camera"])
    with open_measurements(_located(settings["file"], context), **known) as measured:
        set_groups(measured, groups if groups is None or isinstance(groups, int) else context.file(groups))
        return _estimate(measured, settings, context, [])


def decoded(settings: dict, needs: dict, context: Context) -> dict:
    """Return how good a decoder's estimates of scenes are, for the same measurements."""
    if settings["divided"]:
        raise UsageError("decoders are not compared where designs are found: leave out the decoder, or the axis of designs")
    used, seen = system_of(settings, context), objects_of(settings, context)
    found = decode(
        used.system,
        seen,
        settings["decoder"],
        design=used.design if not needs else _params(settings, needs),
        photons=settings["photons"],
        count=settings["count"],
        noise=noise_of(used, settings, context),
        settings=settings["decoder_settings"],
        seed=settings["seed"],
        noise_seed=settings["noise_seed"],
        design_seed=settings["design_seed"],
        folds=settings["folds"],
        effort=settings["effort"],
        confidence=settings["confidence"],
        pictures=0,
        progress=context.say,
    )
    quality = {name: [each.value, *each.interval] for name, each in found.quality.items()}
    units = {name: each.unit for name, each in found.quality.items()}
    warned = [*found.warnings]
    return finite({"quality": quality, "units": units, "warnings": warned, "record": replace(found, seconds=0.0).to_record()})


def difference(settings: dict, needs: dict, context: Context) -> dict:
    """Return how much more one point tells than another, paired by source where both saw the same objects."""
    first, second = (Estimate.from_record(needs[settings[side]]["record"]) for side in ("first", "second"))
    found = compare(first, second, seed=settings["seed"])
    told = {"difference": found.difference_bits_per_pixel, "interval": list(found.interval), "paired": found.paired}
    return finite(told | {"unit": found.unit})


def difference_of_quality(settings: dict, needs: dict, context: Context) -> dict:
    """Return how much better one decoding is than another by each measure, resampled by source; None where scenes differ."""
    first, second = (Decoding.from_record(needs[settings[side]]["record"]) for side in ("first", "second"))
    found: dict[str, list[float] | None] = {}
    for name in first.quality:
        try:
            value, bounds = first.difference(second, name)
            found[name] = [value, *bounds]
        except UsageError:
            found[name] = None
    return finite({"quality": found})


def system_of(settings: Settings, context: Context) -> SystemInUse:
    """Return the system of settings with its design."""
    design = settings["design"]
    own = {name: _located(value, context) for name, value in settings["system_settings"].items()}
    name = _located(settings["system"], context)
    return system_in_use(name, own, None if design is None else _located(design, context), settings["design_seed"])


def objects_of(settings: Settings, context: Context) -> ObjectSet:
    """Return the objects of settings."""
    own = {name: _located(value, context) for name, value in settings["object_settings"].items()}
    return make_objects(_located(settings["objects"], context), **own)


def noise_of(used: SystemInUse, settings: Settings, context: Context) -> NoiseModel | None:
    """Return the noise of settings; None for the system's own."""
    if settings["camera"] is not None:
        return read_camera(_located(settings["camera"], context)).noise_for(used.system.measurement_shape)
    return used.noise(settings["noise"])


def default_objects(used: SystemInUse) -> str:
    """Return the name of the objects that a configuration names, or that suit the system."""
    return str(used.configuration.table("objects").get("name") or DEFAULT_OBJECTS[used.system.scene.kind])


def elements(used: SystemInUse, params: Params) -> int | None:
    """Return how many sites, LEDs or lenslets take part in a design; None for a system that has none."""
    try:
        return len(find_members(used.system, params).used(params))
    except UsageError:
        return None


def _located(value: Any, context: Context) -> Any:
    """Return a setting with the name of a file where this process finds it."""
    if not isinstance(value, str):
        return value
    file, mark, part = value.partition("::")
    return f"{context.file(file)}{mark}{part}"


def _params(settings: Settings, needs: Mapping[str, dict]) -> Params:
    """Return the parameters of a design that another job has found."""
    kept = needs[settings["found"]]["params"]
    return {name: np.asarray(value, np.float32) for name, value in kept.items()}


def _simulated(settings: Settings, needs: Mapping[str, dict], context: Context) -> tuple[MeasurementSet, list[Finding]]:
    used, seen = system_of(settings, context), objects_of(settings, context)
    noise = noise_of(used, settings, context)
    noise_seed = settings["seed"] if settings["noise_seed"] is None else settings["noise_seed"]
    if not settings["divided"]:
        plan = SimulationPlan(
            used.system,
            used.params,
            seen,
            used.design,
            noise,
            settings["photons"],
            settings["count"],
            settings["seed"],
            noise_seed,
        )
        return measure(plan, context.say)
    # As `ideal optimize` measures its designs: with objects of sources that no design has seen.
    params = _params(settings, needs) if settings["found"] else used.params
    division = divide(seen.open(used.system.scene, settings["seed"]), settings["count"], settings["seed"])
    simulation = prepare(used.system, params, division.design, photons=settings["photons"], noise=noise, report=context.say)
    name = settings["label"] if settings["found"] else used.design
    parts = (simulation.system, params, simulation.noise, division.measure, simulation.exposure, noise_seed, name)
    return measured_by(*parts), list(simulation.findings)


def _estimate(measured: MeasurementSet, settings: Settings, context: Context, findings: list[Finding]) -> dict:
    options = dict(settings["estimate"])
    allow = (*DARK_OBJECTS, *options.pop("allow"))
    for name in ("patch", "period"):
        if isinstance(options[name], list):
            options[name] = tuple(options[name])
    found = estimate(
        measured, **options, seed=settings["seed"], allow=allow, checkpoints=context.checkpoints, progress=context.say
    )
    told = [*findings, *found.findings]
    by_model = {
        name: [found.bits_per_pixel(each) for each in (result.values.mean, *result.interval)]
        for name, result in found.models.items()
    }
    kept = replace(found, path="", best=replace(found.best, seconds=0.0), models={}, seconds=0.0, findings=(), fitted={})
    return finite(
        {
            "information": found.information_bits_per_pixel,
            "interval": list(found.interval),
            "unit": found.information.unit,
            "bits_per_measurement": found.best.values.mean / LN2,
            "entropy": found.bits_per_pixel(found.best.values.mean + found.noise_entropy),
            "noise_entropy": found.bits_per_pixel(found.noise_entropy),
            "model": found.model,
            "models": by_model,
            "noise": found.noise,
            "n_train": found.n_train,
            "n_test": found.n_test,
            "sources": found.n_groups,
            "findings": [each.to_record() for each in told],
            "record": kept.to_record(),
        }
    )
