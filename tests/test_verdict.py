"""The examiner's own promises: what it takes, what it answers, and what it does where it cannot judge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
import reference
from reference.execution.implementation import NotAnImplementation
from reference.execution.in_process import InProcess
from reference.findings import Finding, Status
from reference.lab import check
from reference.lab.checks.catalogue import all_checks
from reference.lab.mistakes import plain
from reference.numerics.oracles import ball
from tests.comparing import needs_flint

pytestmark = pytest.mark.catalogue

SOURCE = Path(plain.__file__).read_text(encoding="utf-8")


def statuses(findings: list[Finding]) -> set[str]:
    return {each.status for each in findings}


def by_id(findings: list[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in findings}


class WrongSoftmax(plain.SoftmaxLayer):
    def forward(self, X: Any) -> Any:
        return np.exp(X)


@pytest.fixture
def wrong() -> dict[str, type]:
    return {**plain.CLASSES, "SoftmaxLayer": WrongSoftmax}


@needs_flint
def test_finding_says_what_is_wrong(wrong: dict[str, type]) -> None:
    """What was expected, what came, the arguments, an index, a bound and a script: short numbers all of them."""
    finding = by_id(reference.check(wrong, only="softmax.forward.values", effort="quick"))["softmax.forward.values"]
    assert finding.status == "failed"
    assert finding.subject == "SoftmaxLayer.forward"
    (logits,) = finding.counterexample.values()
    assert all(x == round(8 * x) / 8 for row in logits for x in row)
    assert finding.index is not None
    assert finding.expected is not None
    assert finding.expected.startswith(f"Y{list(finding.index)} = ")
    assert finding.bound is not None
    assert 0 < finding.bound < 1e-13
    assert f"expected Y{list(finding.index)}" in str(finding)
    assert finding.depends_on == ("softmax.forward.repeatable",)


@needs_flint
def test_script_shows_the_failure(wrong: dict[str, type], capsys: pytest.CaptureFixture[str]) -> None:
    """``repro`` runs, in at most ten lines, and prints what the finding says."""
    finding = by_id(reference.check(wrong, only="softmax.forward.values", effort="quick"))["softmax.forward.values"]
    assert finding.repro is not None
    assert len(finding.repro.splitlines()) <= 10
    script = finding.repro.replace("from your_module import SoftmaxLayer", "SoftmaxLayer = given")
    exec(script, {"given": WrongSoftmax})  # noqa: S102 - that it runs is what is tested
    assert finding.actual is not None
    value = float(finding.actual.rpartition(" = ")[2])
    assert f"{value:.6f}"[:6] in capsys.readouterr().out


@needs_flint
def test_scripts_of_networks_run(capsys: pytest.CaptureFixture[str]) -> None:
    """In at most ten lines as well, for a net with the compound loss and one without."""

    class WrongNet(plain.MLP):
        def evaluate(self, X: Any, T: Any) -> Any:
            return 2 * super().evaluate(X, T)

    for assignment in (1, 3):
        findings = reference.check(
            {**plain.CLASSES, "MLP": WrongNet}, only="mlp.evaluate.values", assignment=assignment
        )
        finding = by_id(findings)["mlp.evaluate.values"]
        assert finding.repro is not None
        lines = finding.repro.splitlines()
        assert len(lines) <= 10
        exec("\n".join([lines[0], *lines[2:]]), {**plain.CLASSES, "MLP": WrongNet})  # noqa: S102
        printed = np.array(eval(capsys.readouterr().out))  # noqa: S307
        assert finding.came is not None
        assert finding.index is not None
        # numpy prints eight digits
        assert printed[finding.index] == pytest.approx(finding.came["value"], rel=1e-7)


def test_only_takes_what_is_depended_on_along(wrong: dict[str, type]) -> None:
    """A pattern chooses checks; without their prerequisites they would say nothing."""
    ids = list(by_id(reference.check(wrong, only="relu.delta.kink")))
    assert ids == ["relu.made", "relu.delta.answers", "relu.delta.repeatable", "relu.delta.values", "relu.delta.kink"]


@needs_flint
def test_seed_repeats_the_questions() -> None:
    """The same findings for the same seed, other numbers for another."""
    wrong = {**plain.CLASSES, "ReLULayer": type("Same", (plain.ReLULayer,), {"forward": lambda self, X: X.copy()})}
    first, same, other = (
        reference.check(wrong, only="relu.forward.*", seed=seed, effort="quick") for seed in (1, 1, 2)
    )
    assert first == same
    assert [each.counterexample for each in first] != [each.counterexample for each in other]


@needs_flint
@pytest.mark.catalogue
def test_missing_class_stops_nothing_else() -> None:
    """One failure for each check of it, and the others are judged."""
    without = {name: each for name, each in plain.CLASSES.items() if name != "LossCrossEntropy"}
    findings = reference.check(without, effort="quick")
    assert {each.mistake for each in findings if each.subject.startswith("LossCrossEntropy.")} == {"missing"}
    assert all(each.status == "passed" for each in findings if each.subject.startswith("ReLULayer"))


@pytest.mark.parametrize("shape", [None, "transposed"])
def test_update_is_judged_alone(shape: str | None) -> None:
    """Without the parameters that the constructor owes, or with wrong ones, that is the constructor's affair."""

    class Layer(plain.LinearLayer):
        def initialize(self) -> None:
            if shape is not None:
                self.W, self.b = np.ones((self.n_units, self.n_inputs)), np.ones((1, self.n_units))

    findings = reference.check({**plain.CLASSES, "LinearLayer": Layer}, only="linear.*", effort="quick")
    assert {each.subject for each in findings if each.status == "failed"} == {"LinearLayer.initialize"}


@needs_flint
@pytest.mark.catalogue
def test_first_assignment_needs_no_compound_layer() -> None:
    """And is not asked for it."""
    first = {name: each for name, each in vars(bp).items() if name != "LossCrossEntropyForSoftmaxLogits"}
    findings = reference.check(first | {"SoftmaxLayer": bp.NaiveSoftmaxLayer}, assignment=1, effort="quick")
    assert statuses(findings) == {"passed"}
    assert not any(each.check.startswith("logits.") for each in findings)


@needs_flint
@pytest.mark.catalogue
def test_naive_softmax_fails_the_third_assignment() -> None:
    """Where logits are extreme, and nowhere else."""
    findings = reference.check({**vars(bp), "SoftmaxLayer": bp.NaiveSoftmaxLayer}, effort="quick")
    failed = [each for each in findings if each.status == "failed"]
    assert {each.subject for each in failed} == {"SoftmaxLayer.forward"}
    assert {each.mistake for each in failed} == {"no-shift"}


def test_absent_oracle_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are not judged then; what needs no truth still is."""
    monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
    findings = by_id(reference.check(bp, effort="quick"))
    assert findings["softmax.forward.values"].status == "skipped"
    assert findings["softmax.forward.extreme_logits"].actual == "python-flint is not installed"
    assert findings["softmax.forward.inputs_unchanged"].status == "passed"
    assert findings["softmax.delta.derivative_of_own_forward"].status == "passed"
    assert findings["mlp.gradient.of_own_loss"].status == "passed"
    assert statuses(list(findings.values())) == {"passed", "skipped"}


@needs_flint
def test_fault_of_the_examiner_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status "error", with what happened, and no verdict."""

    def broken(spec: Any, args: Any) -> Any:
        raise ArithmeticError("the oracle broke")

    monkeypatch.setattr(ball, "value", broken)
    findings = reference.check(bp, only="relu.forward.values")
    faults = [each for each in findings if each.status == "error"]
    assert faults
    assert "the oracle broke" in (faults[0].actual or "")
    assert not reference.passed(findings)


def test_verdict_needs_something_that_passed() -> None:
    """Skipped alone is no pass, nor is nothing at all."""
    skipped = Finding("a.b", "A.b", "skipped", "Because.")
    assert not reference.passed([])
    assert not reference.passed([skipped])
    assert reference.passed([skipped, Finding("a.c", "A.c", "passed", "Because.")])
    assert not reference.passed([Finding("a.c", "A.c", "passed", "x"), Finding("a.d", "A.d", "failed", "x")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assignment": 4}, "expected assignment 1, 2 or 3, got 4"),
        ({"effort": "much"}, "effort: expected one of quick, normal, exhaustive, got 'much'"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
        ({"seed": "x"}, "seed: expected a whole number of at least 0, got 'x'"),
        ({"seed": True}, "seed: expected a whole number of at least 0, got True"),
        ({"only": "nothing.*"}, "no check matches 'nothing.*'; `bp check --list` shows all"),
    ],
)
def test_bad_options_are_told(options: dict[str, Any], message: str) -> None:
    """Before anything runs."""
    with pytest.raises((TypeError, ValueError), match=message.replace(".*", r"\.\*")):
        reference.check(bp, **options)


@pytest.mark.parametrize(
    ("implementation", "message"),
    [
        (3, "expected a module, a folder, a file, a module's name or a mapping of names to classes, got int"),
        ({}, "a mapping has none of the classes LinearLayer"),
        ("no/such/place", "there is no file or folder no/such/place"),
        ("nosuchmodule", "there is no file, folder or module nosuchmodule"),
        (np, "numpy has none of the classes"),
    ],
)
def test_no_implementation_is_told(implementation: Any, message: str) -> None:
    """An error of its own type, in a sentence."""
    with pytest.raises(NotAnImplementation, match=message):
        reference.check(implementation)


@needs_flint
@pytest.mark.parametrize("layout", ["file", "flat", "package", "src", "mlp"])
def test_implementations_are_found_on_disk(layout: str, tmp_path: Path) -> None:
    """A single file, flat modules, a package, one below others."""
    if layout == "file":
        path = tmp_path / "solution_of_a_student.py"
        path.write_text(SOURCE, encoding="utf-8")
    else:
        path = tmp_path / f"{layout}_folder"
        home = {"flat": path, "package": path, "src": path / "src" / "mlp", "mlp": path / "mlp"}[layout]
        home.mkdir(parents=True)
        name = f"layers_{layout}"
        (home / f"{name}.py").write_text(SOURCE, encoding="utf-8")
        if layout == "package":
            (home / "__init__.py").write_text(f"from .{name} import *\n", encoding="utf-8")
    assert statuses(reference.check(path, effort="quick", only="relu.*")) == {"passed"}


@needs_flint
def test_pytest_runs_one_test_a_check(pytester: Any) -> None:
    """Passing, failing and skipped, with the finding's words."""
    pytester.makepyfile(
        """
        import reference
        from reference.lab.mistakes import plain

        class Wrong(plain.ReLULayer):
            def delta(self, Y, delta_next):
                return delta_next + 0

        @reference.parametrize_with_checks({**plain.CLASSES, "ReLULayer": Wrong}, only="relu.*", effort="quick")
        def test_contract(check):
            check()
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "-rs")
    outcome = result.parseoutcomes()
    assert outcome["passed"] >= 10
    assert outcome["failed"] >= 1
    assert outcome["skipped"] >= 1
    result.stdout.fnmatch_lines(
        ["*relu.delta.values: failed", "*mistake  mask-missing*", "SKIPPED*depends on relu.delta.values*"]
    )


def test_a_pattern_that_nothing_is_like_is_answered_with_the_list() -> None:
    """No check is proposed; the message says how to list all."""
    with pytest.raises(ValueError, match=r"^no check matches 'zzzzzz'; `bp check --list` shows all$"):
        check.checks_of("zzzzzz", 3)


def test_the_checks_of_an_examination_know_how_it_was_asked_for() -> None:
    """Who runs the code, under which name, and with which options."""
    executor = check.InProcess(plain.CLASSES, {})
    for classes in (None, plain.CLASSES):
        asks = check.LabExamination(executor, "x", assignment=1, seed=7, effort="exhaustive", classes=classes).context
        assert (asks.executor, asks.name, asks.classes) == (executor, "x", classes)
        assert (asks.assignment, asks.seed, asks.effort) == (1, 7, "exhaustive")


def test_examination_makes_findings_when_asked() -> None:
    """Only what a check depends on is examined before it."""
    examination = check.LabExamination(check.InProcess(plain.CLASSES, {}), "x", effort="quick")
    assert examination.finding("relu.forward.answers").status == "passed"
    assert set(examination._findings) == {"relu.made", "relu.forward.answers"}


@pytest.mark.parametrize(
    ("only", "meant"),
    [
        ("softmaxes", "softmax.*"),
        ("SoftMaxLayers", "softmax.*"),
        ("softmaxlayer.forwards", "softmax.forward.*"),
        ("softmax.forwards.*", "softmax.forward.*"),
        ("relu.forward.value", "relu.forward.values"),
    ],
)
def test_pattern_that_matches_nothing_is_answered_with_one(only: str, meant: str) -> None:
    """What was probably meant is proposed, by class, by method or by id, even if another pattern matches."""
    with pytest.raises(ValueError, match=f"did you mean '{re.escape(meant)}'"):
        check.checks_of(f"relu.*,{only}", 3)
    assert check.checks_of(meant, 3)


def ids(only: str) -> set[str]:
    return {each.id for each in check.checks_of(only, 3)}


def test_checks_are_asked_for_by_class_and_by_method() -> None:
    """A class, a method or the first part of an id means all its checks; several are asked for with commas."""
    assert ids("ReLULayer") == ids("relu") == ids("relu.*")
    assert ids("softmaxlayer.delta") == ids("softmax.delta.*")
    assert ids("relu, MLP.propagate") == ids("relu.*") | ids("mlp.propagate.*")
    for subject in dict.fromkeys(each.subject for each in all_checks()):
        assert any(each.subject == subject for each in check.checks_of(subject, 3))


def test_reasons_name_each_check_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a check is depended on in two ways."""
    (values, *_) = check.checks_of("relu.forward.values", 3)[-1:]
    examination = check.LabExamination(InProcess(plain.CLASSES, {}), "x", only="relu.*", effort="quick")
    monkeypatch.setitem(
        examination._findings, values.id, Finding(values.id, values.subject, "failed", values.rationale)
    )
    assert examination._among([values.id, values.id], {"failed"}) == [values.id]


@needs_flint
@pytest.mark.parametrize("status", ["failed", "error"])
def test_nobody_is_blamed_where_another_may_be_the_reason(status: Status) -> None:
    """What another check could not judge may be just what is wrong here."""
    wrong = {**plain.CLASSES, "ReLULayer": type("ReLULayer", (plain.ReLULayer,), {"delta": lambda self, Y, **_: Y})}
    examination = check.LabExamination(InProcess(wrong, {}), "x", only="relu.*", effort="quick")
    consistent = next(each for each in examination.checks if each.id == "relu.delta.derivative_of_own_forward")
    for each in examination.checks:
        known = status if each.id in consistent.excuses[:1] else "passed"
        examination._findings[each.id] = Finding(each.id, each.subject, known, each.rationale)
    del examination._findings[consistent.id]
    assert examination.finding(consistent.id).status == "skipped"


def test_missing_module_is_told_with_a_way_out(tmp_path: Path) -> None:
    """The gate has stand-ins; this process has none."""
    (tmp_path / "net.py").write_text(f"{SOURCE}\nimport nowhere_to_be_found\n", encoding="utf-8")
    with pytest.raises(NotAnImplementation, match="imports nowhere_to_be_found, which is not installed; bp check"):
        reference.check(tmp_path / "net.py")
