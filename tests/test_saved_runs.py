"""What is read back from a file is what we have written, or is refused in one sentence, and never a crash."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from reports import cli
from reports.commands import train as train_command
from reports.io.archive import NotOursError, read_archive, write_archive
from reports.io.exit_codes import OK, USAGE
from reports.study.cache import Cache
from reports.study.part import Part, PartResult
from reports.training import checkpoint
from reports.training.experiments import EXPERIMENTS, build_net, load_data, run
from reports.training.saved_history import NoHistoryError, history_of, read_history

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("elsewhere")]

FILE = Path("file.npz")
XOR = replace(EXPERIMENTS["xor"], n_epochs=3)


def test_a_record_and_arrays_come_back_bit_by_bit() -> None:
    """Numbers that are not finite, empty arrays and every dtype survive."""
    record = {"a": [float("inf"), -0.0, 5e-324], "b": None}
    arrays = {"x": np.arange(6.0).reshape(2, 3), "y": np.zeros((0, 2), np.float32), "z": np.array([True])}
    write_archive(FILE, record, arrays)
    found, back = read_archive(FILE)
    assert found == record
    assert {name: (each.dtype, each.shape, each.tobytes()) for name, each in back.items()} == {
        name: (each.dtype, each.shape, each.tobytes()) for name, each in arrays.items()
    }
    with np.load(FILE) as as_numpy:
        assert as_numpy["x"].tolist() == arrays["x"].tolist()


def test_no_flipped_bit_is_accepted() -> None:
    """A file in which any one bit differs, or of which any part is missing, is none of ours."""
    write_archive(FILE, {"a": 1}, {"x": np.ones(3)})
    content = FILE.read_bytes()
    damaged = [content[:n] for n in (0, 1, 63, 64, 65, len(content) - 1)] + [content + b"\n", content + content]
    for place in range(0, 8 * len(content), 13):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for each in damaged:
        FILE.write_bytes(each)
        with pytest.raises(NotOursError):
            read_archive(FILE)


def test_no_folder_and_no_missing_file_is_read() -> None:
    """A folder in the file's place is none of ours; a file that is missing is said to be missing."""
    Path("folder").mkdir()
    with pytest.raises(NotOursError):
        read_archive(Path("folder"))
    with pytest.raises(FileNotFoundError):
        read_archive(FILE)


def made_up(what: str) -> tuple[Any, dict[str, Any]]:
    """A record and arrays of a checkpoint of XOR that are wrong in one respect."""
    net = build_net(XOR)
    history = run(XOR, load_data(XOR), net)
    checkpoint.save(FILE, XOR, net, history, checkpoint.digest_of(load_data(XOR)))
    record, arrays = read_archive(FILE)
    MADE_UP[what](record, arrays)
    return record, arrays


MADE_UP: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    "no schema": lambda record, arrays: record.pop("schema"),
    "another schema": lambda record, arrays: record.update(schema=1),
    "no settings": lambda record, arrays: record.pop("settings"),
    "settings that are a list": lambda record, arrays: record.update(settings=[]),
    "epochs in words": lambda record, arrays: record["settings"].update(n_epochs="three"),
    "no data": lambda record, arrays: record.pop("data"),
    "no history": lambda record, arrays: record.pop("history"),
    "a list too short": lambda record, arrays: record["history"]["acc_train"].pop(),
    "a test set of which one number is known": lambda record, arrays: record["history"]["loss_test"].append(1.0),
    "a loss in words": lambda record, arrays: record["history"]["loss_train"].__setitem__(0, "low"),
    "a loss that is true": lambda record, arrays: record["history"]["loss_train"].__setitem__(0, True),
    "a loss below 0": lambda record, arrays: record["history"]["loss_train"].__setitem__(0, -1.0),
    "a loss beyond all doubles": lambda record, arrays: record["history"]["loss_train"].__setitem__(0, 10**400),
    "an accuracy above 1": lambda record, arrays: record["history"]["acc_train"].__setitem__(0, 1.5),
    "another layer": lambda record, arrays: record["history"]["amplitude"].update(other=[1.0] * 4),
    "an unknown list": lambda record, arrays: record["history"].update(other=[]),
    "a stop without a place": lambda record, arrays: record["history"].update(stopped="why"),
    "a place in words": lambda record, arrays: record["history"].update(stopped="why", stopped_at="there"),
    "too many epochs": lambda record, arrays: [
        each.extend(each * 2) for each in (record["history"]["loss_train"], record["history"]["acc_train"])
    ],
    "a missing weight": lambda record, arrays: arrays.pop("Linear_1.W"),
    "a further weight": lambda record, arrays: arrays.update(other=np.ones(1)),
    "a shape that fits by broadcasting": lambda record, arrays: arrays.update({"Linear_1.W": np.ones((1, 1))}),
    "another precision": lambda record, arrays: arrays.update({"Linear_1.W": np.ones((2, 4), np.float32)}),
    "a weight that is NaN": lambda record, arrays: arrays["Linear_1.W"].fill(np.nan),
}


@pytest.mark.parametrize("what", MADE_UP)
def test_made_up_checkpoints_are_refused(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint that no run of this network can have left is refused with exit code 2, even with a right digest."""
    write_archive(Path("history-xor.weights.npz"), *made_up(what))
    before = Path("history-xor.weights.npz").read_bytes()
    assert cli.main(["train", "xor", "--epochs", "9", "--resume"]) == USAGE
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("history-xor.weights.npz").read_bytes() == before


def test_a_run_does_not_go_on_with_other_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--resume is refused where the data, or how they are prepared, have changed since."""
    assert cli.main(["train", "xor", "--epochs", "3"]) == OK
    before = Path("history-xor.weights.npz").read_bytes()
    X, T, *rest = load_data(XOR)
    monkeypatch.setattr(train_command, "load_data", lambda *_: (X * np.float32(1.0001), T, *rest))
    assert cli.main(["train", "xor", "--epochs", "9", "--resume"]) == USAGE
    assert "other data" in capsys.readouterr().err
    assert Path("history-xor.weights.npz").read_bytes() == before


def test_the_digest_of_data_sees_every_array() -> None:
    """Another number in the training or the test set, or another shape or dtype, gives another digest."""
    X, T, X_test, T_test = load_data(EXPERIMENTS["spirals"])
    assert X_test is not None
    others = [
        (X + np.eye(*X.shape, dtype=np.float32), T, X_test, T_test),
        (X, 1 - T, X_test, T_test),
        (X, T, X_test[::-1], T_test),
        (X, T, None, None),
        (X.astype(np.float64), T, X_test, T_test),
        (X.reshape(-1, 1), T, X_test, T_test),
    ]
    digests = {checkpoint.digest_of(each) for each in [*others, (X, T, X_test, T_test)]}  # type: ignore[arg-type]
    assert len(digests) == len(others) + 1


def test_a_history_comes_back_from_its_file() -> None:
    """`read_history` gives the name and the numbers of a run, bit by bit."""
    assert cli.main(["train", "spirals", "--epochs", "3"]) == OK
    name, history = read_history(Path("history-spirals.json"))
    e = replace(EXPERIMENTS["spirals"], n_epochs=3)
    assert (name, history) == ("spirals", run(e, load_data(e), build_net(e)))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"null", b"{}", b'{"experiment": {"name": 3}}', b"[" * 100_000, b"1" * 10_000, b"NaN"],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_history_is_refused(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """`bp plot` of any other file is one sentence and exit code 2."""
    Path("a.json").write_bytes(content)
    assert cli.main(["plot", "a.json"]) == USAGE
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("histories.svg").exists()


def test_a_changed_history_is_refused() -> None:
    """Whatever single entry of a history is removed or replaced by nonsense, it is none any more."""
    given = run(XOR, load_data(XOR), build_net(XOR)).as_dict()
    assert history_of(given) == bp.History(**given)
    nonsense = (None, -1, "x", [None], {"epoch": 1}, [[1.0]])
    for name in given:
        for value in nonsense:
            if value is None and name in {"stopped", "stopped_at"}:
                continue
            with pytest.raises(NoHistoryError):
                history_of(copy.deepcopy(given) | {name: value})
        with pytest.raises(NoHistoryError):
            history_of({key: value for key, value in given.items() if key != name})


def test_a_history_must_say_how_many_epochs_it_has() -> None:
    """A count that differs from the lists is refused."""
    assert cli.main(["train", "xor", "--epochs", "3"]) == OK
    path = Path("history-xor.json")
    record = json.loads(path.read_text(encoding="utf-8")) | {"epochs_done": 2}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(NoHistoryError, match="epochs_done"):
        read_history(path)


@pytest.mark.parametrize("wrong", ["flipped", "another part's", "made up", "folder"])
def test_a_wrong_entry_of_the_cache_is_made_anew(wrong: str) -> None:
    """A result that is damaged, of another part or made up counts as missing, and the next one takes its place."""
    part = Part("a", {}, lambda display: PartResult({}))
    cache, expected = Cache(Path("cache")), PartResult({"n": 1}, {"x": np.ones(2)})
    path = Path("cache") / f"a@{part.key}.npz"
    cache.put(part, expected)
    if wrong == "flipped":
        path.write_bytes(path.read_bytes().replace(b"\x00", b"\x01", 1))
    elif wrong == "another part's":
        other = Part("b", {}, lambda display: PartResult({}))
        cache.put(other, PartResult({"n": 2}))
        (Path("cache") / f"b@{other.key}.npz").replace(path)
    elif wrong == "made up":
        write_archive(path, [1], {})
    else:
        path.unlink()
        path.mkdir()
    assert cache.get(part) is None
    cache.put(part, expected)
    found = cache.get(part)
    assert found is not None
    assert found.record == expected.record
