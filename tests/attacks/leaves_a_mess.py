"""Folders that may not be entered, and others so deep that no path leads there; links, pipes, odd names."""
import os

from wrong import Wrong

for make in (
    lambda: os.mkdir("locked", 0),
    lambda: os.symlink("/", "root"),
    lambda: os.symlink("loop", "loop"),
    lambda: os.mkfifo("pipe"),
    lambda: open(b"\xff\n\x1b[2J", "w").close(),
):
    try:
        make()
    except OSError as error:
        print(error)
for _ in range(30):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)


class ReLULayer(Wrong):
    pass
