"""The density models by name."""

from typing import TYPE_CHECKING

from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.density._contract import Density

# A model is imported when it is asked for: those with networks take JAX. A new one is one file and one line here.
MODELS: Registry["Density"] = Registry(
    "no density model is called",
    "ideal.models",
    "ideal.density._contract:Density",
    {
        "stationary": "ideal.density.gaussian.stationary:StationaryGaussian",
        "full": "ideal.density.gaussian.full:FullGaussian",
        "gaussian-mixture": "ideal.density.gaussian.mixture:GaussianMixture",
        "negative-binomial": "ideal.density.negative_binomial:NegativeBinomial",
        "known-channel": "ideal.density.known_channel:KnownChannel",
        "causal-mixture": "ideal.density.networks.causal_mixture:CausalMixture",
        "pixel-cnn": "ideal.density.networks.pixel_cnn:PixelCNN",
        "blend": "ideal.density.networks.blend:Blend",
    },
)
DEFAULT = ("stationary", "full", "negative-binomial", "known-channel", "causal-mixture")  # what a user waits a minute for
