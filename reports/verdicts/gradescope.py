"""The verdict as Gradescope's ``results.json``, with a test for each method and its points.

https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format describes the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference import Finding, Judgement
from reports.verdicts.details import headline, in_full
from reports.verdicts.json_ import encoded
from reports.verdicts.points import Part, Scheme
from reports.verdicts.text import one_line

_MOST_OUTPUT = 20_000


def gradescope(judgement: Judgement, scheme: Scheme) -> str:
    """The text of results.json: all tests and points are visible to the student, what the code printed is not."""
    passed = {each.check for each in judgement.findings if each.status == "passed"}
    tests = [test for number, part in enumerate(scheme.parts, 1) for test in _tests(part, number, judgement, passed)]
    content: dict[str, Any] = {
        "score": 0.0 if judgement.verdict == "error" else scheme.total(passed),
        "execution_time": round(judgement.seconds, 3),
        "output": f"{judgement.verdict}: {headline(judgement)}. The seed of the questions is {judgement.seed}.",
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return encoded(content)


def _tests(part: Part, number: int, judgement: Judgement, passed: set[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for subject, points, most in part.by_method(passed):
        checks = part.methods[subject][1]
        findings = [each for each in judgement.findings if each.check in checks]
        found.append(
            {
                "name": f"{subject} ({part.title})",
                "number": f"{number}.{len(found) + 1}",
                "score": round(points, 4),
                "max_score": round(most, 4),
                "status": "passed" if all(check in passed for check in checks) else "failed",
                "output": _output(findings)[:_MOST_OUTPUT],
                "output_format": "text",
                "visibility": "visible",
            }
        )
    return found


def _output(findings: Sequence[Finding]) -> str:
    """The first failure of a method in full; the others by their names."""
    failed = [each for each in findings if each.status == "failed"]
    if failed:
        others = "".join(f"also failed: {each.check}\n" for each in failed[1:])
        return f"{failed[0].check} failed\n{in_full(failed[0])}{others}"
    skipped = [each for each in findings if each.status != "passed"]
    reason = f"{len(skipped)} not judged: {one_line(skipped[0].actual or '', 300)}" if skipped else "all checks pass"
    return f"{reason}\n"
