"""The gate: known mistakes, handed in as files, fail where they are wrong; and the verdict is the same wherever."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import pytest

import bp
import reference
from reference.execution.implementation import NotAnImplementation
from reference.execution.sandbox import Limits
from reference.findings import Finding, Status
from reference.gate import Judgement, located
from reference.lab.mistakes import CATALOGUE, Mistake
from tests.comparing import needs_flint
from tests.examining import KEYS, names
from tests.handed_in import hand_in
from tests.strategies import NIGHTLY

pytestmark = [needs_flint, pytest.mark.system]


def failed(judgement: Judgement) -> list[reference.Finding]:
    return [each for each in judgement.findings if each.status in {"failed", "error"}]


def assert_told(mistake: Mistake, judgement: Judgement) -> None:
    """Something fails, about the right method alone, and under the right name or none."""
    found = failed(judgement)
    assert judgement.verdict == "fail"
    assert found
    for finding in found:
        assert finding.status == "failed", finding.actual
        assert finding.subject == mistake.subject or finding.subject.startswith(f"{mistake.subject}."), finding
        assert set(finding.mistakes) <= names(mistake, finding), finding


#: By day the last known mistake of each class: `test_mistakes.py` has shown all of them to the examiner itself.
HANDED_IN = CATALOGUE if NIGHTLY else list({each.subject.partition(".")[0]: each for each in CATALOGUE}.values())


@pytest.mark.parametrize("mistake", HANDED_IN, ids=lambda mistake: mistake.name)
def test_mistakes_fail_where_they_are(mistake: Mistake, tmp_path: Path) -> None:
    """Handed in as a file, a mistake is seen by the checks of its class, in its own method, under its own name."""
    only = f"{KEYS[mistake.subject.partition('.')[0]]}.*"
    assert_told(mistake, reference.judge(hand_in(mistake, tmp_path), only=only, effort="quick"))


@pytest.mark.measure
def test_measure_of_all_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, by all checks."""
    named = 0
    for mistake in CATALOGUE:
        judgement = reference.judge(hand_in(mistake, tmp_path), effort="quick")
        assert_told(mistake, judgement)
        named += failed(judgement)[0].mistake == mistake.word
    with capsys.disabled():
        sys.stdout.write(f"\n{len(CATALOGUE)} mistakes handed in, all fail where they are, {named} rightly named\n")


def test_our_own_passes() -> None:
    """With the same findings as in this process, where formulas are judged besides."""
    judgement = reference.judge("bp", effort="quick", seed=3)
    assert judgement.verdict == "pass", [str(each) for each in failed(judgement)]
    here = reference.check("bp", effort="quick", seed=3)
    assert list(judgement.findings) == [each for each in here if not each.check.endswith(".formula")]
    assert judgement.counts == {"passed": len(judgement.findings), "failed": 0, "skipped": 0, "error": 0}
    assert judgement.isolation
    assert set(judgement.durations) == {each.check for each in judgement.findings}


def test_seeds_are_fresh_and_can_be_repeated(tmp_path: Path) -> None:
    """Without a seed each verdict has its own; with one, it is repeated to the letter."""
    path = hand_in(CATALOGUE[-3], tmp_path)
    one, other = (reference.judge(path, only="relu.forward.values", effort="quick") for _ in range(2))
    assert one.seed != other.seed
    again = reference.judge(path, only="relu.forward.values", effort="quick", seed=one.seed)
    assert again.findings == one.findings


@pytest.mark.parametrize(
    ("path", "message"), [("no/such/place", "no file or folder"), ("nosuchmodule", "no file, folder")]
)
def test_what_is_not_there_is_told(path: str, message: str) -> None:
    """Before anything is started."""
    with pytest.raises(NotAnImplementation, match=message):
        reference.judge(path)


def test_dotted_names_are_found_without_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports runs; the gate looks."""
    package = tmp_path / "handed" / "inner"
    package.mkdir(parents=True)
    for folder in (tmp_path / "handed", package):
        (folder / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    (package / "layers.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert located("handed.inner") == package.resolve()
    assert located("handed.inner.layers") == (package / "layers.py").resolve()


def test_programs_and_this_folder_are_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command `bp` lies in a folder that is on its path; neither it nor a file here stands before the package."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setattr(sys, "path", [str(programs), *sys.path])
    for folder in (programs, tmp_path):
        monkeypatch.chdir(folder)
        (folder / "bp").write_text("#!/usr/bin/python\n", encoding="utf-8")
        assert located("bp") == Path(bp.__file__).parent
    (tmp_path / "bp.py").write_text("", encoding="utf-8")
    (tmp_path / "own.py").write_text("", encoding="utf-8")
    assert located("bp") == Path(bp.__file__).parent
    assert located("own") == tmp_path / "own.py"
    assert located("own.py") == tmp_path / "own.py"


def test_editable_installation_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python finds it by a hook, and not on its path."""
    monkeypatch.chdir(tmp_path)
    clone = Path(bp.__file__).parent
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each and not Path(each, "bp").is_dir()])
    assert located("bp") == clone
    assert located("bp.layers") == clone / "layers.py"
    with pytest.raises(NotAnImplementation, match="no file, folder or module sys"):
        located("sys")


def test_bad_options_are_told(tmp_path: Path) -> None:
    """Of the right type, and nothing is left behind."""
    path = hand_in(CATALOGUE[0], tmp_path)
    with pytest.raises(ValueError, match="no check matches"):
        reference.judge(path, only="nothing.at.all", limits=Limits(seconds=5))


def test_a_submission_is_judged_by_its_assignment(tmp_path: Path) -> None:
    """The first asks for no compound loss, so that no check of it is there; a fourth is there none."""
    path = hand_in(CATALOGUE[0], tmp_path)
    with pytest.raises(ValueError, match="no check matches"):
        reference.judge(path, only="logits.*", assignment=1, effort="quick")
    with pytest.raises(ValueError, match="got 4"):
        reference.judge(path, only="relu.made", assignment=4, effort="quick")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (("passed", "skipped"), "pass"), (("passed", "error"), "error"), (("error", "passed", "failed"), "fail"),
        (("skipped",), "fail"), ((), "fail"),
    ],
)  # fmt: skip
def test_verdict_follows_from_the_findings(statuses: tuple[Status, ...], verdict: str) -> None:
    """A fault of the examiner's is no verdict on the submission; and where nothing has passed, nothing is shown."""
    findings = tuple(Finding("relu.made", "ReLULayer", status, "") for status in statuses)
    assert Judgement("x", findings, 3, "quick", 0, 0.0, "").verdict == verdict


def test_scripts_import_from_where_the_class_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the lab's package each class has a module of its own, and the package itself may name none of them."""
    package = tmp_path / "mlp"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    leaky = next(each for each in CATALOGUE if each.name == "ReLULayer.forward_leaks")
    hand_in(leaky, package).rename(package / "relu_layer.py")
    finding = failed(reference.judge(package, only="relu.forward.values", effort="quick"))[0]
    assert finding.repro is not None
    assert "from mlp.relu_layer import ReLULayer" in finding.repro
    monkeypatch.syspath_prepend(str(tmp_path))
    with patch.dict(sys.modules):  # other tests have a module of that name, too
        exec(finding.repro, {})  # noqa: S102 - that it runs is what is tested
