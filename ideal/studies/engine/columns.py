"""What the columns of the studies' tables say, and in which unit."""

from collections.abc import Iterable, Mapping

_BOUNDS = {"_low": "lower end of the interval of", "_high": "upper end of the interval of"}

_INFORMATION = "information of the measurements, an estimate; bit/pixel"
_MODEL = "density model that validation chose"
_PHOTONS = "photoelectrons in an unfiltered pixel, on average"
_ACCURACY = "share of the test objects that the classifier names rightly"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "cfa": {
        "mosaic": "name of the color filter array",
        "photons": _PHOTONS,
        "period": "side of the tile that repeats, pixels",
        "red": "pixels of 64 behind red filters",
        "green": "pixels of 64 behind green filters",
        "blue": "pixels of 64 behind blue filters",
        "white": "pixels of 64 without a filter",
        "information_bits_per_pixel": _INFORMATION,
        "information": "`information_bits_per_pixel`",
        "model": _MODEL,
        "gaussian_total_bits_per_pixel": "information in all, closed form for Gaussian scenes; bit/pixel",
        "gaussian_color_bits_per_pixel": "information about a pixel's color, closed form for Gaussian scenes; bit/pixel",
        "gaussian_mse_bits_per_pixel": "bits by which the mean square error of a pixel's color falls, closed form; bit/pixel",
        "gaussian_chroma_bits_per_pixel": "information about differences of colors, closed form for Gaussian scenes; bit/pixel",
        "network_psnr_db": "PSNR of the network's red, green and blue; dB, mean over pictures",
        "network_psnr": "`network_psnr_db`",
        "network_error": "mean square error of the same, in units of a white pixel's light squared",
        "linear_psnr_db": "PSNR of the linear filter; dB",
        "linear_psnr": "`linear_psnr_db`",
        "linear_error": "its mean square error, as of the network",
        "malvar_psnr_db": "PSNR of Malvar's interpolation, for Bayer alone; dB",
        "malvar_psnr": "`malvar_psnr_db`",
        "malvar_error": "its mean square error, as of the network",
        "bilinear_psnr_db": "PSNR of bilinear interpolation, for Bayer alone; dB",
        "bilinear_psnr": "`bilinear_psnr_db`",
        "bilinear_error": "its mean square error, as of the network",
    },
    "radio": {
        "objects": "skies",
        "array": "sites",
        "with_alma": "whether ALMA is one of them",
        "baselines_that_see_the_source": "pairs of sites that see it at once",
        "widest_gap_gigawavelengths": "widest gap from zero to the longest projected baseline; gigawavelengths",
        "combinations": "independent real combinations of visibilities that the skies fill",
        "information_bits": "information of an observation, an estimate; bit",
        "information": "`information_bits`",
        **{
            f"{key}_{score}": f"{what} of {decoder}"
            for key, decoder in (
                ("likelihood", "regularised maximum likelihood that knows flux and a prior image"),
                ("variation", "maximum likelihood with total variation and positivity alone"),
                ("linear", "the linear decoder of least mean square error"),
                ("dirty", "the dirty image"),
            )
            for score, what in (
                ("ssim", "structural similarity (1 is the truth)"),
                ("psnr_db", "PSNR in dB, peak the mean of the brightest pixels of training skies,"),
                ("mse", "mean square error, (Jy/pixel)^2,"),
            )
        },
        "weight": "weight of total variation that validation chose",
        "prior_weight": "weight of the prior image that validation chose",
    },
    "lensless": {
        "system": "optics before the sensor",
        "photons": _PHOTONS,
        "information_bits_per_pixel": _INFORMATION,
        "information": "`information_bits_per_pixel`",
        "model": _MODEL,
        "psnr_db": "PSNR of the decoder that validation chose; dB, mean over scenes",
        "psnr": "`psnr_db`",
        "ssim": "its structural similarity",
        "decoder": "decoder that validation chose",
        "decoder_setting": "its settings that validation chose",
        "wiener_psnr_db": "PSNR of Wiener's filter; dB",
        "unsupervised_wiener_psnr_db": "PSNR of the unsupervised Wiener filter; dB",
        "cropped_wiener_psnr_db": "PSNR of a Wiener filter that knows the edge of the sensor; dB",
        "total_variation_psnr_db": "PSNR of a linear filter's scenes denoised by total variation; dB",
        "without_captures_psnr_db": "PSNR of the mean grey, without any capture; dB",
        "classified_photons": "photoelectrons in a pixel where digits are told apart, on average",
        "classified_information_bits_per_pixel": "information of the captures of digits; bit/pixel",
        "classified_information": "`classified_information_bits_per_pixel`",
        "accuracy": _ACCURACY,
        "log_likelihood_nats": "mean of ln p(label | capture) by the classifier; nat",
        "log_likelihood": "`log_likelihood_nats`",
    },
    "microscopy": {
        "system": "LEDs that light the cell",
        "photons": "photoelectrons in a pixel of an empty field, all power within the numerical aperture",
        "mean_counts": "photoelectrons that were measured in a pixel, on average",
        "information_bits_per_pixel": _INFORMATION,
        "model": _MODEL,
        "task_information_bits": "information about the class of the cell, a bound from below; bit",
        "label_entropy_bits": "entropy of the classes; bit",
        "posterior": "what that bound was found with, chosen on validation",
        "accuracy": _ACCURACY,
        "label_log_likelihood_nats": "mean of ln p(class | image) by the classifier; nat",
        "volume_square_error_um6": "mean square error of the volume by the regressor; um^6",
        "volume_log_likelihood_gain_nats": "its log-likelihood over that of one Gaussian for all cells; nat",
        "volume_relative_error": "root mean square error over the standard deviation of the volumes",
    },
    "ideal": {
        "design": "what the design is found by",
        "start": "number of the random start",
        "phase": "ascent by gradient, or exchanges of filters in the hard mosaic after it",
        "step": "of the ascent",
        "seconds": "since the pictures were in memory, compilation included; s",
        "cpu_seconds": "processor time of the same; s",
        "information_color_bits_per_pixel": "information about a pixel's color, closed form for Gaussian scenes; bit/pixel",
        "information_total_bits_per_pixel": "information in all, closed form for Gaussian scenes; bit/pixel",
        "psnr_db": "PSNR of the linear filter fitted to this design; dB",
        "psnr": "`psnr_db`",
        "filters_r": "pixels of 64 behind red filters",
        "filters_g": "pixels of 64 behind green filters",
        "filters_b": "pixels of 64 behind blue filters",
        "filters_w": "pixels of 64 without a filter",
        "mosaic": "rows of the tile",
    },
    "two-point": {
        "snr": "signal-to-noise ratio; SNR 1 is the unit that the notes give",
        "na": "numerical aperture",
        "exact_bits": "information of the definition, by quadrature; bit",
        "model": _MODEL,
        "estimate_bits": "information as `ideal estimate` gives it; bit",
        "estimate": "`estimate_bits`",
        "paired_bits": "the same model on fresh lines with the drawn noise taken out; bit",
        "paired": "`paired_bits`",
        "full_gaussian_bits": "information by a single Gaussian; bit",
        "full_gaussian": "`full_gaussian_bits`",
        "label_bits": "information about the label, a bound from below; bit",
        "label": "`label_bits`",
        "fano_bits": "Fano's bound for the same; bit",
        "components": "of the mixture",
        "n_fitted": "lines that it was fitted to",
    },
    "patch-size": {
        "objects": "photographs, or a Gaussian field whose information is known",
        "side": "of the patch; pixels",
        "model": "density model",
        "information_bits_per_pixel": _INFORMATION,
        "information": "`information_bits_per_pixel`",
        "chosen": "whether validation chose this model",
        "truth_bits_per_pixel": "information of the field; bit/pixel",
        "n_train": "patches that the model was fitted to",
        "n_test": "patches that it was scored on",
    },
    "sample-size": {
        "objects": "photographs, or a Gaussian field whose information is known",
        "model": "density model",
        "n_train": "patches that the model was fitted to",
        "information_bits_per_pixel": _INFORMATION,
        "information": "`information_bits_per_pixel`",
        "truth_bits_per_pixel": "information of the field; bit/pixel",
        "excess_bits_per_pixel": "information less the truth, the scatter of the patches taken out; bit/pixel",
        "excess": "`excess_bits_per_pixel`",
        "n_test": "patches that it was scored on",
    },
}


def described(study: str, names: Iterable[str]) -> dict[str, str]:
    """Return what each column of a study's table says; ends of intervals are those of the column they belong to.

    Args:
        study: name.
        names: of columns; those that nothing is known of are left out.

    """
    known, found = COLUMNS.get(study, {}), {}
    for name in names:
        ending = next((each for each in _BOUNDS if name.endswith(each)), "")
        stem = name.removesuffix(ending)
        if stem in known:
            found[name] = f"{_BOUNDS[ending]} {known[stem] if known[stem][0] == '`' else f'`{stem}`'}" if ending else known[stem]
    return found
