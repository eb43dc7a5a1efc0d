"""The decoders by name."""

from typing import Any

from ideal.decoders._contract import Decoder
from ideal.imaging import ImagingSystem, Params, check_settings
from ideal.registry import Registry

# A decoder is imported when it is asked for. A new one is one file and one line here.
DECODERS: Registry[Decoder] = Registry(
    "no decoder is called",
    "ideal.decoders",
    "ideal.decoders._contract:Decoder",
    {
        "linear": "ideal.decoders.linear:Linear",
        "bilinear": "ideal.decoders.mosaics.demosaicing:Bilinear",
        "malvar": "ideal.decoders.mosaics.demosaicing:Malvar",
        "mosaic-filter": "ideal.decoders.mosaics.demosaicing:LeastSquares",
        "mosaic-network": "ideal.decoders.mosaics.demosaicing:Network",
        "wiener": "ideal.decoders.images.lensless:WienerFilter",
        "cropped-wiener": "ideal.decoders.images.lensless:CroppedWienerFilter",
        "unsupervised-wiener": "ideal.decoders.images.lensless:UnsupervisedWienerFilter",
        "total-variation": "ideal.decoders.images.lensless:TotalVariationFilter",
        "dirty": "ideal.decoders.radio.imaging:Dirty",
        "linear-sky": "ideal.decoders.radio.imaging:LinearSky",
        "regularised-likelihood": "ideal.decoders.radio.imaging:RegularisedLikelihood",
        "image-network": "ideal.decoders.images.scenes:ImageNetworkDecoder",
    },
)


def find_decoder(name: str) -> type[Decoder]:
    """Return the class of a decoder.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return DECODERS.find(name)


def make_decoder(name: str, /, **settings: Any) -> Decoder:
    """Return a decoder with these settings, the others at their defaults.

    Raises:
        UsageError: the decoder or a setting is not known, or a value has no meaning.

    """
    kind = find_decoder(name)
    return kind(**check_settings(kind, settings))


def decoders_for(system: ImagingSystem, params: Params) -> list[str]:
    """Return the names of the decoders that serve a system with this design."""
    return [name for name, kind in DECODERS.items() if not kind.refusal(system, params)]
