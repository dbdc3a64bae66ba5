"""Seals records, so that a later run can tell whether it has written them itself.

A seal is an HMAC-SHA-256 of the record. Its key lies in a file that the user alone can read, or is made from a secret
that the user's machines share, so nobody else can make one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

_KEY_BYTES = 32
#: The field of a sealed record that holds the seal.
_FIELD = "seal"


class Seal:
    """Makes and checks the seals of one user.

    Parameters
    ----------
    key
        The user's key.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sealed(self, record: dict[str, Any], above: str = "") -> dict[str, Any]:
        """The record with its seal.

        ``above`` is the seal of the header under which the record stands. It enters the seal, so that the record cannot
        be moved to another file.
        """
        return {**record, _FIELD: self._hmac(record, above)}

    def opened(self, record: Any, above: str = "") -> dict[str, Any] | None:
        """The record without its seal; None if the seal is absent or wrong."""
        if not isinstance(record, dict) or not isinstance(record.get(_FIELD), str):
            return None
        plain = {name: value for name, value in record.items() if name != _FIELD}
        return (
            plain
            if hmac.compare_digest(self._hmac(plain, above).encode(), record[_FIELD].encode(errors="replace"))
            else None
        )

    def _hmac(self, record: dict[str, Any], above: str) -> str:
        text = json.dumps([above, record], sort_keys=True)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def seal_of_secret(secret: str) -> Seal:
    """The `Seal` whose key is made from a secret that several machines know."""
    return Seal(hashlib.sha256(secret.encode(errors="surrogateescape")).digest())


def seal_of(record: dict[str, Any]) -> str:
    """The seal of a record that `Seal.sealed` has made."""
    return str(record[_FIELD])


def seal_in(folder: Path) -> Seal:
    """The `Seal` whose key lies in a folder; a new key is made if there is none.

    Raises
    ------
    OSError
        The key cannot be read or written, or has the wrong length.
    """
    path = folder / "key"
    if not path.exists():
        _write_new_key(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise OSError(
            f"expected {path} to have {_KEY_BYTES} bytes, it has {len(key)}: delete it, and run again without --resume"
        )
    return Seal(key)


def _write_new_key(path: Path) -> None:
    """Write a new key, unless another run has just written one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # a file that the user alone can read
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
        os.link(name, path)
    except FileExistsError:
        pass
    except OSError:  # this file system has no hard links
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
