"""Writing leaves either the old content or all of the new one, and everything else what it was."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from isospike.errors import OutputError
from isospike.files import check_writable, replacing


def write(path: Path, text: str = "new") -> None:
    with replacing(path) as part:
        part.write_text(text)


def fail(path: Path, failure: type[BaseException]) -> None:
    with replacing(path) as part:
        part.write_text("half")
        raise failure


def names(folder: Path) -> list[str]:
    return sorted(child.name for child in folder.iterdir())


def refused(path: Path) -> str:
    with pytest.raises(OutputError) as first:
        check_writable(path)
    with pytest.raises(OutputError) as second:
        write(path)
    assert str(first.value) == str(second.value)
    assert "\n" not in str(first.value)
    return str(first.value)


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("name", ["a.json", "a" * 255, "ä" * 127])
def test_a_file_is_replaced_whatever_its_name(name, old, tmp_path):
    path = tmp_path / name
    if old is not None:
        path.write_text(old)
    write(path)
    assert path.read_text() == "new"
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("failure", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(failure, tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "link").symlink_to("a")
    for path in (tmp_path / "a", tmp_path / "link"):
        with pytest.raises((failure, OutputError)):
            fail(path, failure)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a", "link"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("second")
    (tmp_path / "second").symlink_to("there/file")
    for text in ("first text", "second text"):  # the file is made, then replaced
        write(tmp_path / "link", text)
        assert (tmp_path / "there" / "file").read_text() == text
    assert os.readlink(tmp_path / "link") == "second"
    assert os.readlink(tmp_path / "second") == "there/file"
    assert names(tmp_path) == ["link", "second", "there"]
    assert names(tmp_path / "there") == ["file"]


def test_links_to_nowhere_are_refused(tmp_path):
    (tmp_path / "link").symlink_to("none/file")
    assert refused(tmp_path / "link").endswith(f"the folder {tmp_path}/none does not exist; create it first")
    (tmp_path / "circle").symlink_to("circle")
    assert "levels of symbolic links" in refused(tmp_path / "circle")


def test_a_pipe_is_written_to(tmp_path):
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_text()), daemon=True)
    reader.start()
    write(path, "through")
    reader.join(timeout=20)
    assert got == ["through"]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


@pytest.fixture
def device(tmp_path):
    """Makes the devices null (3) and full (7) in a folder where losing them does no harm."""

    def make(minor: int) -> Path:
        path = tmp_path / f"device{minor}"
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            path.write_text("")
        except OSError:
            pytest.skip("devices can only be made by the superuser")
        return path

    return make


def test_a_device_is_written_to(device, tmp_path):
    path = device(3)
    write(path)
    (tmp_path / "link").symlink_to(path)
    write(tmp_path / "link")
    assert stat.S_ISCHR(path.stat().st_mode)
    assert names(tmp_path) == ["device3", "link"]


def test_a_full_device_is_one_line(device):
    with pytest.raises(OutputError, match="device7: No space left on device"):
        write(device(7))


def test_what_takes_no_file_is_refused(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert refused(tmp_path / "s").endswith("it is a socket; give a file name")
    assert refused(tmp_path / ("a" * 256)).endswith("File name too long")
    assert refused(tmp_path / "a\0b").endswith("embedded null byte")
    assert refused(tmp_path).endswith("it is a folder; give a file name")
    assert refused(tmp_path / "none" / "a").endswith("none does not exist; create it first")
