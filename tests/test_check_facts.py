"""All that a check of the lab says of a wrong class: the numbers and names of its facts, the place, case and script."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.context import Context
from reference.lab.formatting import nested
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import CHECKS
from tests.test_check_words import ROWS

pytestmark = [needs_flint, pytest.mark.catalogue]

_LAW = "rng.normal(0, sqrt(2 / n_inputs), (n_inputs, n_units))"
_MADE = ("n_inputs", "n_units", "rng", "name")
#: Of rows of `ROWS`: what the facts have to say of what was due and of what came, beside their kinds.
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cannot be made": ({"cls": "LinearLayer", "names": _MADE}, {"error": "TypeError", "cause": "arguments"}),
    "made with sizes in the other order": ({"what": "W", "shape": (3, 5)}, {"shape": (5, 3)}),
    "parameters that are not told": ({"value": True}, {"value": "None"}),
    "parameters that are told in words": ({"value": False}, {"value": "no"}),
    "parameters that are told wrongly": ({"value": False}, {"value": True}),
    "parameters of which nobody knows": ({"value": True}, {"error": "NotImplementedError"}),
    "weights that lie transposed": ({"what": "W", "shape": (40, 50)}, {"shape": (50, 40)}),
    "weights that are too small": ({"what": "W", "law": _LAW}, {"what": "W"}),
    "weights of another generator": ({"what": "W", "law": _LAW}, {"what": "W"}),
    "weights in single precision": ({"what": "W", "dtype": "float64"}, {"dtype": "float32"}),
    "biases of zero": (
        {"what": "b", "law": "np.ones(n_units)", "index": (0,), "value": 1.0, "mean": 1.0, "deviation": 0.0},
        {"what": "b", "index": (0,), "value": 0.0, "mean": 0.0, "deviation": 0.0},
    ),
    "weights under another name": ({"name": "W"}, {"error": "AttributeError", "cause": "attribute"}),
    "weights that are no numbers": ({"name": "W"}, {"name": "str", "cause": None}),
    "a step that raises": ({}, {"error": "ValueError", "said": "ValueError: no"}),
    "a step that is changed": ({"names": ("dtheta",)}, {"names": ("dtheta",)}),
    "a step that makes more weights": ({"what": "W", "shape": (1, 2)}, {"shape": (2, 2), "before": (1, 2)}),
    "one array for two": ({"names": ("dW", "db")}, {"name": "ndarray", "cause": None}),
    "a list for an array": ({}, {"name": "list", "cause": None}),
    "a number for an array": ({}, {"name": "float", "cause": None}),
    "a row for a column": ({"what": "loss", "shape": (1, 1)}, {"shape": (1,)}),
    "an answer in single precision": ({"what": "Y", "dtype": "float64"}, {"dtype": "float32"}),
    "an input that is changed": ({"names": ("X",)}, {"names": ("X",)}),
    "an answer that is its input": ({}, {"name": "X"}),
    "an answer that alternates": ({"what": "Y"}, {}),
    "a NaN that is hidden": ({}, {"what": "Y", "row": 0, "values": (0.0, 0.0)}),
    "arguments by their names alone": ({"subject": "ReLULayer.delta", "names": ("Y", "delta_next")}, {}),
    "losses in a row": ({"shape": (1, 1)}, {"shape": (1,)}),
    "losses in words": ({"shape": (1, 1)}, {"name": "str"}),
    "an infinite loss of a certain prediction": ({"what": "loss", "index": (0, 0), "value": 0.0}, {"what": "loss"}),
    "a finite loss of an impossible target": (
        {"what": "loss", "index": (0, 0), "value": np.inf}, {"what": "loss", "index": (0, 0), "value": 99.0},
    ),
}  # fmt: skip
#: Circumstances of what was due, apart from the bound; and of what came, apart from where something was raised.
TOLD: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "made with sizes in the other order": [("by position", {"names": _MADE})],
    "steps with momentum": [("at call", {"number": 2})],
    "an answer that depends on the layout": [("in layout", {"layout": "Fortran"})],
    "an answer that is right once": [("after any call", {})],
    "an answer that depends on the order": [("reordered", {"order": [2, 0, 3, 1]})],
    "a square of the cotangent": [("from two parts", {})],
    "a sum for a mean": [("each sample once", {})],
    "arguments in the other order": [("by position", {"names": ("Y", "delta_next")})],
    "an answer that is right once in long use": [("at call", {"number": 2})],
    "a long use after which it raises": [("at call", {"number": 2})],
}
CAME: dict[str, list[str]] = {
    "weights of another generator": ["another generator"],
    "a sum for a mean": ["each sample twice"],
}
#: What no single call shows.
WITHOUT_SCRIPT = {
    "an answer that depends on the layout", "an answer that is right once", "an answer that is right once in long use",
    "a long use after which it raises",
}  # fmt: skip
#: Where answers differ between calls, or an argument is looked at, the printed answer shows nothing by itself.
_ALONE = {
    "an answer that alternates", "an answer after which it raises", "an answer that depends on the row before",
    "an answer that depends on the order", "a square of the cotangent", "a sum for a mean",
}  # fmt: skip


def run(which: str) -> tuple[Violation, Context]:
    """The violation of a row, and the context with the log of the check."""
    check, classes, *_ = ROWS[which]
    context = Context(InProcess(classes, {}), ball, "handed_in.py", effort="quick")
    with pytest.raises(Violation) as caught:
        CHECKS[check].run(context)
    return caught.value, context


def printed(script: str, classes: dict[str, type]) -> Any:
    """What a script would print where it imports the classes from the module that was handed in."""
    module, found = ModuleType("handed_in"), []
    vars(module).update(classes)
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setitem(sys.modules, "handed_in", module)
        exec(script, {"print": found.append})  # noqa: S102 - made here
    (answer,) = found
    return answer


@pytest.mark.parametrize("which", ROWS)
def test_the_facts_say_it_in_numbers(which: str) -> None:
    """Names, shapes and values of what was due and of what came, with the circumstances that belong to them."""
    found, _ = run(which)
    due, came = FIELDS.get(which, ({}, {}))
    assert due.items() <= found.due.fields.items()
    assert came.items() <= found.came.fields.items()
    told = [(each.kind, {**each.fields}) for each in found.due.more if each.kind != "allowed"]
    assert told == TOLD.get(which, [])
    kinds = [each.kind for each in found.came.more if each.kind not in {"raised at", "takes no such arguments"}]
    assert kinds == CAME.get(which, ["own layers"] if ROWS[which][0].startswith("mlp.") else [])
    for fact in (found.due, found.came):
        assert not {name for name, value in fact.fields.items() if value is None} - {"cause"}
        if "index" in fact.fields and found.index is not None:
            assert fact["index"] == found.index
    allowed = [each["error"] for each in found.due.more if each.kind == "allowed"]
    assert allowed == ([] if found.bound is None else [found.bound])


@pytest.mark.parametrize("which", [name for name, row in ROWS.items() if row[0].count(".") == 2])
def test_what_is_shown_is_the_case_that_was_asked(which: str) -> None:
    """By its numbers, as the call that shows it, and as a script, where one call shows it."""
    found, context = run(which)
    subject = CHECKS[ROWS[which][0]].subject
    if found.asked is None:
        assert found.repro is None or subject.startswith("MLP")
        return
    message, case = found.asked
    assert message.subject == subject
    assert repr(found.counterexample) == repr(nested(case))  # in which a NaN is like a NaN
    assert (found.repro is None) == (which in WITHOUT_SCRIPT)
    for each in context.log:
        assert (each.message is None) == (each.case is None)
        if each.bounds is not None:
            assert each.case is not None
            assert [np.shape(value) for value in each.values] == [*message.shapes(each.case)]
            assert [np.shape(bound) for bound in each.bounds] == [*message.shapes(each.case)]


SHOWN = [
    name
    for name, row in ROWS.items()
    if row[3] == "entry" and row[0].count(".") == 2 and name not in WITHOUT_SCRIPT | _ALONE and "step" not in name
]


@pytest.mark.parametrize("which", SHOWN)
def test_the_script_shows_the_entry(which: str) -> None:
    """What it prints has the entry that came, at the place that is told."""
    found, _ = run(which)
    assert found.repro is not None
    answer = np.asarray(printed(found.repro, ROWS[which][1]))
    assert answer[found.came["index"]] == pytest.approx(found.came["value"], nan_ok=True)
