"""The version of the project that is installed."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version, or words that say that nothing is installed."""
    try:
        return metadata.version("bp-lab")
    except metadata.PackageNotFoundError:
        return "from a folder of its source, which is not installed"
