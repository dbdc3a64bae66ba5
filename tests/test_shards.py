"""A class judged in shards, or without names, or again: the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.course import shards
from reports.course.entry import Entry
from reports.course.record import Key
from reports.course.task import Result
from reports.io.exit_codes import FAILED, OK, USAGE, UsageError
from reports.verdicts.settings import Settings
from tests.submissions import COURSE, LEAKY, MARKS, RIGHT, hand_in, outcome

pytestmark = MARKS


def test_shards_that_are_joined_give_the_table_of_one(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three shards with one seed, joined in any order, give the same bytes as one run, also for those not judged."""
    hand_in(elsewhere / "course", a=RIGHT, b=LEAKY, c=RIGHT, d=LEAKY)
    (elsewhere / "course" / "e.rar").write_bytes(b"Rar!")
    argv = [*COURSE, "--seed", "5"]
    assert outcome(*argv, "--csv", "one.csv") == FAILED
    assert outcome(*argv, "--csv", "again.csv") == FAILED
    for number in (1, 2, 3):
        outcome(*argv, "--shard", f"{number}/3", "--json", f"{number}.json")
    assert outcome("--merge", "3.json", "1.json", "2.json", "--csv", "joined.csv") == FAILED
    one = Path("one.csv").read_bytes()
    assert Path("again.csv").read_bytes() == one
    assert Path("joined.csv").read_bytes() == one
    assert one.count(b"\n") == 6
    assert "2 pass, 2 fail, 1 not judged" in capsys.readouterr().out


def test_shards_that_do_not_fit_are_wrong_usage(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a seed or a file a shard is refused, and a merge where one is missing, twice there, or of another run."""
    hand_in(elsewhere / "course", a=RIGHT, b=RIGHT)
    shard = ["--all", "course", "--only", "relu.made", "--effort", "quick", "--shard", "1/2"]
    assert outcome(*shard, "--json", "1.json") == USAGE
    assert "--shard needs --seed" in capsys.readouterr().err
    assert outcome(*shard, "--seed", "5") == USAGE
    assert "--shard needs --json" in capsys.readouterr().err
    assert outcome(*shard, "--seed", "5", "--json", "1.json") == OK
    assert outcome("--merge", "1.json") == USAGE
    assert "expected each of the 2 shards once, got 1/2" in capsys.readouterr().err
    assert outcome("--merge", "1.json", "1.json") == USAGE
    assert outcome(*shard[:-1], "2/2", "--seed", "6", "--json", "2.json") == OK
    assert outcome("--merge", "1.json", "2.json") == USAGE
    assert "expected 2.json to have the settings of 1.json" in capsys.readouterr().err
    Path("no.json").write_text("[]", encoding="utf-8")
    assert outcome("--merge", "no.json") == USAGE
    assert outcome("--merge", "1.json", "--all", "course") == USAGE


def written_shard(folder: Path) -> Path:
    """The file of the only shard of a class of one, who fails."""
    settings = Settings(3, "*", 5, "quick", 60, 2**30, "auto")
    path = folder / "1.json"
    keys = [Key("a", "the hash of a's contents")]
    path.write_text(shards.as_json({0: Result(Entry("a", "fail"))}, keys, (1, 1), settings), encoding="utf-8")
    return path


def test_a_shard_that_was_changed_is_refused(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal tells of a changed verdict, and of another machine, unless both have the same secret in BP_SEAL_KEY."""
    path = written_shard(elsewhere)
    assert shards.merged([path])[0] == [Result(Entry("a", "fail"))]
    text = path.read_text("utf-8")
    path.write_text(text.replace('"fail"', '"pass"'), encoding="utf-8")
    assert path.read_text("utf-8") != text
    with pytest.raises(UsageError, match=r"the seal of .*1\.json is wrong"):
        shards.merged([path])
    monkeypatch.setenv("BP_SEAL_KEY", "known to all machines")
    written_shard(elsewhere)
    monkeypatch.setenv("XDG_STATE_HOME", str(elsewhere / "another machine"))
    assert shards.merged([path])[0] == [Result(Entry("a", "fail"))]
    monkeypatch.setenv("BP_SEAL_KEY", "another secret")
    with pytest.raises(UsageError, match="BP_SEAL_KEY"):
        shards.merged([path])
    monkeypatch.delenv("BP_SEAL_KEY")
    with pytest.raises(UsageError, match="BP_SEAL_KEY"):
        shards.merged([path])


def test_shards_are_joined_if_they_saw_the_same_contents(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A submission that changes between two shards, even one that neither has judged since, is noticed."""
    hand_in(elsewhere / "course", a=RIGHT, b=RIGHT)
    shard = ["--all", "course", "--only", "relu.made", "--effort", "quick", "--seed", "5"]
    assert outcome(*shard, "--shard", "1/2", "--json", "1.json") == OK
    hand_in(elsewhere / "course", a=LEAKY)
    assert outcome(*shard, "--shard", "2/2", "--json", "2.json") == OK
    assert outcome("--merge", "1.json", "2.json") == USAGE
    assert "expected 2.json to have the contents of 1.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["examiner", "version"])
def test_verdicts_of_another_version_are_not_joined(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Verdicts that another version of the examiner has given are not joined by this one."""
    path = written_shard(elsewhere)
    monkeypatch.setattr(shards, name, lambda: "another")
    with pytest.raises(UsageError, match="merge with the version that has judged"):
        shards.merged([path])


def test_anonymous_tables_and_pages_name_nobody(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --anonymous a number stands for each name, in the tables, on the pages and in their names."""
    hand_in(elsewhere / "course", mueller=LEAKY, zappa="x = = 1\n")
    hand_in(elsewhere / "course" / "svensson", layers=RIGHT)
    argv = [*COURSE, "--anonymous", "--reports", "out", "--csv", "t.csv", "--json", "t.json"]
    assert outcome(*argv) == FAILED
    said = capsys.readouterr()
    texts = [said.out, said.err, *(path.read_text("utf-8") for path in (Path("t.csv"), Path("t.json")))]
    texts += [path.read_text("utf-8") for path in Path("out").iterdir() if path.suffix in {".html", ".json"}]
    texts.append(" ".join(path.name for path in Path("out").iterdir()))
    assert not [name for name in ("mueller", "svensson", "zappa") if any(name in text for text in texts)]
    assert [line.split(",")[:2] for line in Path("t.csv").read_text("utf-8").splitlines()[1:]] == [
        ["1", "fail"], ["2", "pass"], ["3", "fail"],
    ]  # fmt: skip
