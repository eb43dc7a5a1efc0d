"""Results that a report reads from a file and not from the folder of a run: cameras and decodings."""

from datetime import datetime
from pathlib import Path

from ideal.cameras.files import read_camera
from ideal.decoders.results import FORMAT
from ideal.errors import DataError
from ideal.runs.read import CALIBRATION, DECODING, Run, read_object

_START = b"\x89HDF"


def read_file(file: Path) -> Run:
    """Return the camera that `ideal calibrate` wrote, or the decoding that `ideal decode --json` printed into a file.

    Raises:
        DataError: it is neither, or cannot be read.

    """
    date = datetime.fromtimestamp(file.stat().st_mtime).date().isoformat()
    with open(file, "rb") as stream:
        start = stream.read(len(_START))
    if start == _START:
        return Run(file, CALIBRATION, read_camera(file).to_record(), "finished", date)
    if start.lstrip().startswith(b"{"):
        record = read_object(file, strict=True)
        if record.get("format") == FORMAT:
            return Run(file, DECODING, record, "finished", date)
    raise DataError(
        f"{file} is a file: name the folder of a run (--out of ideal estimate, optimize or reproduce), the camera of ideal "
        "calibrate, or what ideal decode --json printed"
    )
