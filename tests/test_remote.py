"""A function in the sandbox is one of this process: what goes out, what comes back, and what it raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Call, Laid, New, Reply, Step, Unusable
from reference.gradients import declaration, remote
from reference.gradients.declaration import DeclarationError

X = np.array([[1.0, -2.0, 3.0], [0.5, np.nan, 2.0]])


class Scripted:
    """Keeps what it is asked, and answers each request with the same reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.steps: list[Step] = []

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        self.steps = list(steps)
        return [Reply(), self.reply]


def called(reply: Reply, *args: Any) -> tuple[Any, list[Step]]:
    executor = Scripted(reply)
    found = remote.method(executor, "Layer", "forward", "tanh")(*args)
    return found, executor.steps


def test_a_call_makes_an_object_and_sends_the_arguments_in_order() -> None:
    """What it shows in findings is the name that it was given."""
    found, steps = called(Reply(value=7.0), X, 2, "mean", None)
    assert found == 7.0
    new, call = steps
    assert new == New("one", "Layer")
    assert isinstance(call, Call)
    assert (call.name, call.method, call.by_position) == ("one", "forward", True)
    assert list(call.arguments) == ["args[0]", "args[1]", "args[2]", "args[3]"]
    assert call.arguments["args[0]"] is X
    assert list(call.arguments.values())[1:] == [2, "mean", None]
    shown = remote.method(Scripted(Reply()), "Layer", "forward", "tanh")
    assert (shown.__name__, shown.__qualname__, shown.__module__) == ("tanh", "tanh", "your_module")


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        (X[::-1], "reversed"),
        (X[:, ::-1], "reversed"),
        (np.broadcast_to(X[0], (2, 3)), "broadcast"),
        (np.broadcast_to(X[0, :1], (3, 1)), "broadcast"),
        (np.broadcast_to(X[0, 0], (3,)), "broadcast"),
        (np.broadcast_to(X[0], (1, 3)), "read-only"),
        (frozen(X.copy()), "read-only"),
        (X.T, "Fortran"),
        (np.zeros((4, 6))[::2, ::2], "strided"),
    ],
)
def test_an_array_is_sent_with_its_layout(array: np.ndarray, layout: str) -> None:
    """As a plain array beside the word for how it lies in memory."""
    _, (_, call) = called(Reply(), array)
    sent = call.arguments["args[0]"]  # type: ignore[union-attr]
    assert isinstance(sent, Laid)
    assert sent.layout == layout
    assert sent.array.flags.c_contiguous
    assert np.array_equal(sent.array, array, equal_nan=True)


@pytest.mark.parametrize("array", [X, np.zeros((0, 3)), np.array(1.5), np.zeros((1, 3))])
def test_a_plain_array_is_sent_as_it_is(array: np.ndarray) -> None:
    """Nothing is said of its layout."""
    _, (_, call) = called(Reply(), array)
    assert call.arguments["args[0]"] is array  # type: ignore[union-attr]


def test_extended_precision_is_sent_in_double() -> None:
    """Frames do not carry it."""
    _, (_, call) = called(Reply(), X.astype(np.longdouble))
    sent = call.arguments["args[0]"]  # type: ignore[union-attr]
    assert sent.dtype == np.float64
    assert np.array_equal(sent, X, equal_nan=True)


@pytest.mark.parametrize("value", [X.view(type("Own", (np.ndarray,), {})), [1.0], object()])
def test_what_is_no_plain_array_is_not_sent(value: Any) -> None:
    """Its knowledge would be lost on the way."""
    with pytest.raises(TypeError, match=type(value).__name__):
        called(Reply(), value)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(error="ValueError: not today", error_kind="ValueError"), ValueError, "not today"),
        (
            Reply(error="UnicodeDecodeError: bad", error_kind="UnicodeDecodeError"),
            remote.RemoteError,
            "UnicodeDecodeError: bad",
        ),
        (Reply(error="Own: bad", error_kind="Own"), remote.RemoteError, "Own: bad"),
        (Reply(error="KeyboardInterrupt: ", error_kind="KeyboardInterrupt"), remote.RemoteError, "KeyboardInterrupt: "),
        (Reply(error="it ended", error_kind="print"), remote.RemoteError, "it ended"),
        (Reply(error="it ended"), remote.RemoteError, "it ended"),
    ],
)
def test_what_it_raises_there_is_raised_here(reply: Reply, kind: type[Exception], said: str) -> None:
    """Where it is one of Python's exceptions; else as a `RemoteError` that tells of it."""
    with pytest.raises(kind) as caught:
        called(reply, X)
    assert type(caught.value) is kind
    assert str(caught.value) == said


def test_an_argument_that_was_written_into_changes_here_too() -> None:
    """That one alone, and where it can be written into; what is not finite becomes a number."""
    args = [np.array([1.0, 2.0]), np.array([np.inf, 2.0]), np.zeros(0), frozen(np.array([3.0])), np.array([4.0])]
    called(Reply(changed=("args[0]", "args[1]", "args[2]", "args[3]")), *args)
    assert [each.tolist() for each in args] == [[2.0, 2.0], [0.0, 2.0], [], [3.0], [4.0]]


def test_what_no_frame_carries_comes_back_as_an_object_without_meaning() -> None:
    """Also inside of tuples and lists, which keep their types."""
    found, _ = called(Reply(value=(X, [Unusable("set"), 3.0])), X)
    assert type(found) is tuple
    assert found[0] is X
    assert type(found[1]) is list
    assert type(found[1][0]) is object
    assert found[1][1] == 3.0


SOURCE = """
from elsewhere import f, other as g, unrelated
f_args = g_args = 1
f_vjp: object = None
def g_vjp(): ...
class h: ...
h_vjp, h_args, h_spec, g_domain = 1, 2, 3, 4
h_args = h_spec = h_vjp = g_domain = None
def helper(): return 1
"""


def test_declarations_are_names_at_the_top_of_a_file() -> None:
    """However they are defined; in the file's order, or the one that is asked for."""
    found = {each.name: (each.has_spec, each.has_domain) for each in declaration.declared(SOURCE)}
    assert found == {"f": (False, False), "g": (False, True), "h": (True, False)}
    assert [each.name for each in declaration.declared(SOURCE, "g")] == ["g"]


def test_a_definition_is_left_without_gradients() -> None:
    """However they are defined, and with all else."""
    left = declaration.without_gradients(SOURCE)
    assert "f_vjp" not in left
    assert "g_vjp" not in left
    for kept in ("from elsewhere", "f_args", "class h", "def helper"):
        assert kept in left


def test_the_wrapper_calls_what_the_file_declares() -> None:
    """Each class stands for a function: its values, or its definition's, its gradient, arguments and domain."""
    functions = declaration.declared(SOURCE.replace("f_args", "f_domain = f_args"))
    module = type("own", (), {
        "f": staticmethod(lambda x: x + 1), "f_vjp": staticmethod(lambda c, x: c * x), "f_args": [1, 2],
        "f_domain": (3, 4), "h": staticmethod(lambda x: x), "h_spec": staticmethod(lambda x: -x), "g_domain": (),
    })  # fmt: skip

    def classes(spec: bool) -> Callable[[str], Any]:
        text = declaration.wrapper("own", functions, spec=spec)
        names: dict[str, Any] = {"_module": module}
        exec(text.replace("import own as _module\n", ""), names)  # noqa: S102 - it is our own text
        return lambda name: names[declaration.class_name(name)]()

    f = classes(spec=False)("f")
    assert (f.forward(2), f.vjp(3, 2), f.args(), f.domain()) == (3, 6, (1, 2), [3, 4])
    assert classes(spec=False)("h").domain() is None
    assert classes(spec=False)("g").domain() == []
    with pytest.raises(AttributeError, match="f_spec"):
        classes(spec=True)("f").forward(2)
    assert classes(spec=True)("h").forward(2) == -2


@pytest.mark.parametrize(
    ("source", "wanted", "said"),
    [
        ("def f(): ...", None, "NAME_vjp"),
        ("f = f_vjp = f_args = 1", "g", "g_vjp"),
        ("f = f_vjp = 1", None, "f_args"),
        ("def f(x:", None, "no Python"),
        ("x = '\0'", None, "no Python"),
    ],
)
def test_what_cannot_be_judged_says_what_is_missing(source: str, wanted: str | None, said: str) -> None:
    """By its name where it has one."""
    with pytest.raises(DeclarationError, match=said):
        declaration.declared(source, wanted)


def test_a_file_is_read_as_text(tmp_path: Any) -> None:
    """With or without the mark that some editors put in front; bytes that are no text are told."""
    path = tmp_path / "own.py"
    path.write_bytes("\ufeffé = 1".encode())
    assert declaration.read(path) == "é = 1"
    path.write_bytes(b"\xff\xff")
    for each in (path, tmp_path / "nowhere.py"):
        with pytest.raises(DeclarationError, match="read"):
            declaration.read(each)
