"""Writes, changes and removes what is not its own."""
import os
import pathlib
import shutil

from wrong import Wrong

kept = "@OUTSIDE@/kept.txt"
for attempt in (
    lambda: pathlib.Path("@OUTSIDE@/new.txt").write_text("x"),
    lambda: pathlib.Path(kept).write_text("x"),
    lambda: os.chmod(kept, 0),
    lambda: os.utime(kept, (0, 0)),
    lambda: os.truncate(kept, 0),
    lambda: os.chown(kept, 1, 1),
    lambda: os.setxattr(kept, "user.x", b"x"),
    lambda: os.link(kept, "link"),
    lambda: os.rename(kept, "renamed"),
    lambda: os.remove(kept),
    lambda: os.open(kept, os.O_RDONLY | os.O_TRUNC),
    lambda: os.open(os.__file__, os.O_RDONLY | os.O_TRUNC),
    lambda: os.chmod("@OUTSIDE@", 0),
    lambda: os.mkdir("@OUTSIDE@/folder"),
    lambda: os.symlink("/", "@OUTSIDE@/symlink"),
    lambda: shutil.rmtree("@OUTSIDE@"),
    lambda: pathlib.Path("/dev/shm/bp-attack").write_text("x"),
    lambda: pathlib.Path("/tmp/bp-attack").write_text("x"),
    lambda: pathlib.Path("/bp-attack").write_text("x"),
):
    try:
        attempt()
    except OSError:
        pass


class ReLULayer(Wrong):
    pass
