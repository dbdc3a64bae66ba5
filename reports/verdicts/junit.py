"""The judgement as JUnit XML, which CI services show: a test suite for each class, a test case for each check."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from reference import Finding, Judgement
from reports.verdicts.details import headline, in_full, in_short, own_output
from reports.verdicts.grouping import Class, by_class
from reports.verdicts.text import one_line


def junit(judgement: Judgement) -> str:
    """The judgement as JUnit XML.

    If the verdict is not "pass" although no check failed, a test case of its own fails, so that CI shows it as red.
    """
    root = ET.Element("testsuites", {"name": one_line(judgement.implementation, 300), **_totals(judgement.counts)})
    root.set("time", _seconds(judgement.seconds))
    for group in by_class(judgement.findings):
        root.append(_suite(group, judgement.durations))
    if judgement.verdict != "pass" and not (judgement.counts["failed"] or judgement.counts["error"]):
        root.append(_failed_verdict(judgement))
        root.set("tests", str(int(root.get("tests", "0")) + 1))
        root.set("failures", "1")
    _add_circumstances(root, judgement)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(group: Class, durations: Mapping[str, float]) -> ET.Element:
    seconds = sum(durations.get(each.check, 0.0) for each in group.findings)
    suite = ET.Element("testsuite", {"name": group.name, **_totals(group.counts), "time": _seconds(seconds)})
    suite.extend(_case(each, durations.get(each.check, 0.0)) for each in group.findings)
    return suite


def _case(finding: Finding, seconds: float) -> ET.Element:
    case = ET.Element("testcase", {"name": finding.check, "classname": finding.subject, "time": _seconds(seconds)})
    match finding.status:
        case "failed":
            about = {"message": in_short(finding), "type": one_line(finding.mistake or "unknown mistake")}
            ET.SubElement(case, "failure", about).text = in_full(finding)
        case "error":
            about = {"message": in_short(finding), "type": "fault of the examiner, no verdict"}
            ET.SubElement(case, "error", about)
        case "skipped":
            ET.SubElement(case, "skipped", {"message": one_line(finding.actual or "")})
    return case


def _failed_verdict(judgement: Judgement) -> ET.Element:
    """A suite with one failed test case for the verdict as a whole."""
    counts = {"passed": 0, "failed": 1, "skipped": 0, "error": 0}
    suite = ET.Element("testsuite", {"name": "verdict", **_totals(counts), "time": _seconds(0)})
    case = ET.SubElement(suite, "testcase", {"name": "verdict", "classname": "verdict", "time": _seconds(0)})
    ET.SubElement(case, "failure", {"message": headline(judgement), "type": "nothing judged"})
    return suite


def _add_circumstances(root: ET.Element, judgement: Judgement) -> None:
    """Put properties and output into the first suite, because programs do not look for them outside a suite."""
    suite = root.find("testsuite")
    if suite is None:
        return
    properties = ET.Element("properties")
    for name, value in _properties(judgement).items():
        ET.SubElement(properties, "property", {"name": name, "value": one_line(value)})
    suite.insert(0, properties)
    output = own_output(judgement)
    if output:
        lines = ["The submission itself wrote this, which is no part of the verdict:", *output]
        ET.SubElement(suite, "system-out").text = "\n".join(lines)


def _properties(judgement: Judgement) -> dict[str, str]:
    """How the submission was judged, as plain values for programs."""
    return {
        "seed": str(judgement.seed),
        "effort": judgement.effort,
        "assignment": str(judgement.assignment),
        "only": judgement.only,
        "seconds": _seconds(judgement.seconds),
        "isolation": judgement.isolation,
        "notes": "; ".join(judgement.notes),
    }


def _totals(counts: Mapping[str, int]) -> dict[str, str]:
    return {
        "tests": str(sum(counts.values())),
        "failures": str(counts["failed"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"] + counts.get("expected", 0)),
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
