"""Downloads from a local server: what came is what is known, or nothing is kept."""

import os
import socket

import pytest
from fixtures.download import CONTENT, running_server

from ideal.datasets import _download
from ideal.datasets._remote_files import REMOTE, RemoteFile
from ideal.errors import DataError, UsageError


@pytest.fixture
def server(monkeypatch):
    with running_server(monkeypatch) as running:
        yield running


def everything_in(folder):
    """Files, and folders in which there is nothing."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or not any(path.iterdir()))


def test_files_arrive_whole_and_once(server, tmp_path):
    seen = []
    assert _download.cached("tiny", tmp_path) is None
    paths = _download.fetch("tiny", tmp_path, lambda text, fraction: seen.append((text, fraction)), mirror=server.address)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert everything_in(tmp_path) == ["tiny/a.gz", "tiny/b.gz"]
    assert _download.cached("tiny", tmp_path) == paths
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {text for text, _ in seen} == {"tiny: a.gz", "tiny: b.gz"}
    assert server.asked == ["/tiny/a.gz", "/tiny/b.gz"]
    assert _download.fetch("tiny", tmp_path, mirror=server.address) == paths
    assert len(server.asked) == 2


def test_only_what_is_missing_or_damaged_is_asked_for(server, tmp_path):
    paths = _download.fetch("tiny", tmp_path, mirror=server.address)
    paths[0].unlink()
    assert _download.cached("tiny", tmp_path) is None
    paths[1].write_bytes(b"sec0nd file")  # of the same length
    _download.fetch("tiny", tmp_path, mirror=server.address)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert server.asked[2:] == ["/tiny/a.gz", "/tiny/b.gz"]


def test_environment_names_mirror_and_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("IDEAL_MIRROR", server.address + "/")
    monkeypatch.setenv("IDEAL_CACHE", str(tmp_path / "new" / "cache"))
    paths = _download.fetch("tiny")
    assert paths[0] == tmp_path / "new" / "cache" / "tiny" / "a.gz"
    assert _download.cached("tiny") == paths


def test_another_source_is_tried(server, tmp_path, monkeypatch):
    files = [RemoteFile(f.name, (*f.bases, server.address + "/tiny/"), f.size, f.sha256) for f in REMOTE["tiny"]]
    monkeypatch.setitem(REMOTE, "tiny", tuple(files))
    assert _download.fetch("tiny", tmp_path)[1].read_bytes() == CONTENT["b.gz"]


def test_other_content_is_refused_and_leaves_nothing(server, tmp_path):
    server.files["/tiny/b.gz"] = b"second fil3"
    with pytest.raises(DataError, match=r"^tiny: what http\S+/tiny/b.gz sends is not b.gz \(its SHA-256 is not .*not kept"):
        _download.fetch("tiny", tmp_path, mirror=server.address)
    assert everything_in(tmp_path) == ["tiny/a.gz"]


def test_more_than_the_file_is_not_taken(server, tmp_path):
    written = []
    server.files["/tiny/a.gz"] = bytes(5_000_000)
    with pytest.raises(DataError, match=r"/tiny/a.gz sends more than the 256000 bytes of a.gz; it was not kept"):
        _download.fetch("tiny", tmp_path, lambda text, fraction: written.append(everything_in(tmp_path)), mirror=server.address)
    assert len(written) < 100
    assert everything_in(tmp_path) == []


def test_next_to_nothing_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_download, "_PATIENCE", 0.5)
    server.drips = True
    with pytest.raises(DataError, match=r"/tiny/a.gz sends next to nothing \(\d+ bytes in 0.5 s\); it was not kept"):
        _download.fetch("tiny", tmp_path, mirror=server.address)
    assert everything_in(tmp_path) == []


def test_words_of_a_server_hold_nothing_that_a_terminal_obeys(server, tmp_path):
    server.files, server.says = {}, "a\x1b[31mb" + "c" * 1000
    with pytest.raises(DataError, match=r"refused by its server \(404 a \[31mbc+\)") as told:
        _download.fetch("tiny", tmp_path, mirror=server.address)
    assert len(str(told.value)) < 400


def test_a_broken_connection_leaves_nothing(server, tmp_path):
    server.breaks = True
    with pytest.raises(DataError, match="cannot be reached, or broke off: try again later"):
        _download.fetch("tiny", tmp_path, mirror=server.address)
    assert everything_in(tmp_path) == []


def test_an_interruption_leaves_nothing(server, tmp_path):
    def interrupt(text, fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _download.fetch("tiny", tmp_path, interrupt, mirror=server.address)
    assert everything_in(tmp_path) == []


def test_a_missing_file_is_told(server, tmp_path):
    del server.files["/tiny/a.gz"]
    with pytest.raises(DataError, match=r"/tiny/a.gz is refused by its server \(404 Not Found\).*another mirror by `mirror`$"):
        _download.fetch("tiny", tmp_path, mirror=server.address)


def test_no_server_is_told(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, but nobody listens
        mirror = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DataError, match="cannot be reached") as told:
            _download.fetch("tiny", tmp_path, mirror=mirror)
    assert "\n" not in str(told.value)


def test_an_address_that_is_none_is_told(server, tmp_path, monkeypatch):
    for mirror in ("not an address", "ftp://host"):
        with pytest.raises(UsageError, match="is no address of a web server: `mirror` takes one"):
            _download.fetch("tiny", tmp_path, mirror=mirror)
        monkeypatch.setenv("IDEAL_MIRROR", mirror)
        with pytest.raises(UsageError, match="is no address of a web server: IDEAL_MIRROR takes one"):
            _download.fetch("tiny", tmp_path)
        monkeypatch.delenv("IDEAL_MIRROR")


@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_no_folders_of_its_own(server, tmp_path, monkeypatch, there):
    cache = tmp_path / "new" / "cache"
    if there:
        (cache / "tiny").mkdir(parents=True)
    server.files = {}
    with pytest.raises(DataError, match=r"another mirror by `mirror`$"):
        _download.fetch("tiny", cache, mirror=server.address)
    assert cache.exists() == there
    assert (tmp_path / "new").exists() == there
    monkeypatch.setenv("IDEAL_MIRROR", server.address)
    with pytest.raises(DataError, match=r"another mirror by IDEAL_MIRROR$"):
        _download.fetch("tiny", cache)
    monkeypatch.delenv("IDEAL_MIRROR")
    with pytest.raises(DataError, match=r"name a mirror by `mirror` or IDEAL_MIRROR$"):
        _download.fetch("tiny", cache)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders are refused otherwise there")
def test_a_disk_that_refuses_is_told(server, tmp_path):
    (tmp_path / "tiny").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"tiny cannot be written .*IDEAL_CACHE"):
        _download.fetch("tiny", tmp_path, mirror=server.address)


def test_unknown_names_get_a_suggestion(tmp_path):
    with pytest.raises(UsageError, match="did you mean mnist"):
        _download.fetch("mnst", tmp_path)


def test_the_table_is_well_formed():
    for files in REMOTE.values():
        assert len({each.name for each in files}) == len(files)
        for each in files:
            assert len(bytes.fromhex(each.sha256)) == 32
            assert each.size > 1000
            assert all(base.startswith("http") and base.endswith("/") for base in each.bases)
