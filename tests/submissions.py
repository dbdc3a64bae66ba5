"""Submissions of ``bp check``, right and wrong, and the exit code it has for them."""

from __future__ import annotations

from pathlib import Path

from reference.mistakes import plain
from reports import cli

RIGHT = Path(plain.__file__).read_text(encoding="utf-8")
LEAKY = RIGHT.replace("return np.maximum(X, 0)", "return np.maximum(X, 0.01 * X)")
NAIVE = RIGHT.replace("X - X.max(axis=1, keepdims=True)", "X")
PYTHON_2 = f"print 'hello'\n{RIGHT}"
HANGS = RIGHT.replace("return np.maximum(X, 0)", "\n        while True: pass")
RELU = ("--effort", "quick", "--only", "relu.*")


def hand_in(folder: Path, **sources: str) -> None:
    """Put a file for each source into a folder."""
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")


def outcome(*argv: str) -> int:
    """The exit code, by whichever way."""
    try:
        return cli.main(["check", *argv])
    except SystemExit as stop:
        return int(stop.code or 0)


def submission(source: str) -> str:
    """A submission in the current folder; gives its path."""
    Path("net.py").write_text(source, encoding="utf-8")
    return "net.py"
