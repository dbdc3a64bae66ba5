"""What bubblewrap is told, read as bubblewrap reads it; whether it does so is for `test_confinement.py`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from reference.execution import bubblewrap, libraries

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a process is confined on POSIX systems alone"),
    pytest.mark.system,
]

#: By how many words follow an option, from bubblewrap's manual.
OPTIONS = {
    0: ("--unshare-all", "--die-with-parent", "--new-session"),
    1: ("--cap-drop", "--proc", "--dev", "--tmpfs", "--chdir", "--remount-ro"),
    2: ("--ro-bind", "--ro-bind-try", "--bind"),
}
FOLLOWING = {name: n for n, names in OPTIONS.items() for name in names}


def read(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Option by option, with what belongs to it."""
    rest, found = list(words), []
    while rest:
        n = 1 + FOLLOWING[rest[0]]
        found.append(tuple(rest[:n]))
        assert len(found[-1]) == n
        del rest[:n]
    return found


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Where something is installed in Python's own library, and numpy is given from there."""
    library = tmp_path / "library"
    (library / "site-packages" / "numpy").mkdir(parents=True)
    (library / "os.py").touch()
    monkeypatch.setattr(libraries, "standard_library", lambda: library)
    given = [str(library / "site-packages" / "numpy")]
    return read(bubblewrap.command_prefix(given, tmp_path / "work")[1:])


def test_paths_within_are_those_outside(told: list[tuple[str, ...]]) -> None:
    """The programs of the system among them; nothing is given under another name."""
    bound = [each[1:] for each in told if "bind" in each[0]]
    assert all(Path(place).is_absolute() and place == within for place, within in bound)
    assert {"/bin", "/usr/bin"} <= {place for place, _ in bound}


def test_what_is_installed_is_hidden_but_for_what_is_given(told: list[tuple[str, ...]], tmp_path: Path) -> None:
    """Python's library is there as a whole; over what is installed in it lies an empty folder with numpy in it."""
    installed = tmp_path / "library" / "site-packages"
    steps = [
        ("--ro-bind-try", *[str(installed.parent)] * 2),
        ("--tmpfs", str(installed)),
        ("--ro-bind-try", *[str(installed / "numpy")] * 2),
        ("--remount-ro", str(installed)),
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


def test_a_submission_may_do_nothing_and_write_in_its_folder_alone(told: list[tuple[str, ...]], tmp_path: Path) -> None:
    """It has no rights and no network, and ends with us."""
    assert [each[1] for each in told if each[0] == "--bind"] == [str(tmp_path / "work")]
    assert {("--unshare-all",), ("--die-with-parent",), ("--cap-drop", "ALL"), ("--new-session",)} <= set(told)
    assert told[-1] == ("--remount-ro", "/")
