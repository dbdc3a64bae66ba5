"""Web servers on this machine with small files in place of MNIST's, and folders with these files."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from reports.training import sources
from reports.training.sources import Mirror

FILES = {
    "train-images-idx3-ubyte": b"training images " * 10_000,
    "train-labels-idx1-ubyte": b"training labels " * 100,
    "t10k-images-idx3-ubyte": b"test images " * 1_000,
    "t10k-labels-idx1-ubyte": b"test labels " * 10,
}
FIRST = next(iter(FILES))


@dataclass
class FakeMirror:
    """A web server on this machine.

    ``bodies`` maps a path to what is sent, ``lengths`` to a false Content-Length; other paths are 404.
    """

    url: str
    bodies: dict[str, bytes]
    lengths: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[FakeMirror]:
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
    return tuple(Mirror(mirror.url, timeout=60) for mirror in mirrors)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fill(folder: Path, ending: str = "") -> Path:
    """Write the four files into ``folder``, gzipped if ``ending`` says so."""
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / f"{name}{ending}").write_bytes(gzip.compress(content) if ending else content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in ``folder``, temporary files included; empty if the folder does not exist."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}
