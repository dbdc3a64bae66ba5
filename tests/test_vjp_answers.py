"""What is made of the answers of a function and of its gradient: arrays, or a violation with its word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Check
from reference.findings import Violation
from reference.gradients import check, consistency, diagnosis, rigorous
from reference.gradients.arguments import pattern
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject, as_array, asked, constants, crash, laid
from reference.gradients.swapped import other_argument
from reference.numerics import function_tolerances
from reference.numerics.oracles import ball, torch_autograd
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y, Z = drawn(2, 3), drawn(2, 3) + 2.0, drawn(3)


def product(x: Array, y: Array) -> Array:
    return np.sin(x) * y


def product_vjp(g: Array, x: Array, y: Array) -> tuple[Array, Array]:
    return g * np.cos(x) * y, g * np.sin(x)


def exchanged(g: Array, x: Array, y: Array) -> tuple[Array, ...]:
    return product_vjp(g, x, y)[::-1]


def context_of(vjp: Callable[..., Any], forward: Callable[..., Any] = product, args: Any = (X, Y)) -> Context:
    return Context(Subject(forward, vjp, pattern(args, None)), None, 0, "quick")


#: An answer, what it is an answer of, what it is told to be, and why that may be.
STRANGE: dict[str, tuple[str, Any, str, str | None]] = {
    "complex numbers": ("forward", np.array([1j]), "an array of dtype complex128", "complex"),
    "words": ("forward", np.array(["a"]), "an array of dtype <U1", None),
    "one word": ("gradient[0]", "a", "str", None),
    "nothing": ("gradient[1]", None, "NoneType", None),
    "several outputs": ("forward", (X, Y), "tuple", "several answers"),
    "a list of outputs": ("forward", [X, Y], "list", "several answers"),
    "several gradients for one": ("gradient[0]", (X, Y), "tuple", None),
}


@pytest.mark.parametrize("which", STRANGE)
def test_what_is_no_array_is_told(which: str) -> None:
    """By its type, as the answer of what was asked, with the arguments."""
    name, value, came, cause = STRANGE[which]
    with pytest.raises(Violation) as caught:
        as_array(name, value, {"args[0]": [1.0]})
    violation = caught.value
    assert (violation.due.kind, violation.due["what"], violation.mistake) == ("real numbers", name, "wrong-type")
    assert (violation.came.kind, violation.came["name"], violation.came["cause"]) == ("type", came, cause)
    assert violation.counterexample == {"args[0]": [1.0]}


@pytest.mark.parametrize("value", [X, 2, 2.5, True, np.float32(1.5), np.array([True])])
def test_an_array_is_copied(value: Any) -> None:
    """A number is an array without axes; what is written into the answer afterwards is not seen."""
    found = as_array("forward", value, {})
    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, value)
    assert found is not value


#: An answer of a vjp with two arguments, and the kinds of what was due and came, with the word.
ODD: dict[str, tuple[Any, str, str, str]] = {
    "one array": (X, "gradients", "not in a tuple", "wrong-type"),
    "a number": (1.0, "gradients", "not in a tuple", "wrong-type"),
    "three": ((X, Y, Z), "gradients", "several", "wrong-type"),
    "one in a tuple": ((X,), "gradients", "several", "wrong-type"),
    "none for one": ((X, None), "real numbers", "type", "wrong-type"),
    "too few entries": ((X, Z), "shape of argument", "shape", "wrong-shape"),
}


@pytest.mark.parametrize("which", ODD)
def test_gradients_are_one_for_each_argument(which: str) -> None:
    """In a tuple or a list, and each with the entries of its argument."""
    answer, due, came, word = ODD[which]
    subject = Subject(product, lambda g, x, y: answer, pattern((X, Y), None))
    with pytest.raises(Violation) as caught:
        subject.gradients(X, (X, Y))
    assert (caught.value.due.kind, caught.value.came.kind, caught.value.mistake) == (due, came, word)
    assert list(caught.value.counterexample) == ["cotangent", "args[0]", "args[1]"]
    assert caught.value.due.fields.get("count", 2) == 2
    if came == "not in a tuple":
        assert caught.value.came["name"] == ("float" if which == "a number" else "an array of shape (2, 3)")
    if came == "several":
        assert caught.value.came == fact("several", name="tuple", count=len(answer))
    if which in {"none for one", "too few entries"}:
        assert caught.value.due["what"] == "gradient[1]"
    if came == "shape":
        assert (caught.value.due["shape"], caught.value.came["shape"]) == (Y.shape, Z.shape)


def test_the_only_gradient_is_in_a_tuple_too() -> None:
    """It is said so, and no number of them is told."""
    subject = Subject(np.sin, lambda g, x: g, pattern((X,), None))
    with pytest.raises(Violation) as caught:
        subject.gradients(X, (X,))
    assert caught.value.due == fact("gradient alone")
    with pytest.raises(Violation) as caught:
        Subject(lambda x: None, np.sin, pattern((X,), None)).output((X,))
    assert caught.value.due["what"] == "forward"
    assert caught.value.counterexample == asked((X,))


def test_gradients_have_the_shapes_of_their_arguments() -> None:
    """Where they have as many entries; a list is as good as a tuple, and whole numbers have none."""
    subject = Subject(product, lambda g, x, n, y: [X.T, 5, Y.ravel()], pattern((X, np.array(3), Y), None))
    one, two = subject.gradients(X, (X, np.array(3), Y))
    assert np.array_equal(one, X.T.reshape(2, 3))
    assert np.array_equal(two, Y)


@pytest.mark.parametrize(
    ("error", "word"),
    [(NotImplementedError(), "not-implemented"), (SystemExit(1), "exits"), (ValueError("no"), "crash")],
)
def test_what_is_raised_has_a_word(error: BaseException, word: str) -> None:
    """And is told of the function that has raised it; a violation is told as it is."""

    def raising(*args: Any) -> Any:
        raise error

    violation = crash("vjp", error, {"args[0]": 1})
    assert (violation.mistake, violation.due.kind, violation.due["what"]) == (word, "answers", "vjp")
    assert (violation.came.kind, violation.came["error"]) == ("raised", type(error).__name__)
    assert str(error) in violation.came["said"]
    assert violation.counterexample == {"args[0]": 1}
    for subject, name in ((Subject(raising, exchanged, pattern((X, Y), None)), "forward"),
                          (Subject(product, raising, pattern((X, Y), None)), "vjp")):  # fmt: skip
        with pytest.raises(Violation) as caught:
            subject.output((X, Y)) if name == "forward" else subject.gradients(X, (X, Y))
        assert caught.value.due["what"] == name
        assert (caught.value.came["error"], caught.value.__cause__) == (type(error).__name__, error)
        assert set(caught.value.counterexample or ()) == {"args[0]", "args[1]", "cotangent"} - {
            "cotangent" if name == "forward" else ""
        }
    again = crash("vjp", violation, {"args[0]": 2})
    assert (again.mistake, again.counterexample) == (word, {"args[0]": 2})


def test_functions_are_given_copies() -> None:
    """What a function writes into its arguments is not seen by the next call."""

    def writing(x: Array, y: Array) -> Array:
        x[:] = 0.0
        return x + y

    x = X.copy()
    Subject(writing, product_vjp, pattern((X, Y), None)).output((x, Y))
    assert np.array_equal(x, X)


def test_the_arguments_of_a_case_are_told_in_lists() -> None:
    """The cotangent first where there is one; of many thousands of numbers it is told how many there are."""
    assert asked((Z, np.array(2))) == {"args[0]": Z.tolist(), "args[1]": 2}
    assert list(asked((Z,), X)) == ["cotangent", "args[0]"]
    many = np.zeros(function_tolerances.LARGE)
    assert list(asked((many,))) == ["args[0]"]
    assert asked((many, Z)) == {"inputs": f"arrays of {many.size + 3} numbers"}


def test_arrays_with_axes_have_layouts() -> None:
    """Whole numbers and numbers without axes keep theirs; all of them may be read-only."""
    assert not laid(X, "Fortran").flags.c_contiguous
    assert laid(np.arange(6).reshape(2, 3), "Fortran").flags.c_contiguous
    assert laid(np.array(1.5), "broadcast") == 1.5
    for array in (X, np.arange(3), np.array(1.0)):
        assert not laid(array, "read-only").flags.writeable
        assert np.array_equal(laid(array, "strided"), array)


def test_arguments_without_a_gradient_are_constants() -> None:
    """Those for which the answer is None, unless it is None for all of them, or no answer at all."""

    def answering(*parts: Any) -> frozenset[int]:
        return constants(Subject(product, lambda g, x, y: parts, pattern((X, Y), None)))

    assert answering(X, None) == {1}
    assert answering(None, Y) == {0}
    assert answering(X, Y) == answering(None, None) == answering(X) == frozenset()
    seen: list[Any] = []
    single = X.astype(np.float32)
    constants(
        Subject(product, lambda g, x, y: (seen.append((g.dtype, g.shape)) or x, None), pattern((single, Y), None))
    )
    constants(Subject(np.sin, lambda g, x: (seen.append((g.dtype, g.shape)) or x,), pattern((single,), None)))
    assert seen == [(np.dtype(np.float64), X.shape), (np.dtype(np.float32), X.shape)]


def test_gradients_in_each_others_place_are_told() -> None:
    """Of which argument the gradient is; right ones, wrong ones and those of other shapes are not taken for that."""
    assert [other_argument(context_of(exchanged), number) for number in (0, 1)] == [1, 0]
    assert [other_argument(context_of(product_vjp), number) for number in (0, 1)] == [None, None]

    def both(g: Array, x: Array, y: Array) -> tuple[Array, Array]:
        return g * np.sin(x), g * np.sin(x)

    assert [other_argument(context_of(both), number) for number in (0, 1)] == [None, None]

    def scaled(x: Array, z: Array) -> Array:
        return x * z

    def scaled_vjp(g: Array, x: Array, z: Array) -> tuple[Array, Array]:
        return g * x, g * z

    assert other_argument(context_of(scaled_vjp, scaled, (X, Z)), 0) is None


@pytest.mark.parametrize(
    ("forward", "vjp", "args", "other"),
    [
        (lambda x, y: x - y, lambda g, x, y: (-g, g), (X, Y), 1),
        (lambda x, y: x + y, lambda g, x, y: (g, g), (X, Y), None),
        (lambda x, y: 0 * x + 0 * y, lambda g, x, y: (0 * x, 0 * y), (X, Y), None),
        (lambda x, y: x + 2 * y, lambda g, x, y: (2 * g, 3 * g), (X, Y), None),
        (lambda x, y: x + 2 * y, lambda g, x, y: (3 * g, g), (X, Y), None),
        (lambda x, y: 1e9 * x + 2 * y, lambda g, x, y: (2 * g, 1e9 * g), (X, Y), 1),
        (lambda x, z: np.asarray(x.sum() + 10 * z.sum()), lambda g, x, z: (5 * g + 0 * x, 2 * g + 0 * z), (X, Z), None),
        (lambda x, y: x + 2 * y, lambda g, x, y: [].pop(), (X, Y), None),
        (lambda x, z, y: x + z + 2 * y, lambda g, x, z, y: (2 * g, g.sum(axis=0), g), (X, Z, Y), 2),
        (lambda x, n, y: x + n[0] * y, lambda g, x, n, y: (2 * g, None, g), (X, np.array([2]), Y), 2),
    ],
)  # fmt: skip
def test_gradients_of_other_slopes_are_those_of_another_argument(forward: Any, vjp: Any, args: Any, other: Any) -> None:
    """Of its shape, whose own slope is clearly another one; where nothing is answered none is named."""
    assert other_argument(context_of(vjp, forward, args), 0) == other


@pytest.mark.parametrize("is_given", [False, True])
def test_a_definition_tells_whose_gradient_it_is(is_given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one the forward pass does not."""
    for module in (rigorous, ball, torch_autograd):
        monkeypatch.setattr(module, "available", lambda: "not needed here")
    given = pattern((X, Y), None)
    spec = Specification(product, given) if is_given else None
    subject = Subject(lambda x, y: product(x, y) if is_given is False else x + y, exchanged, given)
    assert other_argument(Context(subject, spec, 0, "quick"), 0) == 1


def test_exchanged_gradients_are_named_without_a_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The differences show it, of an argument's values and consistency alike; nothing else is called so."""
    monkeypatch.setattr(diagnosis, "explained", lambda context, name, violation: violation)
    monkeypatch.setattr(check.diagnosis, "explained", lambda context, name, violation: violation)
    findings = check.check_vjp(product, exchanged, X, Y, only="vjp.gradient*")
    failed = {each.check: each for each in findings.failed}
    for number in (0, 1):
        finding = failed[f"vjp.gradient[{number}].consistent"]
        assert (finding.mistake, finding.mistakes) == ("swapped", ("swapped",))
        assert finding.came is not None
        (told,) = [each for each in finding.came.more if each.kind == "swapped"]
        assert told["other"] == f"args[{1 - number}]"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("vjp.gradient[0].values", 0), ("vjp.gradient[12].consistent", 12), ("vjp.gradient[1].types", None),
        ("vjp.gradient.linear", None), ("vjp.forward.values", None),
    ],
)  # fmt: skip
def test_checks_are_about_one_argument(name: str, number: int | None) -> None:
    """Those of the numbers of its gradient; a shape or a type is another matter."""
    assert check._argument_of(Check(name, "vjp", "", lambda _: None)) == number


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_are_compared_in_their_own_precision(dtype: Any) -> None:
    """What is beyond its largest number is not judged, and its unit roundoff is granted."""
    comparison = consistency.comparison_of(context_of(product_vjp, args=(X.astype(dtype), Y.astype(dtype))), 1)
    info = np.finfo(dtype)
    assert comparison.name == "gradient[1]"
    assert comparison.largest == float(info.max)
    assert comparison.unit == float(info.eps) / 2
