"""The judgement as JSON of schema 1, which verdict.schema.json defines and docs/verdict.md explains."""

from __future__ import annotations

from typing import Any

from reference import Finding, Judgement
from reports.io.jsonfile import dumps
from reports.verdicts.points import Scheme

SCHEMA = 1


def json(judgement: Judgement, scheme: Scheme | None = None) -> str:
    """The judgement as JSON text, with points if there is a scheme of points."""
    passed = {each.check for each in judgement.findings if each.status == "passed"}
    return encoded(record(judgement) | ({} if scheme is None else {"points": scheme.record(passed)}))


def encoded(value: Any) -> str:
    """A value as JSON that every parser can read and no terminal interprets: ASCII alone, and NaN as a string."""
    text = dumps(_without_surrogates(value), ascii_only=True)
    # JSON leaves these two as they are; but a terminal deletes a character at DEL, and a GitHub runner obeys ##[.
    return text.replace("\x7f", r"\u007f").replace("##[", r"##\u005b")


def record(judgement: Judgement) -> dict[str, Any]:
    """The judgement as values that JSON can hold, in the order of the schema."""
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
        "cause": cause_of(finding),
        "place": place_of(finding),
    }


def cause_of(finding: Finding) -> str | None:
    """Why an exception came, or why nothing usable did, where that is known."""
    cause = finding.came.fields.get("cause") if finding.came is not None else None
    return cause if finding.status == "failed" and isinstance(cause, str) else None


def place_of(finding: Finding) -> dict[str, Any] | None:
    """Where in the submission's own files an exception was raised: its file, line and source."""
    more = finding.came.more if finding.came is not None and finding.status == "failed" else ()
    fields = next((each.fields for each in more if {"file", "line", "source"} <= set(each.fields)), None)
    return None if fields is None else {name: fields[name] for name in ("file", "line", "source")}


def _without_surrogates(value: Any) -> Any:
    """The value with lone surrogates, which some parsers refuse, written as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list | tuple) else value
