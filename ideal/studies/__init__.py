"""Published results, made again on our own ground: data, systems, measurements, estimates, decoders, one figure and one table."""

from ideal.registry import Registry
from ideal.studies.engine.contract import Claim, Context, Findings, Job, Plan, Statistic, Study

# A new one is one file and one line here.
STUDIES: Registry[Study] = Registry(
    "no study is called",
    "ideal.studies",
    "ideal.studies.engine.contract:Study",
    {
        "cfa": "ideal.studies.mosaics.study:ColorFilterArrays",
        "radio": "ideal.studies.radio.study:Radio",
        "lensless": "ideal.studies.lensless.study:Lensless",
        "microscopy": "ideal.studies.microscopy.study:Microscopy",
        "ideal": "ideal.studies.trajectory.study:Trajectory",
        "two-point": "ideal.studies.two_points.study:TwoPoint",
        "patch-size": "ideal.studies.estimator.patch_size:PatchSize",
        "sample-size": "ideal.studies.estimator.sample_size:SampleSize",
    },
)


def find_study(name: str) -> type[Study]:
    """Return the class of a study.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return STUDIES.find(name)


__all__ = ["STUDIES", "Claim", "Context", "Findings", "Job", "Plan", "Statistic", "Study", "find_study"]
