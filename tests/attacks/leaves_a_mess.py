"""Leaves folders without access rights, very deep folders, links, pipes and odd names."""
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
