"""The verdicts of a course as JUnit XML: a test case for each submission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from reports.course.entry import Entry
from reports.course.summary import in_words
from reports.verdicts.text import one_line


def as_junit(entries: Sequence[Entry]) -> str:
    """One test suite with a test case for each submission; one that is not judged counts as an error, not as passed."""
    verdicts = Counter(each.verdict for each in entries)
    about = {
        "name": "course",
        "tests": str(len(entries)),
        "failures": str(verdicts["fail"]),
        "errors": str(verdicts["error"] + verdicts["not judged"]),
        "time": f"{sum(each.seconds for each in entries):.3f}",
    }
    root = ET.Element("testsuites", about)
    ET.SubElement(root, "testsuite", about).extend(map(_case, entries))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(entry: Entry) -> ET.Element:
    case = ET.Element("testcase", {"name": one_line(entry.name), "classname": "course", "time": f"{entry.seconds:.3f}"})
    if entry.verdict != "pass":
        kind = "failure" if entry.verdict == "fail" else "error"
        failed = ET.SubElement(case, kind, {"message": in_words(entry), "type": entry.verdict})
        failed.text = "\n".join(one_line(f"{each.check}: {each.mistake or 'unknown mistake'}") for each in entry.failed)
    return case
