"""Several outputs as one array, and findings about flat arrays in the names that a user gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.findings import Evidence, Finding, Findings
from reference.gradients.doors import outputs, scripts, translation
from reference.gradients.doors.outputs import Outputs
from reference.wording import fact
from tests.test_door_options import adapter

pytestmark = pytest.mark.catalogue

X, W = np.array([1.0, 2.0]), np.array([[3.0, 4.0]])
WHOLE = np.arange(3)


def test_several_arrays_are_joined_and_parted_again() -> None:
    """In the order of their structure, in the lowest precision among them; the cotangent has that structure."""
    out = Outputs()
    single = W.astype(np.float32)
    joined = out.joined({"y": X, "z": (single, 2.5)}, [X, W])
    assert joined.dtype == np.float32
    assert joined.tolist() == [1, 2, 3, 4, 2.5]
    back = out.parted(np.arange(5.0), [X, W])
    assert back["y"].tolist() == [0, 1]
    assert back["z"][0].tolist() == [[2, 3]]
    assert back["z"][1] == 4
    shapes = ((2,), (1, 2))
    assert out.place((1,), shapes) == ("output['y']", (1,))
    assert out.place((2,), shapes) == ("output['z'][0]", (0, 0))
    assert out.place((3,), shapes) == ("output['z'][0]", (0, 1))
    assert out.place((4,), shapes) == ("output['z'][1]", ())
    for index, inputs in (((5,), shapes), ((0, 0), shapes), ((0,), ((2,),))):
        assert out.place(index, inputs) is None
    assert out.joined((X.astype(complex), W), [X]).dtype == complex
    assert Outputs("layer").joined((X, W), [X]).tolist() == [1, 2, 3, 4]


def test_each_set_of_shapes_has_its_own_structure() -> None:
    """The last one stands for shapes that were not asked with; what does not fit stays as it is."""
    out = Outputs()
    given = np.arange(4.0)
    assert out.parted(given, [X]) is given
    out.joined((X, W), [X])
    out.joined((W, X), [W])
    assert [each.shape for each in out.parted(given, [X])] == [(2,), (1, 2)]
    assert [each.shape for each in out.parted(given, [W])] == [(1, 2), (2,)]
    assert [each.shape for each in out.parted(given, [WHOLE])] == [(1, 2), (2,)]
    for cotangent in (np.arange(3.0), np.ones((2, 2)), np.array(1.0)):
        assert out.parted(cotangent, [X]) is cotangent


@pytest.mark.parametrize("answer", [X, 2.5, (X,), [X, W], {}, (1, 2), None, ("a", "b")])
def test_one_array_is_left_as_it_is(answer: Any) -> None:
    """So is a tuple of one, of which a check tells, and what holds no array."""
    assert Outputs().joined(answer, [X]) is answer
    assert Outputs().joined_tensors(answer) is answer


def test_whole_numbers_among_outputs_have_no_part() -> None:
    """Such as the places of maxima; where nothing else is there the answer stays."""
    out = Outputs()
    assert out.joined((X, WHOLE, {"n": WHOLE, "w": W}), [X]).tolist() == [1, 2, 3, 4]
    found = out.parted(np.arange(4.0), [X])
    assert found[0].tolist() == [0, 1]
    assert found[1] is None
    assert found[2]["w"].tolist() == [[2, 3]]
    assert found[2]["n"] is None
    assert out.place((1,), ((2,),)) == ("output[0]", (1,))
    assert out.place((2,), ((2,),)) == ("output[2]['w']", (0, 0))
    assert out.joined({"y": X, "n": WHOLE}, [X]).tolist() == [1, 2]
    assert out.parted(X, [X])["y"].tolist() == [1, 2]
    only = (WHOLE, WHOLE)
    assert out.joined(only, [X]) is only
    assert outputs._concatenated([X, W.reshape(-1)]).dtype == np.float64
    assert Outputs().joined_tensors({"a": X, "b": [W, 2.5]}).tolist() == [1, 2, 3, 4, 2.5]


# Names


def finding(**more: Any) -> Finding:
    values: dict[str, Any] = {"check": "vjp.forward.values", "subject": "f", "status": "failed", "rationale": "r"}
    return Finding(**{**values, **more})


def test_findings_have_the_users_names() -> None:
    """In what was due, what came and the counterexample; an entry of one of several outputs has its own index."""
    one = adapter(X, {"w": W})
    one.outputs.joined({"y": X, "z": W}, [X, W])
    due = fact("entry near", what="forward", index=(3,), value=1.0, error=0.0)
    came = fact("entry", what="forward", index=(3,), value=2.0).and_("swapped", other="args[1]")
    asked = {"args[0]": X.tolist(), "args[1]": W.tolist(), "cotangent": [1.0, 2.0, 3.0, 4.0]}
    given = finding(due=due, came=came, index=(3,), counterexample=asked, repro="x")
    script = scripts.Script(("print(forward(*args))",), ("print(vjp(cotangent, *args))",))
    given = replace(given, evidence=Evidence("gradient[1]", [[3.0, 4.0]], [[3.0, 5.0]], [[0.0, 0.0]]))
    (found,) = translation.translated(Findings([given]), one, script)
    assert found.evidence is not None
    assert (found.evidence.name, found.evidence.actual) == ("gradient of args[1]['w']", [[3.0, 4.0]])
    assert (found.due.fields["what"], found.due.fields["index"]) == ("output['z']", (0, 1))
    assert (found.came.fields["what"], found.came.fields["index"]) == ("output['z']", (0, 1))
    assert found.came.more[0].fields["other"] == "args[1]['w']"
    assert found.index == (0, 1)
    assert found.expected == str(found.due)
    assert found.actual == str(found.came)
    assert found.counterexample == {
        "args[0]": X.tolist(), "args[1]['w']": W.tolist(), "cotangent": {"y": [1.0, 2.0], "z": [[3.0, 4.0]]},
    }  # fmt: skip
    assert found.repro is not None
    assert "args = (np.array([1.0, 2.0]), {'w': np.array([[3.0, 4.0]])},)" in found.repro
    assert "cotangent = {'y': np.array([1.0, 2.0]), 'z': np.array([[3.0, 4.0]])}" in found.repro
    assert found.repro.endswith("print(vjp(cotangent, *args))\n")
    assert "# vjp.forward.values\n" in found.repro


def test_a_script_has_arrays_of_the_given_precision() -> None:
    """And a cotangent of theirs."""
    one = adapter(X.astype(np.float32), WHOLE)
    asked = {"args[0]": X.tolist(), "args[1]": WHOLE.tolist(), "cotangent": [1.0, 2.0]}
    script = scripts.Script(("print(forward(*args))",), ("print(vjp(cotangent, *args))",))
    (found,) = translation.translated(Findings([finding(counterexample=asked, repro="x")]), one, script)
    assert found.repro is not None
    assert found.repro.count("dtype=np.float32") == 2
    assert found.repro.count("dtype=np.int") == 1


def test_a_gradient_is_that_of_an_argument_or_of_a_part() -> None:
    """By the number of the argument, or the name of the part; other entries keep their index."""
    one = adapter(X, {"w": W})
    for number, name in ((0, "gradient[0]"), (1, "gradient of args[1]['w']")):
        what = f"gradient[{number}]"
        due = fact("entry near", what=what, index=(0,), value=1.0, error=0.0)
        (found,) = translation.translated(Findings([finding(due=due, came=due, index=(0,))]), one, None)
        assert (found.due.fields["what"], found.due.fields["index"], found.index) == (name, (0,), (0,))
    named = fact("depends", names=("vjp.forward.answers", "gradient[1]"))
    (found,) = translation.translated(Findings([finding(came=named, actual="x")]), one, None)
    assert found.came.fields["names"] == ("vjp.forward.answers", "gradient of args[1]['w']")
    assert found.due is None
    plain = finding(expected="e", actual="a", evidence=Evidence("forward", [1.0], [2.0], [0.0]))
    assert translation.translated(Findings([plain]), one, None)[0] == plain


def test_a_loss_is_told_without_a_cotangent() -> None:
    """Which its gradient does not have; the script calls the one function."""
    one = adapter({"w": X}, is_arguments=False)
    given = finding(counterexample={"args[0]": X.tolist(), "cotangent": 1.0}, repro="x")
    script = scripts.Script(("print(loss(args))",), ("print(other)",))
    (found,) = translation.translated(Findings([given]), one, script, takes_cotangent=False)
    assert "cotangent" not in found.counterexample
    assert found.repro is not None
    assert "print(loss(args))" in found.repro
    (found,) = translation.translated(Findings([given]), one, script)
    assert found.counterexample["cotangent"] == 1.0
    for without in (given, finding(counterexample={"args[0]": X.tolist()})):
        (found,) = translation.translated(Findings([without]), one, None if without is given else script)
        assert found.repro is None
    (found,) = translation.translated(Findings([finding(counterexample={"inputs": "many"}, repro="x")]), one, script)
    assert (found.repro, found.counterexample) == (None, {"inputs": "many"})
