"""The pages on the submissions as one zip file, named as Moodle wants feedback files back."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from reports.course.entry import Entry
from reports.course.gradebooks import feedback, one_for_each_student
from reports.verdicts.document import document

#: The time of every file in the zip, so that the same pages give the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)
_FILE = re.compile(r"^(?P<start>.+_\d+_assignsubmission_[a-z]+_)(?P<file>.+)$")


def as_zip(entries: Sequence[Entry], pages: Mapping[str, Path]) -> bytes:
    """A zip file with a page for each submission, also for those that were not judged.

    Parameters
    ----------
    entries
        One for each submission.
    pages
        By the submission's name: its page, where there is one.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in one_for_each_student(entries):
            page = pages.get(each.name)
            content = page.read_bytes() if page is not None else _without_page(each).encode()
            entry = zipfile.ZipInfo(_name(each.name), _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def _name(submission: str) -> str:
    """Moodle finds the student by the name of the folder, or by what the name of the file begins with."""
    found = _FILE.match(submission)
    safe = submission.replace("/", "_").replace("\\", "_")
    return f"{found['start']}feedback.html" if found else f"{safe}/feedback.html"


def _without_page(entry: Entry) -> str:
    return document(entry.name, [f"<h1>{escape(entry.name)}</h1>", f"<p>{escape(feedback(entry))}</p>"])
