"""What a run that designs and one that chooses both begin with: objects in parts, and the folder of the run."""

import hashlib
from pathlib import Path

import numpy as np

from ideal._files import write_whole
from ideal.cli._design_request import Request
from ideal.cli._design_setup import Setup
from ideal.cli._toml import to_toml
from ideal.imaging import ImagingSystem
from ideal.optimize.objects import Division, divide
from ideal.runs.folder import RunFolder
from ideal.runs.keeping import Keeping
from ideal.simulation import ObjectSource

_OBJECTS = {"radiance": "photographs", "transmission": "phase-cells", "sky": "black-hole-rings", "any": "photographs"}
_SCENE_VALUES, _COUNTS = 2**25, (1000, 6000)  # of the objects that are held in memory, unless the user says how many


def default_objects(system: ImagingSystem) -> str:
    """Return the name of the objects that suit a system."""
    return _OBJECTS[system.scene.kind]


def read_parts(source: ObjectSource, system: ImagingSystem, request: Request) -> Division:
    """Return the objects of a run in their parts, as many as asked for or as are held in memory well.

    Raises:
        UsageError: there are fewer than asked for.
        DataError: there are too few to divide.

    """
    count = request.count or int(np.clip(_SCENE_VALUES // np.prod(system.scene.shape), *_COUNTS))
    if request.count is None and source.count is not None:
        count = min(count, source.count)
    return divide(source, count, request.seed)


def warnings_of(division: Division, objects: str) -> list[str]:
    """Return what has to be said of the sources of a run's objects."""
    if division.apart:
        return []
    return [
        f"{objects}: fewer than ten sources, so that the figures are of other parts of the same ones: "
        "the design may suit these alone; take objects of more sources (ideal data list)"
    ]


def open_folder(
    setup: Setup, request: Request, division: Division, exposure: float, out: str | None, force: bool, keeping: Keeping
) -> RunFolder | None:
    """Return the folder of a run, with its whole configuration in it; None where none is named, or the disk is full.

    Raises:
        UsageError: it holds another run, or cannot be written.

    """
    if out is None:
        return None
    configuration = {
        **setup.tables(request),
        "objects": {"name": request.objects, **setup.object_settings},
        "n_objects": [getattr(division, part).count for part in ("design", "choose", "measure")],
        "exposure": exposure,
    }
    contents = {"objects": _digest_of(division)}
    folder = RunFolder.open(out, configuration, keeping, inputs=map(str, setup.sources), contents=contents, force=force)
    if folder is None:  # the disk is full
        return None
    again = f"ideal optimize --config {Path(out) / 'run.toml'} --out ANOTHER does the same again"
    with keeping.attempt(folder.path / "run.toml", "the configuration"):
        setup.copy_sources(folder.path)
        write_whole(folder.path / "run.toml", to_toml(setup.tables(request), again))
    return folder


def _digest_of(division: Division) -> str:
    """Return a digest of all objects, which data sets and folders of pictures may change under the same name."""
    digest = hashlib.sha256()
    for part in (division.design, division.choose, division.measure):
        for array in (part.scenes, part.groups, *(() if part.labels is None else (part.labels,))):
            digest.update(f"{array.shape} {array.dtype}".encode())
            numbers = array.dtype.kind in "iufbc"
            digest.update(np.ascontiguousarray(array).view(np.uint8) if numbers else repr(array.tolist()).encode())
    return f"sha256:{digest.hexdigest()}"
