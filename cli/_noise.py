"""What `[noise]` in a configuration and the options of the command line mean by noise."""

import math
from collections.abc import Mapping
from typing import Any

from ideal import noise as noise_models
from ideal.errors import UsageError, unknown_name
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.custom.encoder import CallableSystem

_CAMERA = ("read_noise", "gain", "offset")
_KEYS = ("noise", "sigma", *_CAMERA)
_NEEDS = {
    "poisson": (),
    "gaussian": ("sigma",),
    "complex-gaussian": ("sigma",),
    "poisson-gaussian": ("read_noise",),
}
_TAKES = _NEEDS | {"poisson-gaussian": _CAMERA}


def check_table(table: Mapping[str, Any]) -> None:
    """Refuse a table `[noise]` with an unknown key or noise, or a value of no meaning.

    Raises:
        UsageError: there is one.

    """
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(unknown_name("[noise] has no key", key, _KEYS))
        if key == "noise":
            if value not in list(_NEEDS):
                raise UsageError(unknown_name("no noise is called", str(value), _NEEDS))
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (value <= 0 and key != "offset"):
            raise UsageError(f"[noise] {key} takes a {'' if key == 'offset' else 'positive '}number; found {value!r}")
    name = table.get("noise")
    for key in table if name else ():
        if key not in ("noise", *_TAKES[name]):
            raise UsageError(f"[noise] {key} is no figure of {name} noise: leave it out, or name other noise")


def joined(table: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the command line over those of the table `[noise]`, whose figures go where other noise is named."""
    said, named = table.get("noise") or _implied(table), given.get("noise")
    related = named is None or said is None or said == named or {said, named} == {"gaussian", "complex-gaussian"}
    return {**(table if related else {}), **given}


def _implied(table: Mapping[str, Any]) -> str | None:
    if any(key in table for key in _CAMERA):
        return "poisson-gaussian"
    return "gaussian" if "sigma" in table else None


def with_own_noise(system: ImagingSystem, table: Mapping[str, Any]) -> ImagingSystem:
    """Return a complex encoder of the user's with the noise of the table `[noise]`, since it has none of its own."""
    if not (isinstance(system, CallableSystem) and system.complex_valued and "sigma" in table):
        return system
    return system.with_noise(noise_model(system, system.design(), table))


def noise_model(system: ImagingSystem, params: Params, options: Mapping[str, Any]) -> noise_models.NoiseModel | None:
    """Return the noise that options name, or None for the system's own.

    Args:
        system: what measures.
        params: its design.
        options: any of noise, sigma, gain, offset, read_noise.

    Raises:
        UsageError: an option is unknown, missing, or of no use to the noise.

    """
    for name in options:
        if name not in _KEYS:
            raise UsageError(unknown_name("[noise] has no key", name, _KEYS))
    options = dict(options)
    name = options.pop("noise", None)
    if name is None and not options:
        return None
    # A complex encoder of the user's has no noise of its own to be asked for.
    is_complex = isinstance(system, CallableSystem) and system.complex_valued
    own = "complex-gaussian" if is_complex else system.noise(params).name
    name = name or ("poisson-gaussian" if "read_noise" in options else own)
    if name not in _NEEDS:
        raise UsageError(unknown_name("no noise is called", name, _NEEDS))
    if (name == "complex-gaussian") != (own == "complex-gaussian"):
        raise UsageError(
            f"{system.name} measures {_values_of(system) if own == 'complex-gaussian' else 'real values'}: "
            f"noise {name} does not suit, its own is {own}"
        )
    for option in options:
        if option not in _TAKES[name]:
            raise UsageError(
                f"--{option.replace('_', '-')} is no figure of {name} noise: leave it out, or name the noise (--noise)"
            )
    for option in _NEEDS[name]:
        if option not in options:
            raise UsageError(f"{name} noise needs --{option.replace('_', '-')}")
    if name == "poisson":
        return noise_models.Poisson()
    if name == "poisson-gaussian":
        return noise_models.PoissonGaussian(**options, quantised=True)
    return {"gaussian": noise_models.Gaussian, "complex-gaussian": noise_models.ComplexGaussian}[name](options["sigma"])


def _values_of(system: ImagingSystem) -> str:
    return "complex values" if isinstance(system, CallableSystem) else "complex visibilities"
