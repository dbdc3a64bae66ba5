"""The files of this machine that a submission needs: Python, its library, numpy, and what these load."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

#: What a submission may import besides the standard library, where it is installed.
_LIBRARIES = ("numpy", "scipy")
#: Where Python's own library has what is installed.
PACKAGES = ("site-packages", "dist-packages")
_SHARED_OBJECTS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def interpreter() -> Path:
    """Python itself, not the link to it that an environment has."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


def folders() -> list[Path]:
    """numpy's and scipy's own folders, and those of the libraries that they bring."""
    found = []
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).resolve().parent
            found += [each for each in (package, package.with_name(f"{name}.libs")) if each.is_dir()]
    return found


def standard() -> Path:
    """The folder of Python's own library."""
    return Path(sysconfig.get_path("stdlib")).resolve()


def system_files() -> list[str]:
    """What Python itself needs: its library without installed packages, the system's shared objects, and devices."""
    files = [str(each) for each in standard().iterdir() if each.name not in PACKAGES]
    files += [str(each) for each in Path(sys.base_prefix, "lib").glob("libpython*")]
    return [*files, *_SHARED_OBJECTS, *_DEVICES]
