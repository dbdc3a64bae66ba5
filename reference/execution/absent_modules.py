"""Notes on modules that a submission imports and that are absent in the sandbox: stand-ins take their place."""

from __future__ import annotations

from collections.abc import Sequence

#: Modules that people import for plots, tables, progress bars and experiments. They are no part of what is judged, so
#: the worker takes stand-ins for them.
_KNOWN_MODULES = {
    "_tkinter", "tkinter", "matplotlib", "mpl_toolkits", "pandas", "polars", "seaborn", "plotly", "bokeh", "altair",
    "pygame", "graphviz", "networkx", "tqdm", "rich", "alive_progress", "progressbar", "colorama", "tabulate",
    "termcolor", "sklearn", "scipy", "statsmodels", "xgboost", "sympy", "numba", "numexpr", "cupy", "cython",
    "autograd", "numdifftools", "joblib", "torch", "torchvision", "tensorflow", "keras", "jax", "jaxlib", "flax",
    "theano", "mxnet", "tensorboard", "wandb", "mlflow", "optuna", "PIL", "cv2", "skimage", "imageio", "h5py",
    "idx2numpy", "python_mnist", "requests", "yaml", "toml", "absl", "gdown", "openml", "IPython", "ipywidgets",
    "jupyter", "google", "pytest", "hypothesis", "nose", "black", "mypy", "typing_extensions", "attr", "psutil", "dill",
    "cloudpickle", "line_profiler", "memory_profiler",
}  # fmt: skip


def notes_on_unknown(stand_ins: Sequence[str]) -> list[str]:
    """A note on each stand-in for a module that is not well known.

    It may be a module of the submission that was not handed in; then the code works with a stand-in and nowhere else.
    """
    return [
        f"the module {name} was not handed in and is not installed: a stand-in that does nothing took its place here, "
        "but elsewhere its import fails"
        for name in stand_ins
        if name not in _KNOWN_MODULES
    ]


def notes_on_known(stand_ins: Sequence[str]) -> list[str]:
    """One note that lists the stand-ins for well-known modules; none if there are none."""
    known = [name for name in stand_ins if name in _KNOWN_MODULES]
    return [f"stand-ins that do nothing took the place of {', '.join(known)}"] if known else []
