"""Makes modules and imports them, one after the other, for ever."""
import importlib
import itertools
import pathlib

for number in itertools.count():
    pathlib.Path(__file__).with_name(f"m{number}.py").write_text("x = 1\n")
    importlib.invalidate_caches()
    importlib.import_module(f"m{number}")


class ReLULayer:
    pass
