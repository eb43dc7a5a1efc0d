"""Decoders: what can be made of measurements, to see whether information predicts it."""

from ideal.decoders.images.deconvolution import Blurring, CroppedWiener, Deconvolution, TotalVariation, UnsupervisedWiener, Wiener
from ideal.decoders.images.networks import ImageClassifier, ImageRegressor
from ideal.decoders.linear import LinearDecoder
from ideal.decoders.mosaics.demosaic import MosaicFilter, SceneStatistics, demosaic_bilinear, demosaic_malvar
from ideal.decoders.mosaics.network import Example, MosaicNetwork
from ideal.decoders.quality import (
    Score,
    accuracy,
    gaussian_log_likelihood,
    label_log_likelihood,
    mean_square_error,
    peak_signal_to_noise,
    structural_similarity,
)
from ideal.decoders.radio.decoders import dirty_images, linear_sky_decoder, regularised_likelihood
from ideal.decoders.radio.visibilities import CondensedVisibilities

__all__ = [
    "Blurring",
    "CondensedVisibilities",
    "CroppedWiener",
    "Deconvolution",
    "Example",
    "ImageClassifier",
    "ImageRegressor",
    "LinearDecoder",
    "MosaicFilter",
    "MosaicNetwork",
    "SceneStatistics",
    "Score",
    "TotalVariation",
    "UnsupervisedWiener",
    "Wiener",
    "accuracy",
    "demosaic_bilinear",
    "demosaic_malvar",
    "dirty_images",
    "gaussian_log_likelihood",
    "label_log_likelihood",
    "linear_sky_decoder",
    "mean_square_error",
    "peak_signal_to_noise",
    "regularised_likelihood",
    "structural_similarity",
]
