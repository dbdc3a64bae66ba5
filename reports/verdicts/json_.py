"""The verdict as JSON, schema 1: verdict.schema.json beside this file describes it, docs/verdict.md explains it."""

from __future__ import annotations

from typing import Any

from reference import Finding, Judgement
from reports.io.jsonfile import dumps

SCHEMA = 1


def json(judgement: Judgement) -> str:
    """The judgement as strict JSON."""
    return encoded(record(judgement))


def encoded(value: Any) -> str:
    """ASCII alone, no NaN and no infinity written bare: text that any parser reads and no terminal obeys."""
    text = dumps(_whole(value), ascii_only=True)
    # Both are printable ASCII to JSON; but a terminal deletes at the one, and a GitHub runner obeys the other.
    return text.replace("\x7f", r"\u007f").replace("##[", r"##\u005b")


def record(judgement: Judgement) -> dict[str, Any]:
    """The judgement in the order of the schema; new fields come last."""
    return {
        "schema": SCHEMA,
        "implementation": judgement.implementation,
        "verdict": judgement.verdict,
        "seed": judgement.seed,
        "seconds": round(judgement.seconds, 3),
        "counts": judgement.counts,
        "checks": [_check(each, judgement.durations.get(each.check)) for each in judgement.findings],
        "assignment": judgement.assignment,
        "effort": judgement.effort,
        "isolation": judgement.isolation,
        "notes": list(judgement.notes),
        "output": judgement.output,
        "only": judgement.only,
    }


def _check(finding: Finding, seconds: float | None) -> dict[str, Any]:
    return {
        "id": finding.check,
        "subject": finding.subject,
        "status": finding.status,
        "rationale": finding.rationale,
        "expected": finding.expected,
        "actual": finding.actual,
        "index": None if finding.index is None else list(finding.index),
        "bound": finding.bound,
        "counterexample": dict(finding.counterexample),
        "mistake": finding.mistake,
        "hint": finding.hint,
        "repro": finding.repro,
        "depends_on": list(finding.depends_on),
        "seconds": None if seconds is None else round(seconds, 6),
        "mistakes": list(finding.mistakes),
        "oracle": finding.oracle,
    }


def _whole(value: Any) -> Any:
    """Without halves of surrogate pairs, which some parsers refuse."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
