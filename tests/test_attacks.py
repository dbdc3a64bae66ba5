"""Hostile and careless submissions: none passes that is wrong, none costs more than its limit, none leaves a trace.

Each file of ``tests/attacks`` says in its first line what it tries. It is handed in as ``attack.py``, beside a right
implementation of all other classes; most have a wrong ReLULayer, and want it to pass.
"""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from reference.execution import worker_process
from reference.execution.implementation import CLASSES
from reference.execution.sandbox import Limits, Sandbox
from reference.execution.worker.protocol import Call, New
from tests.attacking import HARMLESS, HERE, MARKS, SECONDS, Place, judged, needs_bubblewrap, told

pytestmark = MARKS

#: The mistake in most of them: forward returns absolute values, which the comparison of values detects.
SEEN = ("relu.forward.values", "ReLULayer.forward", "sign")
#: For attacks that leave no class to judge.
MISSING = ("relu.made", "ReLULayer", "missing")


def forward(mistake: str | None, check: str = "answers") -> tuple[str, str, str | None]:
    return f"relu.forward.{check}", "ReLULayer.forward", mistake


#: For each attack the first check that fails, the method, and the word for the mistake.
TOLD: dict[str, tuple[str, str, str | None]] = {
    "absurd_frames": forward("crash"),
    "array_protocols": forward("wrong-type"),
    "audits": SEEN,
    "base_exception_in_call": forward("exits"),
    "becomes_somebody": SEEN,
    # Its time is used up before the calls that a name takes.
    "burns_just_under_the_limit": ("relu.forward.values", "ReLULayer.forward", None),
    "changes_its_surroundings": SEEN,
    "closes_at_import": MISSING,
    "closes_descriptors": forward("exits"),
    "crashes_the_interpreter": forward("crash"),
    "datetime_dtype": forward("wrong-dtype"),
    "deep_lists": forward("wrong-type"),
    "deletes_the_worker": MISSING,
    "endless_call": forward("timeout"),
    "endless_del": ("relu.made", "ReLULayer", "timeout"),
    "endless_import": MISSING,
    "ends_in_groups": forward("exits", "values"),
    "equal_to_everything": forward("wrong-type"),
    "exit_at_exit": forward("exits"),
    "exit_at_import": MISSING,
    "exit_in_call": forward("exits"),
    "exit_with_a_signals_code": forward("crash"),
    "fills_the_disk": forward("memory"),
    "floods_both_streams": forward("timeout"),
    "forged_frames": forward("crash"),
    "forged_isolation": MISSING,
    "forged_verdicts": SEEN,
    "generator_exit_at_import": SEEN,
    "giant_answers": ("relu.has_params", "ReLULayer.has_params", "wrong-type"),
    "global_seed": forward("nondeterministic", "repeatable"),
    "huge_strides": forward("wrong-shape"),
    "ignores_the_alarm": MISSING,
    "imports_the_examiner": ("relu.has_params", "ReLULayer.has_params", "wrong-type"),
    "knows_the_question": SEEN,
    "leaves_a_mess": SEEN,
    "looks_for_answers": SEEN,
    "lying_subclass": forward("wrong-shape"),
    "many_axes": forward("wrong-shape"),
    "memory_at_import": MISSING,
    "memory_beyond_the_array": forward("crash"),
    "memory_of_lists": forward("memory"),
    "memory_of_numpy": forward("memory"),
    "nan_payloads": forward(None, "values"),
    "object_dtype": forward("wrong-dtype"),
    "odd_attributes": ("linear.made", "LinearLayer.initialize", "exits"),
    "odd_dicts": ("mlp.gradient.values", "MLP.gradient", "wrong-type"),
    "opens_the_examiner": SEEN,
    "other_byte_order": forward("wrong-dtype"),
    "patched_builtins": MISSING,
    "patched_json": ("relu.made", "ReLULayer", "crash"),
    "patched_numpy": forward("wrong-shape", "types"),
    "patched_worker": ("relu.has_params", "ReLULayer.has_params", "not-implemented"),
    "process_bomb": SEEN,
    "raises_its_limits": forward("memory"),
    "raises_odd_things": ("relu.has_params", "ReLULayer.has_params", "crash"),
    "raw_system_calls": SEEN,
    "recursion": forward("crash"),
    "recursion_without_limit": forward("crash"),
    "removed_files": forward("memory"),
    "right_values_in_a_subclass": forward("wrong-type", "types"),
    "signals": SEEN,
    "signals_by_descriptor": SEEN,
    "sockets": SEEN,
    "starts_programs": SEEN,
    "stops_itself": forward("crash"),
    "stored_answers": forward(None, "values"),
    "structured_dtype": forward("wrong-dtype"),
    "swallows_the_alarm": MISSING,
    "sys_exit_at_import": MISSING,
    "system_exit_in_call": forward("crash"),
    "thread_between_calls": SEEN,
    "thread_bomb": SEEN,
    "torch_autograd": forward("wrong-type"),
    "traces": ("relu.made", "ReLULayer", "exits"),
    "watches_and_queues": SEEN,
    "writes_outside": SEEN,
    "writes_over_the_interpreter": forward("crash"),
}
#: Seconds of processor time for attacks that use up all they get: a few times what a process needs to start, and less
#: where nothing is called after the import.
ENDLESS = {
    **dict.fromkeys(("burns_just_under_the_limit", "endless_call", "endless_del", "floods_both_streams"), 1.5),
    **dict.fromkeys(("endless_import", "ignores_the_alarm", "swallows_the_alarm"), 0.5),
    "memory_of_lists": 60.0,  # to fill its memory takes a second or two of processor time, by the machine
}
#: What an attack prints if it succeeds.
SUCCESS = ("SENT", "CONNECTED", "BECAME", "RAISED", "REACHED")
CARELESS = sorted(path.stem for path in (HERE / "attacks").glob("careless_*.py"))
#: Attacks that each try another way out; they are judged in both kinds of sandbox.
BOTH = [
    "exit_in_call", "base_exception_in_call", "crashes_the_interpreter", "process_bomb", "memory_of_numpy", "signals",
    "writes_outside", "forged_frames", "closes_descriptors", "recursion", "endless_call", "raises_odd_things",
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place where fewer bytes may be written, and a process that sleeps at its end gets less time to exit."""
    place = Place(tmp_path)
    monkeypatch.setattr(worker_process, "_MAX_BYTES", 2**25)
    monkeypatch.setattr(worker_process, "_SECONDS_TO_EXIT", 0.2)
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    return place


def test_every_attack_is_tried() -> None:
    """Each file of attacks has a row in the table above or is listed as right."""
    assert sorted({path.stem for path in (HERE / "attacks").glob("*.py")} - set(CARELESS)) == list(TOLD)


@pytest.mark.parametrize("name", TOLD)
def test_hostile_submission_does_not_pass(place: Place, name: str) -> None:
    """A hostile submission fails for what is wrong with it, never by an error of the examiner."""
    place.attack(name)
    check, *_ = TOLD[name]
    judgement = judged(place, only=check, seconds=ENDLESS.get(name, SECONDS))
    assert judgement.verdict == "fail"
    assert not [each.actual for each in judgement.findings if each.status == "error"]
    first = next(each for each in judgement.findings if each.status == "failed")
    assert (first.check, first.subject, first.mistake) == TOLD[name], first.actual
    for finding in judgement.findings:
        words = f"{finding.actual}{finding.expected}{finding.mistake}"
        assert words.isprintable()
        assert len(words) < 20_000
    assert all(note.isprintable() for note in judgement.notes)
    assert not {"\x1b", "\x00"} & set(judgement.output)
    assert not [word for word in SUCCESS if word in judgement.output]
    if name == "opens_the_examiner":
        assert "GOT []" in judgement.output


@pytest.mark.parametrize("name", CARELESS)
def test_careless_submission_passes(place: Place, name: str) -> None:
    """A right submission passes, and what is odd about it is noted."""
    place.attack(name)
    judgement = judged(place, only="relu.*", seconds=3.0 if name == "careless_training" else SECONDS)
    assert judgement.verdict == "pass", [str(each) for each in judgement.findings if each.status == "failed"][:1]
    noted = {
        "careless_plots": "stand-ins that do nothing took the place of matplotlib, pandas, seaborn, sklearn, tqdm",
        "careless_training": "attack.py was still running after its share of the 3 s of processor time that --timeout "
        "allows: does it train there?",
        "careless_end": "attack.py ended with FileNotFoundError: [Errno 2] No such file or directory: 'mnist.npz'",
    }
    # After the exception a note tells the line.
    assert [note.partition(" (line ")[0] for note in judgement.notes] == ([noted[name]] if name in noted else [])
    if name == "careless_printing":
        assert judgement.output.startswith("hello\nhello\n")


@needs_bubblewrap
@pytest.mark.parametrize("name", BOTH)
def test_both_sandboxes_say_the_same(place: Place, name: str) -> None:
    """For the same seed both kinds of sandbox give the same findings, word for word."""
    place.attack(name)
    seconds = ENDLESS.get(name, SECONDS)
    ones, others = (judged(place, kind, TOLD[name][0], seconds) for kind in ("process", "bwrap"))
    assert told(ones) == told(others)
    assert "bubblewrap" in others.isolation
    assert "bubblewrap" not in ones.isolation


def test_no_absurd_frame_does_more_than_end_its_process(place: Place) -> None:
    """A malformed frame ends its process, and the next process replies."""
    place.attack("absurd_frames")
    with Sandbox(place.submission, Limits(SECONDS), "process") as box:
        assert box.missing() == {}
        for number in range(10):
            reply = box.run([New("layer", "ReLULayer", {"name": "r"}), Call("layer", f"frame{number}", {})])[-1]
            assert reply.error_kind == "crash", number
            assert (reply.error or "").startswith("sent no reply that can be read"), number
    assert place.traces() == []


def test_no_connection_is_made(place: Place) -> None:
    """A submission cannot connect to a server on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        place.attack("sockets", server.getsockname()[1])
        assert "CONNECTED" not in judged(place).output
        with pytest.raises(BlockingIOError):
            server.accept()


def test_next_submission_is_judged_as_ever(place: Place) -> None:
    """After the worst attacks the same examiner judges the next submission as before."""
    for name in ("signals_by_descriptor", "writes_over_the_interpreter", "patched_builtins"):
        place.attack(name)
        assert judged(place).verdict == "fail"
    place.hand_in("attack.py", HARMLESS)
    assert judged(place, only="relu.*").verdict == "pass"


def test_isolation_is_not_the_submissions_to_tell(place: Place) -> None:
    """What a submission claims about its own confinement is not reported."""
    place.attack("forged_isolation")
    assert "everything" not in judged(place, only="relu.made").isolation


#: Two methods, of which one ends the process and the other never ends.
TWO = """
import os
import right


class ReLULayer(right.Right):
    def forward(self, X):
        os._exit(3)

    def delta(self, Y, delta_next):
        while True:
            pass
"""


def test_methods_that_never_answer_cost_no_other_its_verdict(place: Place) -> None:
    """All other methods are judged as if the ones that end the process were absent."""
    place.hand_in("attack.py", TWO)
    judgement = judged(place, only="*.answers", seconds=3.0)
    failed = {each.subject: each.mistake for each in judgement.findings if each.status == "failed"}
    assert failed == {"ReLULayer.forward": "exits", "ReLULayer.delta": "timeout"}
    passed = {each.subject.partition(".")[0] for each in judgement.findings if each.status == "passed"}
    assert passed >= set(CLASSES) - {"MLP"}  # of which ReLULayer is a part
