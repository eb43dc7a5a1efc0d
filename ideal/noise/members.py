"""The noise models by name, and what a name on the command line, in a file or in Python means."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ideal.errors import UsageError, unknown_name
from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.noise.contract import NoiseModel

# A noise model is imported when it is asked for. A new one is one file and one line here.
NOISE: Registry["NoiseModel"] = Registry(
    "no noise is called",
    "ideal.noise",
    "ideal.noise.contract:NoiseModel",
    {
        "poisson": "ideal.noise.poisson:Poisson",
        "gaussian": "ideal.noise.gaussian:Gaussian",
        "poisson-gaussian": "ideal.noise.poisson_gaussian:PoissonGaussian",
        "complex-gaussian": "ideal.noise.complex_gaussian:ComplexGaussian",
        "speckle": "ideal.noise.speckle:Speckle",
        "camera-maps": "ideal.noise.camera_maps:CameraMaps",
        "emccd": "ideal.noise.emccd:EMCCD",
        "photon-counter": "ideal.noise.photon_counter:PhotonCounter",
        "correlated-gaussian": "ideal.noise.correlated_gaussian:CorrelatedGaussian",
        "complex-correlated-gaussian": "ideal.noise.correlated_gaussian:ComplexCorrelatedGaussian",
    },
)


def parse_noise(text: str) -> tuple[str, dict[str, float]]:
    """Return the name and the figures in a text such as "poisson" or "poisson-gaussian:read_noise=1.6,gain=0.45".

    Raises:
        UsageError: a figure is no number, or is given twice.

    """
    name, _, rest = str(text).partition(":")
    found: dict[str, float] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = (each.strip() for each in part.partition("="))
        number = _number(value)
        if not (key and equals) or number is None:
            raise UsageError(f"`noise` takes NAME or NAME:FIGURE=NUMBER,..., as poisson-gaussian:read_noise=1.6; found {text!r}")
        if key in found:
            raise UsageError(f"`noise={text}`: {key} is given twice")
        found[key.replace("-", "_")] = number
    return name.strip(), found


def named_noise(noise: "str | NoiseModel | type[NoiseModel] | None") -> tuple["type[NoiseModel] | None", dict[str, Any]]:
    """Return the class of a noise that is given by name, as a class or as a model, and the figures that come with it.

    Args:
        noise: as "poisson" or "poisson-gaussian:read_noise=1.6", a model, its class, or None where it is not known.

    Raises:
        UsageError: no noise is called so, or a figure is not one of it.

    """
    if noise is None:
        return None, {}
    if isinstance(noise, type):
        return noise, {}
    if not isinstance(noise, str):
        return type(noise), noise.attributes() | ({"model": noise} if noise.arrays() else {})
    name, figures = parse_noise(noise)
    kind = NOISE.find(name)
    check_figures(kind, figures)
    return kind, figures


def of_numbers(noise: Any, kind: str) -> Any:
    """Return the noise of stored values of a type: a camera with a gain or an offset has a converter where they are integers.

    Args:
        noise: a name, a class, a model or None; only models of cameras that are given without a converter change.
        kind: of the type of the stored values, as of NumPy: "u", "i", "f" or "c".

    """
    if kind not in "iu" or getattr(noise, "quantised", True) or isinstance(noise, type):
        return noise
    return dataclasses.replace(noise, quantised=True) if noise.gain != 1 or noise.offset != 0 else noise


def check_figures(kind: "type[NoiseModel] | None", figures: Mapping[str, Any], opening: str = "") -> None:
    """Refuse figures that a noise does not have, or any where no noise is named; `opening` begins the message.

    Raises:
        UsageError: there is one.

    """
    known = [] if kind is None else [each.name for each in kind.figures]
    for name in figures:
        if kind is None:
            raise UsageError(
                f"{opening}{name} is a figure of {' or '.join(noises_with(name)) or 'no'} noise: name the noise (`noise`)"
            )
        if name not in known:
            raise UsageError(opening + unknown_name(f"{kind.name} noise has no figure", name, known))


def figure_names() -> tuple[str, ...]:
    """Return the names of the figures of all noise models."""
    return tuple(dict.fromkeys(figure.name for kind in NOISE.values() for figure in kind.figures))


def noises_with(figure: str) -> list[str]:
    """Return the names of the noise models that have a figure of this name."""
    return [name for name, kind in NOISE.items() if figure in [each.name for each in kind.figures]]


def noises_of(*, is_complex: bool) -> list[str]:
    """Return the names of the noise models of complex or of real values."""
    return [name for name, kind in NOISE.items() if kind.is_complex == is_complex]


def noise_of_record(name: Any) -> "type[NoiseModel]":
    """Return the class of the noise that a record names; the contract itself, which assumes nothing, where none is called so."""
    from ideal.noise.contract import NoiseModel

    return NOISE.get(name, NoiseModel) if isinstance(name, str) else NoiseModel


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
