"""A submission is copied within limits, a worker's folder is measured, and any folder is removed."""

from __future__ import annotations

import inspect
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from reference.execution import submission_files

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a submission is copied for a process of its own"),
    pytest.mark.system,
]


def written(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_folder_is_copied_under_its_name(tmp_path: Path, work: Path) -> None:
    """A folder is copied under its name with everything in it but what tools have made."""
    kept = ("mlp.py", "data/x.csv", "data/deep/y.txt")
    left = (
        ".git/config",
        "__pycache__/mlp.pyc",
        "data/old.pyc",
        ".venv/lib.py",
        "venv/a.py",
        ".tox/b.py",
        "node_modules/c",
    )
    source = written(tmp_path / "group 7", *kept, *left)
    root, notes = submission_files.copy(source, work)
    assert (root, notes) == (work / "group 7", [])
    assert names_in(work) == sorted(f"group 7/{name}" for name in kept)
    assert all((root / name).read_text(encoding="utf-8") == name for name in kept)


def test_with_a_file_come_the_modules_beside_it(tmp_path: Path, work: Path) -> None:
    """A file is copied with the modules beside it, and without data and folders."""
    source = written(tmp_path / "home", "mlp.py", "layers.py", "notes.txt", "old/mlp.py")
    assert submission_files.copy(source / "mlp.py", work) == (work / "submission" / "mlp.py", [])
    assert names_in(work) == ["submission/layers.py", "submission/mlp.py"]


def test_with_a_file_of_a_package_comes_the_package(tmp_path: Path, work: Path) -> None:
    """A file of a package is copied with all modules of the outermost package."""
    names = ("net/__init__.py", "net/core/__init__.py", "net/core/mlp.py", "net/data.csv", "net/core/extra/x.py")
    source = written(tmp_path / "home", *names, "beside.py")
    assert submission_files.copy(source / "net" / "core" / "mlp.py", work) == (work / "net" / "core" / "mlp.py", [])
    assert names_in(work) == sorted(name for name in names if name.endswith(".py"))


def test_with_a_package_come_the_files_that_it_names(tmp_path: Path, work: Path) -> None:
    """However deep they lie in it; names are looked for in the first part of a long file."""
    source = written(tmp_path / "home" / "net", "__init__.py", "mlp.py", "data/deep/set.csv", "data/other.csv")
    (source / "mlp.py").write_text("load('set.csv')\n" + "# far\n" * 400_000 + "load('other.csv')\n", encoding="utf-8")
    submission_files.copy(source / "mlp.py", work)
    assert names_in(work) == ["net/__init__.py", "net/data/deep/set.csv", "net/mlp.py"]


def test_only_folders_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, and nothing behind a link, at once or after rights were added; no other process gets them."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    really, refused = os.open, list[str]()

    def once_refused(path: str, flags: int, **options: Any) -> int:
        if not flags & os.O_PATH and path not in refused:
            refused.append(path)
            raise PermissionError
        return really(path, flags, **options)

    for opening in (really, once_refused):
        monkeypatch.setattr(submission_files.os, "open", opening)
        descriptor = submission_files._opened(str(tmp_path / "folder"), None)
        assert os.path.samestat(os.fstat(descriptor), (tmp_path / "folder").stat())
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
        for name in ("file", "link"):
            with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
                submission_files._opened(str(tmp_path / name), None)
    assert [Path(each).name for each in refused] == ["folder", "file", "link"]


def test_what_may_not_be_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is removed, and folders are told; of no folder there are none."""
    written(tmp_path, "b/x", "a/y", "kept", "gone")
    unlink = os.unlink
    monkeypatch.setattr(submission_files.os, "unlink", lambda path: _refuse(path) if "kept" in path else unlink(path))
    assert submission_files._remove_files_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b", "kept"]
    assert submission_files._remove_files_in(tmp_path / "absent") == []


@pytest.mark.parametrize("package", [True, False])
def test_file_that_was_meant_is_there_in_any_case(tmp_path: Path, work: Path, package: bool) -> None:
    """The file that was handed in is copied even with another ending or in an ignored folder."""
    source = written(
        tmp_path / "home", "venv/task.txt", "other.py", *(["__init__.py", "venv/__init__.py"] if package else [])
    )
    root, _ = submission_files.copy(source / "venv" / "task.txt", work)
    assert root == work / ("home/venv" if package else "submission") / "task.txt"
    assert root.read_text(encoding="utf-8") == "venv/task.txt"


def test_file_that_was_meant_may_lie_deep_in_what_is_left_out(tmp_path: Path, work: Path) -> None:
    """Of a package too, whose folders are made for it."""
    names = ("net/__init__.py", "net/venv/__init__.py", "net/venv/deep/__init__.py", "net/venv/deep/mlp.py")
    source = written(tmp_path / "home", *names)
    assert submission_files.copy(source / names[-1], work) == (work / names[-1], [])
    assert names_in(work) == ["net/__init__.py", "net/venv/deep/mlp.py"]


def test_the_first_of_many_files_that_are_left_out_are_named() -> None:
    """The message names the first files, and counts the others."""
    for number, end in ((3, "(0.py, 1.py, 2.py)"), (4, "(0.py, 1.py, 2.py and 1 more)"), (9, "2.py and 6 more)")):
        note = submission_files._note_on([Path(f"folder/{each}.py") for each in range(number)])
        assert note.startswith(f"{number} files were left out")
        assert note.endswith(end)
    assert submission_files._note_on([Path("\udcff" + "x" * 200)]).endswith(f"(\\udcff{'x' * 99})")


def test_file_given_by_a_link_is_the_one_it_leads_to(tmp_path: Path, work: Path) -> None:
    """A link is followed to its file, and the modules beside that file are copied."""
    source = written(tmp_path / "home", "mlp.py", "layers.py")
    (tmp_path / "link.py").symlink_to(source / "mlp.py")
    root, _ = submission_files.copy(tmp_path / "link.py", work)
    assert root == work / "submission" / "mlp.py"
    assert names_in(work) == ["submission/layers.py", "submission/mlp.py"]


@pytest.mark.parametrize(
    ("limit", "value", "kept"),
    [
        ("_MAX_FILES", 2, ["b.py", "c/d.py"]),
        ("_MAX_BYTES", 120, ["b.py", "c/d.py"]),
        ("_MAX_FILE_BYTES", 50, ["c/d.py", "e.txt"]),
        ("_MAX_BYTES", 110, ["b.py", "c/d.py"]),
        ("_MAX_BYTES", 109, ["b.py"]),
        ("_MAX_FILE_BYTES", 10, ["c/d.py"]),
    ],
)
def test_limits_leave_files_out(
    tmp_path: Path, work: Path, limit: str, value: int, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limits modules are copied first, the nearest of them before others; the rest is counted in a note."""
    source = tmp_path / "group"
    for name, size in {"a.txt": 100, "b.py": 100, "c/d.py": 10, "e.txt": 11}.items():
        written(source, name).joinpath(name).write_bytes(bytes(size))
    monkeypatch.setattr(submission_files, limit, value)
    _, notes = submission_files.copy(source, work)
    assert names_in(work / "group") == kept
    (note,) = notes
    assert note.startswith(f"{4 - len(kept)} files were left out: unreadable, too large, or too many (")


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, ["data/set.csv", "weights.npz"]), ({"_MAX_BYTES": 30}, ["data/set.csv", "weights.npz"]),
        ({"_MAX_BYTES": 29}, ["weights.npz"]), ({"_MAX_FILE_BYTES": 20}, ["data/set.csv", "weights.npz"]),
        ({"_MAX_FILE_BYTES": 19}, ["weights.npz"]), ({"_MAX_FILES": 1}, ["weights.npz"]),
    ],
)  # fmt: skip
def test_with_a_file_comes_the_data_that_it_names(
    tmp_path: Path, work: Path, limits: dict[str, int], kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In folders too, the nearest first, within the limits; other data stays."""
    source = written(tmp_path / "mine", "layers.py", "weights.npz", "data/set.csv", "other.bin")
    (source / "layers.py").write_text("load('weights.npz')\nload('data/set.csv')\n", encoding="utf-8")
    for name, size in (("weights.npz", 10), ("data/set.csv", 20)):
        (source / name).write_bytes(bytes(size))
    written(work, "layers.py").joinpath("layers.py").write_bytes((source / "layers.py").read_bytes())
    for limit, value in limits.items():
        monkeypatch.setattr(submission_files, limit, value)
    submission_files._copy_named(source, work, submission_files._DEPTH_OF_DATA)
    assert names_in(work) == sorted([*kept, "layers.py"])


def test_what_cannot_be_read_is_left_out(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable file is left out and does not count towards the limits."""
    source = written(tmp_path / "group", "a.py", "b.py", "c.py")
    contents = submission_files.contents
    monkeypatch.setattr(
        submission_files, "contents", lambda path, most: None if path.name == "a.py" else contents(path, most)
    )
    monkeypatch.setattr(submission_files, "_MAX_FILES", 2)
    _, notes = submission_files.copy(source, work)
    assert names_in(work) == ["group/b.py", "group/c.py"]
    assert notes == ["1 files were left out: unreadable, too large, or too many (a.py)"]


def test_not_all_of_a_million_files_is_looked_at(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the nearest files of very many are looked at, and a note says so."""
    source = written(tmp_path / "group", "a.py", "b.py", "c/d.py")
    monkeypatch.setattr(submission_files, "_MAX_SEEN", 2)
    _, notes = submission_files.copy(source, work)
    assert names_in(work) == ["group/a.py", "group/b.py"]
    assert notes == ["more than 2 files: the rest was not looked at"]
    monkeypatch.setattr(submission_files, "_MAX_SEEN", 3)
    assert submission_files.copy(source, work / "again")[1] == []


def test_folders_are_gone_through_to_a_depth(tmp_path: Path) -> None:
    """Files are listed level by level down to the given depth."""
    written(tmp_path, "a/b/c/far.py", "a/b/mid.py", "a/near.py", "top.py")
    assert [path.name for path in submission_files.files(tmp_path)] == ["top.py", "near.py", "mid.py", "far.py"]
    assert [path.name for path in submission_files.files(tmp_path, 2)] == ["top.py", "near.py"]
    assert list(submission_files.files(tmp_path / "absent")) == []


def test_contents_are_those_of_ordinary_files(tmp_path: Path) -> None:
    """At most the given number of bytes is read, from regular files only: no pipe, no link."""
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    assert submission_files.contents(tmp_path / "file", 10) == b"12345"
    assert submission_files.contents(tmp_path / "file", 3) == b"123"
    for name in ("link", "pipe", "absent", "."):
        assert submission_files.contents(tmp_path / name, 10) is None


def test_limits_are_those_that_are_given(tmp_path: Path) -> None:
    """Files and folders count together, and bytes are those on the disk."""
    written(tmp_path, "a", "b/c")
    on_disk = sum(512 * path.lstat().st_blocks for path in tmp_path.rglob("*"))
    assert not submission_files.exceeds(tmp_path, 3, on_disk)
    assert submission_files.exceeds(tmp_path, 2, on_disk)
    assert submission_files.exceeds(tmp_path, 3, on_disk - 1)
    with (tmp_path / "a").open("wb") as file:
        file.truncate(2**40)  # which takes nothing
    assert not submission_files.exceeds(tmp_path, 3, on_disk)
    assert not submission_files.exceeds(tmp_path / "gone", 3, on_disk)


@pytest.mark.parametrize("target", ["here", "nowhere", ".", "/"])
def test_links_count_as_what_they_are(tmp_path: Path, target: str) -> None:
    """Wherever they lead, to themselves or to all there is: they are not followed."""
    (tmp_path / "here").symlink_to(target)
    assert not submission_files.exceeds(tmp_path, 1, 2**20)


@pytest.mark.parametrize(("error", "seen"), [(FileNotFoundError, False), (PermissionError, True)])
def test_what_cannot_be_entered_is_too_much(
    tmp_path: Path, error: type[OSError], seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be entered exceeds the limits; one that was just removed does not."""
    written(tmp_path, "a/b")
    really = os.open

    def refused(path: Any, flags: int, **options: Any) -> int:
        if path == "a" and not flags & os.O_PATH:
            raise error
        return really(path, flags, **options)

    monkeypatch.setattr(submission_files.os, "open", refused)
    assert submission_files.exceeds(tmp_path, 10, 2**30) is seen


@pytest.mark.parametrize(("depth", "seen"), [(30, False), (190, False), (210, True)])
def test_nested_folders_are_counted_deeper_than_a_path_can_be_long(
    tmp_path: Path, depth: int, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nested folders are counted beyond the longest path; endless ones exceed the limits."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(depth):
        os.mkdir("d" * 200)  # noqa: PTH102 - a path from the root would be too long
        os.chdir("d" * 200)
    Path("deepest").touch()
    os.chdir(tmp_path)
    try:
        assert submission_files.exceeds(folder, depth + 1, 2**30) is seen
        assert submission_files.exceeds(folder, depth, 2**30)
    finally:
        submission_files.remove(folder)


def test_what_is_in_a_locked_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files in a folder without access rights are counted."""
    written(tmp_path, "locked/one", "locked/two")
    (tmp_path / "locked").chmod(0)
    really = os.open

    def refused(path: Any, flags: int, **options: Any) -> int:
        if path == "locked" and not flags & os.O_PATH and not (tmp_path / "locked").stat().st_mode & 0o500:
            raise PermissionError
        return really(path, flags, **options)

    monkeypatch.setattr(submission_files.os, "open", refused)
    assert submission_files.exceeds(tmp_path, 2, 2**30)
    (tmp_path / "locked").chmod(0)
    assert not submission_files.exceeds(tmp_path, 3, 2**30)


def test_links_are_not_followed_to_be_counted(tmp_path: Path) -> None:
    """The files behind a link in the folder are not counted."""
    written(tmp_path / "elsewhere", "one", "two", "three")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    assert not submission_files.exceeds(tmp_path / "folder", 1, 2**30)


@pytest.mark.parametrize("depth", [1, 300])
def test_any_folder_is_removed(tmp_path: Path, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of any depth and with any access rights is removed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(depth):
        os.mkdir("d" * 50)  # noqa: PTH102 - a path from the root would be too long
        os.chdir("d" * 50)
        Path("link").symlink_to(tmp_path)
    os.chdir(tmp_path)
    (folder / "locked" / "locked" / "locked").mkdir(parents=True)
    for place in ("locked/locked/locked", "locked/locked", "locked", "d" * 50):
        (folder / place).chmod(0)
    (tmp_path / "kept").touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        submission_files.remove(folder)
    finally:
        sys.setrecursionlimit(limit)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_removing_gives_up_where_it_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be emptied stays, and everything else is removed."""
    written(tmp_path / "folder", "kept/x", "gone/y", "z")
    rmdir = Path.rmdir
    monkeypatch.setattr(Path, "rmdir", lambda self: _refuse(self) if "kept" in self.name else rmdir(self))
    submission_files.remove(tmp_path / "folder")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["kept"]
    submission_files.remove(tmp_path / "absent")


def _refuse(path: Path) -> None:
    raise PermissionError(path)


def test_rights_are_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Access rights are restored before a folder is entered."""
    written(tmp_path / "folder", "locked/deep/x")
    (tmp_path / "folder" / "locked").chmod(0)
    chmod, given = Path.chmod, set()

    def watched(self: Path, mode: int) -> None:
        given.add(self.name)
        assert mode == stat.S_IRWXU
        chmod(self, mode)

    monkeypatch.setattr(Path, "chmod", watched)
    submission_files.remove(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert {"folder", "locked", "deep"} <= given
