"""The estimates that the folder of a run keeps."""

from ideal.errors import DataError
from ideal.information.results import Estimate
from ideal.runs.read import Run, inside, read_object


def estimates_of(run: Run) -> dict[int, Estimate]:
    """Return the estimates of a run, by their place in it.

    Args:
        run: of `ideal estimate`, in a folder or made in Python.

    Raises:
        DataError: one cannot be read.

    """
    if run.path is None:
        return dict(run.results)
    found = {}
    for file in run.path.glob("result-*.json"):
        place = file.stem.removeprefix("result-")
        if not place.isdigit() or inside(run.path, file.name) is None:
            continue
        try:
            state = read_object(file)
            state.pop("run", None)  # whose it is: see `ideal.runs.folder`
            found[int(place)] = Estimate.from_record(state)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{file} is of another version ({error!r}): repeat the command of the run") from error
    return dict(sorted(found.items()))
