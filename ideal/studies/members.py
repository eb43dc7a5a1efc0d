"""The studies by name."""

from typing import TYPE_CHECKING

from ideal.registry import Registry

if TYPE_CHECKING:
    from ideal.studies.engine.contract import Study

# A new one is one file and one line here.
STUDIES: Registry["Study"] = Registry(
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


def find_study(name: str) -> "type[Study]":
    """Return the class of a study.

    Raises:
        UsageError: there is none of this name; the message suggests the nearest.

    """
    return STUDIES.find(name)
