"""Starts other programs, which would outlive it."""
import os
import subprocess

from wrong import Wrong

for start in (
    lambda: subprocess.Popen(["sleep", "100"], start_new_session=True),
    lambda: os.system("sleep 100 &"),
    lambda: os.posix_spawn("/bin/sleep", ["sleep", "100"], {}),
    lambda: os.execv("/bin/true", ["true"]),
    lambda: __import__("multiprocessing").Process(target=print).start(),
):
    try:
        start()
    except OSError as error:
        print(error)


class ReLULayer(Wrong):
    pass
