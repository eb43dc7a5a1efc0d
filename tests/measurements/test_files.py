"""Files that appear whole or not at all: what is left of a killed process goes, and a full disk ends in words."""

import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest
from fixtures.disk import small_disk

from ideal import _files
from ideal._checkpoints import read_checkpoint, write_checkpoint
from ideal.errors import DataError, StorageWarning
from ideal.measurements.measurement_set import write_measurements

WAITS = (
    "import signal, sys, time\nfrom pathlib import Path\nfrom ideal import _files\n"
    "from ideal.cli._streams import on_end\nfor number in (signal.SIGTERM, signal.SIGHUP):\n"
    "    signal.signal(number, signal.SIG_DFL)  # who runs the tests may ignore them (nohup)\n"
    "on_end(_files.remove_temporaries)\n"
    "with _files.whole_file(sys.argv[1]) as temporary:\n"
    "    Path(temporary).write_text('half')\n    print('ready', flush=True)\n    time.sleep(60)"
)


def stopped_by(number, target):
    """Have a process stopped in the middle of writing a file."""
    with subprocess.Popen([sys.executable, "-c", WAITS, str(target)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        left = os.listdir(target.parent)
        process.send_signal(number)
        process.wait(timeout=600)
    assert process.returncode == -number
    return left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_asked_to_end_leaves_nothing(tmp_path, number):
    assert len(stopped_by(number, tmp_path / "a.txt")) == 1
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    before = stopped_by(signal.SIGKILL, tmp_path / "a.txt")
    assert os.listdir(tmp_path) == before
    assert _files.is_temporary(tmp_path / before[0])
    _files.write_whole(tmp_path / "b.txt", "other")
    assert len(os.listdir(tmp_path)) == 2
    _files.write_whole(tmp_path / "a.txt", "whole")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


def test_a_file_that_another_process_writes_stays(tmp_path):
    with _files.whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("mine")
        _files.remove_left(tmp_path)
        _files.write_whole(tmp_path / "a.txt", "other")
        assert temporary.exists()
    # The parent of this process lives.
    theirs = tmp_path / _files._temporary_name(tmp_path / "a.txt").name.replace(f"-{os.getpid()}-", f"-{os.getppid()}-")
    theirs.write_text("theirs")
    _files.remove_left(tmp_path)
    assert theirs.exists()
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_files_of_other_machines_go_when_they_are_old(tmp_path):
    file = tmp_path / ".0123abcd-77-89abcdef.a.txt.partial"
    file.write_text("half")
    _files.remove_left(tmp_path)
    assert file.exists()
    os.utime(file, (1, 1))
    _files.remove_left(tmp_path)
    assert not file.exists()


def test_names_are_random_and_long_ones_fit(tmp_path):
    target = tmp_path / ("x" * 250)
    with _files.whole_file(target) as one, _files.whole_file(target) as other:
        assert one != other
        for each in (one, other):
            each.write_text("here")
    assert target.read_text() == "here"


def test_a_failure_names_the_file_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", tmp_path / "missing" / "a.txt"):
        with pytest.raises(OSError, match=r"folder|a.txt") as told:
            _files.write_whole(target, "x")
        assert told.value.filename == str(target)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_checkpoint_that_is_damaged_is_named(tmp_path):
    path = tmp_path / "new" / "state.npz"
    assert read_checkpoint(path) is None
    write_checkpoint(path, {"a": np.arange(3)})
    assert read_checkpoint(path)["a"].tolist() == [0, 1, 2]
    for damage in (path.read_bytes()[:50], b"", b"\0" * 300):
        path.write_bytes(damage)
        with pytest.warns(StorageWarning, match=r"state.npz: damaged, or of another run"):
            assert read_checkpoint(path) is None


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path):
    with small_disk(tmp_path / "disk", 16) as disk:
        with pytest.raises(OSError, match="No space left") as told:
            _files.write_whole(disk / "a.bin", bytes(10**5))
        assert told.value.filename == str(disk / "a.bin")
        with pytest.raises(OSError, match="No space left"), _files.whole_hdf5(disk / "a.h5") as file:
            file["values"] = np.arange(10**5)
        with pytest.raises(DataError, match=r"o.h5: would have 320 kB, and its disk has room for"):
            write_measurements(disk / "o.h5", np.ones((100, 20, 20)))
        with pytest.warns(StorageWarning, match=r"state.npz: cannot be written \(No space left"):
            write_checkpoint(disk / "state.npz", {"a": np.arange(10**5)})
        assert os.listdir(disk) == []
        with _files.whole_hdf5(disk / "small.h5") as file:
            file["value"] = 3
        with h5py.File(disk / "small.h5") as file:
            assert file["value"][()] == 3


FULL = (
    "import sys, numpy as np\nfrom ideal import _files\n"
    "try:\n    with _files.whole_hdf5(sys.argv[1]) as file:\n        file['values'] = np.arange(10**5)\n"
    "except OSError as error:\n    print(error.strerror)"
)


def test_a_full_disk_does_not_crash_the_end_of_a_process(tmp_path):
    with small_disk(tmp_path / "disk", 16) as disk:
        ended = subprocess.run([sys.executable, "-c", FULL, str(disk / "a.h5")], capture_output=True, text=True, timeout=600)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "No space left on device\n", "")
