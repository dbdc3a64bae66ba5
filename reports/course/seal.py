"""A seal on what a later run believes: it needs a key that the user alone can read, so that nobody else can make it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

_BYTES = 32
_NAME = "seal"


class Seal:
    """Marks records as this user's.

    Parameters
    ----------
    key
        Of the user.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sealed(self, record: dict[str, Any], above: str = "") -> dict[str, Any]:
        """The record with its seal, which holds for this record below the one whose seal is ``above``."""
        return {**record, _NAME: self._of(record, above)}

    def opened(self, record: Any, above: str = "") -> dict[str, Any] | None:
        """The record without its seal; None where the seal is not the right one."""
        if not isinstance(record, dict) or not isinstance(record.get(_NAME), str):
            return None
        plain = {name: value for name, value in record.items() if name != _NAME}
        return plain if hmac.compare_digest(self._of(plain, above).encode(), record[_NAME].encode()) else None

    def _of(self, record: dict[str, Any], above: str) -> str:
        text = json.dumps([above, record], sort_keys=True)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def seal_of(record: dict[str, Any]) -> str:
    """The seal that `Seal.sealed` has put on a record."""
    return str(record[_NAME])


def seal_in(folder: Path) -> Seal:
    """The seal whose key is in a folder; a new one is made where there is none.

    Raises
    ------
    OSError
        The key can be neither read nor written.
    """
    path = folder / "key"
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise OSError(f"expected {path} to have {_BYTES} bytes, it has {len(key)}: delete it, and resume nothing")
    return Seal(key)


def _make(path: Path) -> None:
    """Write a new key, unless another run does so at this moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # for the user alone
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
        os.link(name, path)
    except FileExistsError:
        pass
    except OSError:  # no links on this file system
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
