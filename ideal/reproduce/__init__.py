"""Published results, made again on our own ground: data, systems, measurements, estimates, decoders, one figure and one table."""

from ideal._registry import find_registered
from ideal.reproduce._contract import Claim, Context, Findings, Job, Plan, Statistic, Study

# name -> (module, class): a new study is one file and one line here
STUDIES: dict[str, tuple[str, str]] = {
    "cfa": ("cfa", "ColorFilterArrays"),
    "radio": ("radio", "Radio"),
    "lensless": ("lensless", "Lensless"),
    "microscopy": ("microscopy", "Microscopy"),
    "ideal": ("trajectory", "Trajectory"),
    "two-point": ("two_point", "TwoPoint"),
    "patch-size": ("patch_size", "PatchSize"),
    "sample-size": ("sample_size", "SampleSize"),
}


def find_study(name: str) -> type[Study]:
    """Return the class of a study.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return find_registered(STUDIES, "ideal.reproduce", "no study is called", name)


__all__ = ["STUDIES", "Claim", "Context", "Findings", "Job", "Plan", "Statistic", "Study", "find_study"]
