"""The files of this machine that a submission needs: Python, its library, numpy, and the libraries that these load."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path

#: What a submission may import besides the standard library, where it is installed.
_LIBRARIES = ("numpy", "scipy")
#: Names of the folders in Python's own library that hold the installed packages.
PACKAGES = ("site-packages", "dist-packages")
#: Where Debian keeps the packages of its own Python, among the shared objects.
_OF_DEBIAN = Path("/usr/lib/python3/dist-packages")
_SHARED_OBJECTS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def interpreter() -> Path:
    """The path of the Python executable itself; in a virtual environment, of what the link there leads to."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


def package_folders() -> list[Path]:
    """The folders of numpy and scipy, and those of the shared libraries that come with them."""
    found = []
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            package = Path(spec.origin).resolve().parent
            found += [each for each in (package, package.with_name(f"{name}.libs")) if each.is_dir()]
    return found


def standard_library() -> Path:
    """The folder of Python's own library."""
    return Path(sysconfig.get_path("stdlib")).resolve()


def installed_folders() -> list[Path]:
    """The folders of installed packages that lie in Python's own library, or among the shared objects."""
    folders = [*(standard_library() / name for name in PACKAGES), _OF_DEBIAN]
    return [each for each in dict.fromkeys(folders) if each.is_dir()]


def system_files() -> list[str]:
    """What Python itself needs: its library without installed packages, the system's shared objects, and devices."""
    files = [str(each) for each in standard_library().iterdir() if each.name not in PACKAGES]
    files += [str(each) for each in Path(sys.base_prefix, "lib").glob("libpython*")]
    return [*files, *_SHARED_OBJECTS, *_DEVICES]
