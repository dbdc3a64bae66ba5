"""Archives are unpacked within limits, and a change in one changes its digest."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference.execution import submission_files
from reports.course.submissions import digest_of
from reports.course.unpack import UnpackError, unpack
from tests.submissions import LEAKY, RIGHT, hand_in

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("elsewhere")]


def archive_of(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path = Path("a.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../out.py",
        "/out.py",
        "a/../../out.py",
        "C:/out.py",
        "C:out.py",
        "..\\out.py",
        "a\\..\\..\\out.py",
        "\\\\host\\share\\out.py",
    ],
)
def test_archive_that_leads_out_is_refused(elsewhere: Path, name: str) -> None:
    """An archive with a name that leads out of the folder is refused, and nothing is written outside."""
    path = archive_of((name, b"x = 1"))
    (elsewhere / "target").mkdir()
    with pytest.raises(UnpackError, match="leads out"):
        unpack(path, elsewhere / "target")
    assert not list(elsewhere.rglob("out.py"))


@pytest.mark.parametrize(
    ("ending", "mode"),
    [("tar", "w"), ("tar.gz", "w:gz"), ("TGZ", "w:gz"), ("tar.xz", "w:xz"), ("txz", "w:xz"), ("tar.bz2", "w:bz2")],
)
def test_tar_files_are_unpacked_as_zip_files_are(elsewhere: Path, ending: str, mode: Any) -> None:
    """Of a tar file the regular files are unpacked, and links and devices left out."""
    link, device, entry = (tarfile.TarInfo(name) for name in ("link.py", "device.py", "a/b.py"))
    link.type, link.linkname, device.type, entry.size = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE, 5
    with tarfile.open(elsewhere / f"x.{ending}", mode) as archive:
        for each in (link, device, entry):
            archive.addfile(each, io.BytesIO(b"x = 1") if each is entry else None)
    (elsewhere / "target").mkdir()
    unpack(elsewhere / f"x.{ending}", elsewhere / "target")
    assert [each.name for each in (elsewhere / "target").rglob("*.*")] == ["b.py"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_bad_tar_files_are_refused(elsewhere: Path, mode: Any) -> None:
    """A tar file that is cut, or holds a name that leads out, is refused with a sentence, and nothing is outside."""
    entry = tarfile.TarInfo("../out.py")
    entry.size = 5
    with tarfile.open(elsewhere / "x.tar", mode) as archive:
        archive.addfile(entry, io.BytesIO(b"x = 1"))
    (elsewhere / "target").mkdir()
    with pytest.raises(UnpackError, match="leads out"):
        unpack(elsewhere / "x.tar", elsewhere / "target")
    (elsewhere / "y.tar").write_bytes((elsewhere / "x.tar").read_bytes()[:40])
    with pytest.raises(UnpackError):
        unpack(elsewhere / "y.tar", elsewhere / "target")
    assert not list(elsewhere.rglob("out.py"))


def test_backslashes_of_windows_are_folders(elsewhere: Path) -> None:
    """Names with backslashes, as some programs on Windows write them, make folders."""
    (elsewhere / "target").mkdir()
    unpack(archive_of(("mlp\\", b""), ("mlp\\a.py", b"x = 1")), elsewhere / "target")
    assert (elsewhere / "target" / "mlp" / "a.py").read_bytes() == b"x = 1"


def test_last_of_several_entries_with_one_name_counts(elsewhere: Path) -> None:
    """A file that stands in an archive twice, as `tar --append` adds a newer version, is unpacked as the last one."""
    with tarfile.open(elsewhere / "x.tar", "w") as archive:
        for content in (b"x = 1  # the older", b"x = 2"):
            entry = tarfile.TarInfo("a.py")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    (elsewhere / "target").mkdir()
    unpack(elsewhere / "x.tar", elsewhere / "target")
    assert (elsewhere / "target" / "a.py").read_bytes() == b"x = 2"


def test_archives_of_foreign_formats_are_refused(elsewhere: Path) -> None:
    """A format that cannot be opened is named, with what to hand in instead."""
    (elsewhere / "a.rar").write_bytes(b"Rar!\x1a\x07")
    with pytest.raises(UnpackError, match=r"is a \.rar archive, which cannot be opened here: hand in a \.zip"):
        unpack(elsewhere / "a.rar", elsewhere)


@pytest.mark.parametrize("name", ["a.rar", "a.tgz", "a.zip", "b.7z", "b.zip", "b.tar"])
def test_archive_is_known_by_its_content(elsewhere: Path, name: str) -> None:
    """An archive with the ending of another format, as people rename them, is unpacked for what it is."""
    entry = tarfile.TarInfo("b.py")
    entry.size = 1
    with tarfile.open(elsewhere / "b", "w:gz") as archive:
        archive.addfile(entry, io.BytesIO(b"x"))
    path = archive_of(("b.py", b"x")) if name.startswith("a") else elsewhere / "b"
    (elsewhere / "target").mkdir()
    unpack(path.rename(elsewhere / name), elsewhere / "target")
    assert (elsewhere / "target" / "b.py").read_bytes() == b"x"


def test_links_in_an_archive_are_left_out(elsewhere: Path) -> None:
    """Links in an archive are left out, as in a folder."""
    link = zipfile.ZipInfo("secret.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    (elsewhere / "target").mkdir()
    unpack(archive_of((link, b"/etc/passwd"), ("a/b.py", b"x")), elsewhere / "target")
    assert [each.name for each in (elsewhere / "target").rglob("*.*")] == ["b.py"]


def test_archive_that_is_too_large_is_refused(elsewhere: Path) -> None:
    """An archive with too many files or bytes is refused, whatever sizes it states."""
    (elsewhere / "target").mkdir()
    bomb = archive_of(("bomb.py", bytes(2**26 + 1)))
    assert bomb.stat().st_size < 2**20
    with pytest.raises(UnpackError, match="more than 64 MiB"):
        unpack(bomb, elsewhere / "target")
    with pytest.raises(UnpackError, match="holds more than 2000 files"):
        unpack(archive_of(*((f"{n}.py", b"") for n in range(2001))), elsewhere / "target")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"x = 1", b"x = 2"),
        lambda data: data.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"),
        lambda data: b"",
        lambda data: data.replace(b"b.py", b"a///"),
    ],
)
def test_damaged_archives_are_refused(elsewhere: Path, spoil: Callable[[bytes], bytes]) -> None:
    """An archive that is cut, changed, encrypted or contradictory is refused with a sentence."""
    (elsewhere / "target").mkdir()
    path = elsewhere / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"x = 1")
        archive.writestr("b.py", b"y = 1")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UnpackError):
        unpack(path, elsewhere / "target")


def test_folders_without_end_have_a_digest(elsewhere: Path) -> None:
    """Folders nested deeper than Python can call, or than a path can be long, cost no other submission its verdict."""
    place = os.open(elsewhere, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d" * 20, dir_fd=place)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    assert len(digest_of(elsewhere)) == 64
    submission_files.remove(elsewhere / ("d" * 20))


def test_digest_is_of_all_that_counts(elsewhere: Path) -> None:
    """The digest depends on names and contents, but not on compiled files."""
    hand_in(elsewhere / "one", a=RIGHT)
    before = digest_of(elsewhere / "one")
    (elsewhere / "one" / "__pycache__").mkdir()
    (elsewhere / "one" / "__pycache__" / "a.pyc").touch()
    assert digest_of(elsewhere / "one") == before
    hand_in(elsewhere / "one", a=LEAKY)
    changed = digest_of(elsewhere / "one")
    (elsewhere / "one" / "a.py").rename(elsewhere / "one" / "b.py")
    assert len({before, changed, digest_of(elsewhere / "one")}) == 3
