"""``bp data``: fetch MNIST, or verify what is there."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from reports.io.exit_codes import FAILED, OK, TOOL, UsageError
from reports.io.progress import downloads
from reports.training import data


def run(arguments: argparse.Namespace) -> int:
    """Fetch or verify the files, as ``arguments.action`` says."""
    if arguments.action == "verify":
        return _verify(arguments.folder, Console(highlight=False, soft_wrap=True))
    folder = mnist_folder(arguments.folder, Console(stderr=True, highlight=False, soft_wrap=True))
    if folder is None:
        return TOOL
    Console(highlight=False, soft_wrap=True).print(f"MNIST is in {folder}, all four files verified", markup=False)
    return OK


def mnist_folder(given: Path | None, console: Console) -> Path | None:
    """Return the folder with the verified files, fetched if need be; print the reason and return None if that fails."""
    try:
        with downloads(console) as progress:
            return data.fetch(given, progress=progress)
    except data.FolderError as error:
        raise UsageError(str(error)) from error
    except data.FetchError as error:
        console.print(str(error), markup=False)
        return None


def _verify(given: Path | None, console: Console) -> int:
    folder = given or data.folder_in_use()
    if folder is None:
        raise UsageError("expected a folder to verify: give --from DIR or set BP_MNIST")
    if not folder.is_dir():
        raise UsageError(f"expected a folder to verify, there is no such folder: {folder}")
    records = data.verify(folder)
    console.print(f"{folder}:", markup=False)
    for record in records:
        console.print(f"  {record.name}: {data.describe(record)}", markup=False)
    return OK if all(record.ok for record in records) else FAILED
