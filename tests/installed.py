"""Tries the installed wheel (``tox -e static``). It is run by ``python -I``, which does not see the checkout."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import bp
import reference
import reports

CHECKOUT = Path(__file__).resolve().parent.parent


def run(*arguments: str, expected: int = 0) -> str:
    """The output of the installed ``bp`` command."""
    command = Path(sys.executable).with_name("bp")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != expected:
        raise SystemExit(f"bp {' '.join(arguments)}: exit code {done.returncode}, expected {expected}\n{done.stderr}")
    print(f"bp {' '.join(arguments)}: {done.returncode}")
    return done.stdout


def same_as_the_checkout() -> None:
    """Every file of the packages, code or not, is installed, and nothing else."""
    installed = {str(each) for each in metadata.files("bp-lab") or []}
    for package in ("bp", "reference", "reports"):
        ours = {str(each.relative_to(CHECKOUT)) for each in (CHECKOUT / package).rglob("*") if each.is_file()}
        there = {each for each in installed if each.startswith(f"{package}/")}
        differing = {each for each in ours ^ there if "__pycache__" not in each}
        if differing:
            raise SystemExit(f"the wheel and the checkout differ in {sorted(differing)}")


def main() -> None:
    """Exit code 0 if all is there and works."""
    for package in (bp, reference, reports):
        if Path(str(package.__file__)).is_relative_to(CHECKOUT / package.__name__):
            raise SystemExit(f"{package.__name__} comes from the checkout, not from the wheel")
    same_as_the_checkout()
    # In an empty folder, where nothing of the checkout can be found.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        wrong = Path(folder) / "wrong.py"
        wrong.write_text("class ReLULayer:\n    pass\n", encoding="utf-8")
        verdict, page = Path(folder) / "verdict.json", Path(folder) / "verdict.html"
        run("--version")
        run("check", "--effort", "quick", "--json", str(verdict), "--html", str(page))
        if json.loads(verdict.read_text(encoding="utf-8"))["verdict"] != "pass" or not page.stat().st_size:
            raise SystemExit("our own implementation, as installed, did not pass")
        run("check", str(wrong), "--effort", "quick", expected=1)
        run("check", "--list")
        run("train", "xor", "--epochs", "3", "--out", str(Path(folder) / "history.json"))
    print("the wheel is whole and works")


if __name__ == "__main__":
    main()
