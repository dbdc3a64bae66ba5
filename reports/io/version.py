"""The versions of the project and of others that are installed."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version, or words that say that nothing is installed."""
    return version_of("bp-lab") or "from a folder of its source, which is not installed"


def version_of(distribution: str) -> str | None:
    """The version of something that is installed; None if it is not."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
