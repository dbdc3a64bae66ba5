"""Which version of the project this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """As it is installed."""
    try:
        return metadata.version("bp-lab")
    except metadata.PackageNotFoundError:
        return "from a folder of its source, which is not installed"
