"""Measurements of objects through a system, in one call."""

import warnings
from pathlib import Path

import numpy as np

from ideal.cameras import Camera
from ideal.datasets import ObjectSet
from ideal.errors import IdealWarning, UsageError
from ideal.health.finding import Finding
from ideal.imaging import ImagingSystem, Params
from ideal.measurements.measurement_set import MeasurementSet, open_measurements
from ideal.noise import NoiseModel
from ideal.progress import Progress, shown
from ideal.simulation import to_file
from ideal.simulation.plan import plan_simulation


def simulate(
    system: ImagingSystem | str,
    objects: ObjectSet | str | Path | np.ndarray,
    *,
    design: str | Params | None = None,
    count: int = 1000,
    photons: float | None = None,
    noise: NoiseModel | str | None = None,
    camera: Camera | str | Path | None = None,
    seed: int = 0,
    noise_seed: int | None = None,
    design_seed: int = 0,
    keep_objects: bool = False,
    path: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | bool | None = None,
) -> MeasurementSet:
    """Simulate measurements of objects through an imaging system, in memory or to a file.

    The same seed gives the same measurements, in memory and in a file. What is odd about the light or the noise is told by
    warnings.

    Args:
        system: what images the objects, or its name.
        objects: a set of objects, its name, own pictures (a folder, an .npy or .h5 file), or an array of pictures, (picture, row,
            column[, channel]), linear light.
        design: parameters of the system, the name of a design, or a design file; None for the first design.
        count: number of objects to image.
        photons: mean photoelectrons of an unfiltered pixel, over the first 256 objects; None for 100, or the system's setting.
        noise: noise of the measurements, or its name with figures, as "gaussian:sigma=2"; None for the system's own.
        camera: `ideal.cameras.Camera` whose noise they get, or the name of its file; its maps where it is of their size.
        seed: seed of the objects, and of their noise.
        noise_seed: seed of the noise alone; None for that of the objects.
        design_seed: seed of a design that is random.
        keep_objects: whether measurements have the objects beside them, for decoders.
        path: file to write, .h5; None for measurements in memory.
        overwrite: whether a file of this name may be replaced.
        progress: a function of a text and of the fraction done, True for a bar, False for silence; None for a bar where somebody
            looks on.

    Raises:
        UsageError: a name is unknown, something has no meaning, or the file exists.
        DataError: the objects cannot be imaged, or measurements do not fit into memory.

    Example:
        >>> import ideal
        >>> camera = ideal.imaging.LensletCamera(scene_shape=(20, 20), psf_shape=(5, 5))
        >>> shots = ideal.simulate(camera, "beads", count=30, photons=50, progress=False)
        >>> shots.shape
        (30, 16, 16)

    """
    plan = plan_simulation(
        system,
        objects,
        design=design,
        count=count,
        photons=photons,
        noise=noise,
        camera=camera,
        seed=seed,
        noise_seed=noise_seed,
        design_seed=design_seed,
        keep_objects=keep_objects,
    )
    if path is not None and Path(path).exists() and not overwrite:
        raise UsageError(f"{path} exists: choose another name, or say overwrite=True")
    with shown(progress) as report:
        if path is None:
            measured, findings = to_file.measure(plan, report)
        else:
            facts = to_file.write(plan, str(path), force=overwrite, say=report)
            measured, findings = open_measurements(path), [Finding.from_record(each) for each in facts["findings"]]
    for finding in findings:
        warnings.warn(finding.line, IdealWarning, stacklevel=2)
    return measured
