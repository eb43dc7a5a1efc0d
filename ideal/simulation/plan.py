"""What is to be simulated: objects through a system with a design and noise, all names resolved."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ideal._arguments import number, whole
from ideal.cameras import Camera, as_camera
from ideal.datasets import ObjectSet, as_object_set
from ideal.datasets import ObjectSource as Source
from ideal.errors import UsageError
from ideal.imaging import ImagingSystem, Params
from ideal.imaging.configuration import as_noise, as_system, find_design
from ideal.noise import NoiseModel
from ideal.progress import Progress, silent
from ideal.simulation import Simulation, check_count, prepare


@dataclass(frozen=True, eq=False)
class SimulationPlan:
    """Objects to image, and how.

    Attributes:
        system: that images them.
        params: its design.
        objects: what it looks at.
        design: name of the design.
        noise: of the measurements; None for the system's own.
        photons: mean photoelectrons of an unfiltered pixel; None for what the system says.
        count: how many objects.
        seed: of the objects.
        noise_seed: of the noise.
        keep_objects: whether measurements have the objects beside them.

    """

    system: ImagingSystem
    params: Params
    objects: ObjectSet
    design: str
    noise: NoiseModel | None = None
    photons: float | None = None
    count: int = 1000
    seed: int = 0
    noise_seed: int = 0
    keep_objects: bool = False

    def prepare(self, report: Progress = silent) -> tuple[Simulation, Source]:
        """Return how objects become measurements, and the objects.

        Raises:
            UsageError: there are too few objects, the light or the noise has no meaning, or measurements are no vectors though
                complex.
            DataError: the objects cannot be imaged.

        """
        source = self.objects.open(self.system.scene, self.seed)
        check_count(source, self.count)
        simulation = prepare(
            self.system, self.params, source, photons=self.photons, noise=self.noise, design=self.design, report=report
        )
        shape = self.system.measurement_shape
        if simulation.noise.is_complex and len(shape) != 1:
            raise UsageError(
                f"{self.system.name}: complex measurements of shape {shape}, files hold vectors (value,) of them: "
                "let the encoder return encoded.ravel()"
            )
        return simulation, source


def plan_simulation(
    system: ImagingSystem | str | Path,
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
) -> SimulationPlan:
    """Resolve what `ideal.simulate` and `ideal.decode` are asked for; their arguments.

    Raises:
        UsageError: a name is unknown, or something has no meaning.

    """
    system, count = as_system(system), whole("`count`", count, 1)
    seed, design_seed = whole("`seed`", seed, 0), whole("`design_seed`", design_seed, 0)
    noise_seed = seed if noise_seed is None else whole("`noise_seed`", noise_seed, 0)
    if photons is not None:
        number("`photons`", photons)
    if design is None or isinstance(design, str | Path):
        params = find_design(system, str(design) if design else None, design_seed)
        name = str(design) if design else next(iter(system.designs))
    else:
        params, name = system.check_params(design), "own"
    if camera is not None and noise is not None:
        raise UsageError("noise and camera are two kinds of noise: give one")
    known = as_noise(noise, system, params) if camera is None else as_camera(camera).noise_for(system.measurement_shape)
    return SimulationPlan(system, params, as_object_set(objects), name, known, photons, count, seed, noise_seed, keep_objects)
