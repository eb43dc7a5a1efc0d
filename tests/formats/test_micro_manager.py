"""Sets of TIFF files of Micro-Manager, in the layout that its documentation describes."""

import json
import struct

import numpy as np
import pytest

from ideal.errors import DataError
from ideal.measurements.measurement_set import open_measurements

STACK = np.random.default_rng(0).integers(0, 9999, (2, 3, 4, 6, 5)).astype(np.uint16)  # position, time, plane
SUMMARY = {
    **{"MicroManagerVersion": "2.0", "Prefix": "run_1", "Frames": 3, "Slices": 4, "Positions": 2, "Channels": 1},
    **{"TimeFirst": True, "SlicesFirst": True},
}


def write(path, planes, places, summary=SUMMARY):
    """Write planes of uint16 at their places (channel, slice, frame, position)."""
    text = json.dumps(summary).encode()
    text += b" " * (-(40 + len(text)) % 4)
    start, body, rows = 40 + len(text), b"", []
    for number, (plane, place) in enumerate(zip(planes, places, strict=True)):
        at, (height, width), about = start + len(body), plane.shape, b"{}\0\0"
        data = plane.astype("<u2").tobytes()
        after = at + 162 + len(data)
        tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, at + 162)]
        tags += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(data)), (282, 5, 1, after), (283, 5, 1, after)]
        tags += [(296, 3, 1, 1), (51123, 2, len(about), after + 8)]
        following = after + 8 + len(about) if number + 1 < len(planes) else 0
        directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        body += directory + struct.pack("<I", following) + data + struct.pack("<II", 1, 1) + about
        rows.append((*place, at))
    end = start + len(body)
    index = struct.pack("<II", 3453623, len(rows)) + b"".join(struct.pack("<5I", *row) for row in rows)
    display, comments = struct.pack("<II", 347834724, 2) + b"[]", struct.pack("<II", 84720485, 2) + b"{}"
    places = (54773648, end, 483765892, end + len(index), 99384722, end + len(index) + len(display), 2355492, len(text))
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + struct.pack("<8I", *places) + text + body + index + display + comments)


def write_set(folder, summary=SUMMARY):
    for position in range(2):
        places = [(0, plane, time, position) for time in range(3) for plane in range(4)]
        planes = [STACK[position, time, plane] for _, plane, time, _ in places]
        write(folder / f"run_1_MMStack_Pos{position}.ome.tif", planes, places, summary)
    return folder / "run_1_MMStack_Pos0.ome.tif"


def test_planes_and_times_of_a_position_are_one_source(tmp_path):
    with open_measurements(write_set(tmp_path)) as measured:
        assert measured.axes == "tnzyx"
        assert np.array_equal(measured.read_raw(0, 24), STACK.transpose(1, 0, 2, 3, 4).reshape(24, 6, 5))
        assert measured.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1] * 3
        assert [each.name for each in measured.findings] == ["planes-grouped"]
        assert [each.name for each in measured.files] == ["run_1_MMStack_Pos1.ome.tif"]
    with pytest.raises(DataError, match="other files of the folder belong to it"):
        open_measurements(tmp_path)


def test_files_of_the_set_that_are_not_there_are_named(tmp_path):
    path = write_set(tmp_path)
    (tmp_path / "run_1_MMStack_Pos1.ome.tif").unlink()
    with open_measurements(path) as measured:
        assert np.array_equal(measured.read_raw(0, 12), STACK[0].reshape(12, 6, 5))
        assert any("the file alone is read, 1 of 2 positions" in each for each in measured.warnings)


def test_planes_that_were_never_written_are_named(tmp_path):
    path = tmp_path / "run_1_MMStack_Pos0.ome.tif"
    places = [(0, plane, time, 0) for time in range(3) for plane in range(4)]
    summary = SUMMARY | {"Positions": 1}
    write(path, [STACK[0, t, z] for _, z, t, _ in places[:9]], places[:9], summary)
    write(tmp_path / "run_1_MMStack_Pos0_1.ome.tif", [STACK[0, t, z] for _, z, t, _ in places[9:11]], places[9:11], summary)
    with open_measurements(path) as measured:
        assert np.array_equal(measured.read_raw(0, 11), STACK[0].reshape(12, 6, 5)[:11])
        gap = next(each for each in measured.findings if each.name == "unwritten")
        assert gap.severity == "void"
        assert "1 of 12 planes was never written" in gap.text


def test_what_a_header_promises_and_where_files_lie_is_checked(tmp_path):
    path = write_set(tmp_path, SUMMARY | {"Frames": 10**7})
    with pytest.raises(DataError, match=r"its header tells of .* planes, expected at most"):
        open_measurements(path)
    write_set(tmp_path, SUMMARY | {"Frames": "many"})
    with pytest.raises(DataError, match=r"its header of Micro-Manager is damaged"):
        open_measurements(path)
    (tmp_path / "set").mkdir()
    inner = write_set(tmp_path / "set")
    other = inner.with_name("run_1_MMStack_Pos1.ome.tif")
    other.rename(tmp_path / "elsewhere.tif")
    other.symlink_to(tmp_path / "elsewhere.tif")
    with pytest.raises(DataError, match=r"Pos1.ome.tif belongs to its set, and lies outside its folder.*--follow-links"):
        open_measurements(inner)
    with open_measurements(inner, follow_links=True) as measured:
        assert len(measured) == 24
