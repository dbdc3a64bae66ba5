"""Every word that the examiner says of the tests' wrong codings, as it is kept in `words.json`: see `tests.kept`."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from reference.findings import Finding
from reference.oracles import ball
from tests.kept import assert_same

#: Numbers are other tests' business, and their last digits depend on the processor.
_NUMBER = re.compile(r"-?(?:\b(?:nan|inf)\b|\d+(?:\.\d*)?(?:e[+-]?\d+)?)")
#: What a finding may have besides, of which it is kept whether it has it.
_BESIDES = ("index", "bound", "evidence", "repro")
#: Words of a hint.
_FIRST = 6
_ARRAY = re.compile(r"\[[-\d.,\s\[\]e+naif#]*\]")


def of(findings: Iterable[Finding]) -> list[str]:
    """What is said, line by line, without numbers; of what passed nothing is."""
    said = []
    for finding in findings:
        if finding.status == "passed":
            continue
        told = {"expected": finding.expected, "got": finding.actual, "mistake": finding.mistake}
        lines = [f"{finding.check} {finding.status} {finding.subject}", *(f"{k}: {v}" for k, v in told.items() if v)]
        lines.append(f"for: {', '.join(finding.counterexample)}")
        lines.append(f"with: {', '.join(name for name in _BESIDES if getattr(finding, name) is not None)}")
        lines.append(f"hint: {' '.join((finding.hint or '').split()[:_FIRST])}")
        lines += [
            f"script: {line}" for line in (finding.repro or "").splitlines() if line.startswith(("from", "print"))
        ]
        said += [_NUMBER.sub("#", _ARRAY.sub("[]", _NUMBER.sub("#", line))) for line in lines]
    return said


def assert_kept(kind: str, name: str, findings: Iterable[Finding]) -> None:
    """The words are those of the file; or they are written to it, where that is asked for."""
    if np.lib.NumpyVersion(np.__version__) < "2.3.0" or ball.available() is not None:
        return  # numpy's own words, which are passed on, were others then; without flint less can be judged
    assert_same("words", kind, name, of(findings))
