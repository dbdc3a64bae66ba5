"""The hint that goes with a failure which no known mistake explains: by its word, and by what is said of it."""

from __future__ import annotations

import re

from reference.execution.worker.standins import CAME_FROM
from reference.findings import Violation
from reference.lab.mistakes import HINTS

_STAND_IN = (
    "Only numpy and the standard library are at hand where code is judged: hand in the module too if it is your own, "
    "and write with numpy what comes from any other."
)
_NOT_RUN = (
    "The file did not run to where the class is defined: the line above says why. "
    "Nothing in it can be judged before that."
)
_NOT_ALLOWED = (
    "Where code is judged it may not start threads or other programs, use the network, or write files of others: "
    "leave that out of the modules with the layers, or do it under `if __name__ == '__main__':`."
)
#: How Python tells that the system refused something.
_REFUSED = re.compile(
    r"can't start new thread|Read-only file system|Operation not permitted|Permission denied|PermissionError"
)
#: The file has run, or there is none: it is the name that is not there.
_NO_SUCH_NAME = re.compile(r"^there is no |has no class \w+ once it has run$")


def hint_for(violation: Violation) -> str | None:
    """What to think about where a promise is broken."""
    if CAME_FROM in violation.actual:
        return _STAND_IN
    if violation.mistake == "crash" and _REFUSED.search(violation.actual):
        return _NOT_ALLOWED
    return HINTS.get(violation.mistake or "")


def hint_for_missing(reason: str) -> str:
    """What to think about where a class is missing: its name, or that its file could not be run."""
    if _NO_SUCH_NAME.search(reason):
        return HINTS["missing"]
    return _NOT_ALLOWED if _REFUSED.search(reason) else _NOT_RUN
