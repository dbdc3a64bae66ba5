"""`bp data` with faulty mirrors: each fault gives a reason, and files that were fetched before are kept."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reports.training import data, sources
from reports.training.data import FetchError
from reports.training.sources import Mirror, SourceError
from tests.fake_mirrors import FILES, FIRST, FakeMirror, asking, closed_port, contents

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("small_world")]


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
    """Lower the largest size of a file, so that tests can exceed it quickly."""
    monkeypatch.setattr(sources, "MAX_BYTES", 2**20)


@pytest.mark.usefixtures("low_cap")
@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_one_bad_file_is_had_from_the_next_mirror(damage, reason, small_world, mirrors) -> None:
    """If a mirror gives a wrong file, that file comes from the next mirror, and the others from the first."""
    one, two = mirrors
    damage(one, f"/{FIRST}.gz")
    data.fetch(sources=asking(one, two))
    assert contents(small_world) == FILES
    assert len(one.requests) == len(FILES)
    assert two.requests == [f"/{FIRST}.gz"]


@pytest.mark.usefixtures("low_cap")
@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_one_bad_file_without_another_source_has_its_reason(damage, reason, small_world, mirrors) -> None:
    """Without another source the message has source, file and reason, and nothing is written."""
    damage(mirrors[0], f"/{FIRST}.gz")
    with pytest.raises(FetchError) as caught:
        data.fetch(sources=asking(mirrors[0]))
    assert f"  - {mirrors[0].url}: {FIRST}: {reason}" in str(caught.value)
    assert contents(small_world) == {}


def test_uncompressed_body_is_accepted(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A file that was uncompressed on the way is accepted, because the digest is of the uncompressed content."""
    mirrors[0].bodies[f"/{FIRST}.gz"] = FILES[FIRST]
    data.fetch(sources=asking(mirrors[0]))
    assert contents(small_world) == FILES


def test_files_fetched_before_a_failure_are_kept(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """Files that were fetched and verified before another one failed need not be fetched again."""
    last = list(FILES)[-1]
    del mirrors[0].bodies[f"/{last}.gz"]
    with pytest.raises(FetchError, match=f"no source gave {last}"):
        data.fetch(sources=asking(mirrors[0]))
    assert contents(small_world) == {name: content for name, content in FILES.items() if name != last}


def test_unreachable_mirror_is_asked_once(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A source that cannot be reached is asked only once."""
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
    """A refused connection is reported as such, once for all files."""
    with pytest.raises(sources.SourceUnavailableError, match="connection refused"):
        Mirror(f"http://127.0.0.1:{closed_port()}/").read(FIRST, data.silent)


def test_silent_server_is_a_reason() -> None:
    """A server that accepts a connection and never answers is given up after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent_mirror = Mirror(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.2)
        with pytest.raises(sources.SourceUnavailableError, match="no answer in time"):
            silent_mirror.read(FIRST, data.silent)


@contextmanager
def answering(answer: bytes) -> Iterator[Mirror]:
    """A server that sends these bytes to the first client and closes the connection."""

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.recv(2**16)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield Mirror(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=60)
        thread.join()


def test_server_that_hangs_up_is_a_reason() -> None:
    """A server that closes the connection without an answer is reported as such."""
    with answering(b"") as mirror, pytest.raises(sources.SourceUnavailableError, match="closed the connection"):
        mirror.read(FIRST, data.silent)


def test_server_that_speaks_something_else_is_a_reason() -> None:
    """An answer that is not HTTP gives a reason, not a traceback."""
    with answering(b"220 mail.example ready\r\n") as mirror, pytest.raises(sources.SourceUnavailableError, match="220"):
        mirror.read(FIRST, data.silent)


def test_download_that_breaks_off_is_a_reason() -> None:
    """A body of unknown length that ends too early is noticed."""
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
    """The callback is called for each file, from 0 up to all its bytes."""
    told: dict[str, list[tuple[int, int | None]]] = {}
    data.fetch(sources=asking(mirrors[0]), progress=lambda name, *state: told.setdefault(name, []).append(state))
    for name in FILES:
        size = len(mirrors[0].bodies[f"/{name}.gz"])
        assert told[name][0] == (0, size)
        assert told[name][-1] == (size, size)


def test_interrupted_download_leaves_nothing(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """Ctrl-C during the second file leaves the first one whole, and nothing of the second."""
    second = list(FILES)[1]

    def interrupt(name: str, done: int, total: int | None) -> None:
        if name == second and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.fetch(sources=asking(*mirrors), progress=interrupt)
    assert contents(small_world) == {FIRST: FILES[FIRST]}
    assert mirrors[1].requests == []


def test_trouble_in_the_callback_is_not_the_mirrors(mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """An exception of the progress callback is not reported as one of the network."""

    def broken_pipe(name: str, done: int, total: int | None) -> None:
        if done:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        data.fetch(sources=asking(*mirrors), progress=broken_pipe)


def test_interrupted_write_leaves_nothing(
    small_world: Path, mirrors: tuple[FakeMirror, FakeMirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption just before a file would appear leaves neither the file nor a temporary one."""

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fetch(sources=asking(*mirrors))
    assert contents(small_world) == {}


def test_two_fetches_at_once_do_no_harm(small_world: Path, mirrors: tuple[FakeMirror, FakeMirror]) -> None:
    """A second fetch during the first leaves a whole cache, and so does the first when it goes on."""
    seen = []

    def meanwhile(name: str, done: int, total: int | None) -> None:
        if done and not seen:
            data.fetch(sources=asking(mirrors[1]))
            seen.append(contents(small_world))

    data.fetch(sources=asking(mirrors[0]), progress=meanwhile)
    assert seen == [FILES]
    assert contents(small_world) == FILES
