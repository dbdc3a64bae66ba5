"""Tables of points that course platforms import: the grades of Moodle, and the gradebook of Canvas.

A submission that was not judged gets no grade and the reason as feedback, so that nobody is lost.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from reports.course.entry import Entry
from reports.course.summary import cell, in_words
from reports.verdicts.points import Scheme, in_numbers
from reports.verdicts.text import one_line

#: How Moodle names what it lets teachers download: the name, the number of the participant, what it is.
_MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+_")
#: How Canvas does: the name in small letters, "LATE" where it was late, the number of the user, that of the file.
_CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_")


#: By the option: how the platform names a download, and what its number is called there.
_PLATFORMS = {"moodle": (_MOODLE, "Moodle"), "canvas": (_CANVAS, "Canvas")}


def points_of(entry: Entry, scheme: Scheme) -> float | None:
    """The points of a submission; None if it was not judged."""
    return None if entry.verdict in {"not judged", "error"} else scheme.total(entry.passed)


def as_moodle(entries: Sequence[Entry], scheme: Scheme) -> str:
    """A grading worksheet for Moodle: upload it where the assignment allows offline grading.

    Moodle asks for a column with the time of the last grade, to find those that were changed since; it is empty here.
    """
    columns = ("Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments")
    rows = []
    for each in one_for_each_student(entries, _MOODLE):
        found = _MOODLE.match(each.name)
        number = f"Participant {found['number']}" if found else ""
        values = (number, found["name"] if found else each.name, _grade(each, scheme), in_numbers(scheme.most), "")
        rows.append(dict(zip(columns, (*values, feedback(each)), strict=True)))
    return _table(columns, rows)


def as_canvas(entries: Sequence[Entry], scheme: Scheme, title: str) -> str:
    """A gradebook for Canvas, with the points possible in the second row; ``title`` is the assignment's name there."""
    columns = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", title)
    rows = [dict.fromkeys(columns, "") | {"Student": "    Points Possible", title: in_numbers(scheme.most)}]
    for each in one_for_each_student(entries, _CANVAS):
        found = _CANVAS.match(each.name)
        name, number = (found["name"], found["number"]) if found else (each.name, "")
        rows.append(dict.fromkeys(columns, "") | {"Student": name, "ID": number, title: _grade(each, scheme)})
    return _table(columns, rows)


def without_number(entries: Sequence[Entry], option: str) -> str | None:
    """A sentence on the submissions that a platform will not find, since their names are not of its download."""
    pattern, platform = _PLATFORMS[option]
    lost = [each.name for each in entries if not pattern.match(each.name)]
    if not lost:
        return None
    return (
        f"--{option}: {platform} will find no student for {len(lost)} of {len(entries)} rows, such as that of "
        f"{one_line(lost[0], 100)}: these names are not of {platform}'s download"
    )


def one_for_each_student(entries: Sequence[Entry], pattern: re.Pattern[str] = _MOODLE) -> list[Entry]:
    """The entries without those of a student of whom another one is better.

    A download has several of one student where he or she has handed in several files, or a text beside a file. Of two
    rows with one number the platform would take the last one.
    """
    best: dict[str, Entry] = {}
    for each in entries:
        found = pattern.match(each.name)
        key = f"number {found['number']}" if found else f"name {each.name}"
        if key not in best or _rank(each) > _rank(best[key]):
            best[key] = each
    kept = set(map(id, best.values()))
    return [each for each in entries if id(each) in kept]


def _rank(entry: Entry) -> tuple[bool, int]:
    return entry.verdict not in {"not judged", "error"}, len(entry.passed)


def feedback(entry: Entry) -> str:
    """What a student reads beside the grade."""
    return f"{entry.verdict}: {in_words(entry)}"


def _grade(entry: Entry, scheme: Scheme) -> str:
    points = points_of(entry, scheme)
    return "" if points is None else in_numbers(points)


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [one_line(each) for each in columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows({one_line(name): cell(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()
