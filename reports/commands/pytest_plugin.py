"""The plugin for pytest: ``pytest --bp PATH`` makes a test of each check, and ``gradcheck`` checks one's own gradients.

pytest loads this module in every run, of whatever project. So it imports nothing of ours before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, which all begin with ``--bp``."""
    group = parser.getgroup("bp", "judge the classes of the backpropagation lab")
    group.addoption(
        "--bp",
        metavar="PATH",
        help="judge the submission at PATH (a folder, a file, an archive, a notebook or a module): one test per check",
    )
    group.addoption("--bp-trusted", action="store_true", help="run the submission in this process, without a sandbox")
    group.addoption("--bp-assignment", type=int, default=3, choices=[1, 2, 3], help="of the lab (default: 3)")
    group.addoption("--bp-seed", type=int, default=0, metavar="N", help="draw the cases with this seed (default: 0)")
    group.addoption("--bp-effort", default="normal", choices=["quick", "normal", "exhaustive"], help="how many cases")


def pytest_configure(config: pytest.Config) -> None:
    """Collect the checks alone where no file was named: those of the current folder are not meant."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.getoption("--bp") is not None and not named:
        config.args = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test for each check."""
    path = config.getoption("--bp")
    if path is not None:
        items.extend(Submission.from_parent(session, name=str(path), nodeid=str(path)).collect())


class Submission(pytest.Collector):
    """What is judged, which is opened when its first check is made."""

    def collect(self) -> Iterator[Check]:
        """A test for each check of the assignment."""
        from reference import NotAnImplementation  # noqa: PLC0415 - see above
        from reference.gate import located  # noqa: PLC0415
        from reference.lab.check import checks_of  # noqa: PLC0415

        try:
            located(self.name)
        except NotAnImplementation as error:
            raise pytest.UsageError(f"--bp: {error}") from error
        self._examination: Any = None
        trusted = self.config.getoption("--bp-trusted")
        for each in checks_of("*", self.config.getoption("--bp-assignment"), in_process=trusted):
            yield Check.from_parent(self, name=each.id, subject=each.subject)

    def finding(self, check: str) -> Any:
        """What a check has to say."""
        if self._examination is None:
            self._examination = self._open()
        return self._examination.finding(check)

    def _open(self) -> Any:
        from reference import NotAnImplementation  # noqa: PLC0415
        from reference.execution import implementation  # noqa: PLC0415
        from reference.execution.in_process import InProcess  # noqa: PLC0415
        from reference.lab.check import LabExamination  # noqa: PLC0415

        options = {
            "assignment": self.config.getoption("--bp-assignment"),
            "seed": self.config.getoption("--bp-seed"),
            "effort": self.config.getoption("--bp-effort"),
        }
        try:
            if not self.config.getoption("--bp-trusted"):
                return LabExamination(self._sandbox(), self.name, **options)
            found = implementation.find(self.name)
        except NotAnImplementation as error:
            pytest.exit(f"--bp: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        executor = InProcess(found.classes, found.missing, found.causes)
        return LabExamination(executor, found.name, classes=found.classes, **options)

    def _sandbox(self) -> Any:
        from reference.execution.sandbox import Sandbox  # noqa: PLC0415
        from reference.execution.screening import refuse_what_cannot_be_judged  # noqa: PLC0415
        from reference.gate import located  # noqa: PLC0415
        from reports.course.opening import opened  # noqa: PLC0415

        stack = ExitStack()
        self.config.add_cleanup(stack.close)
        place = stack.enter_context(opened(located(self.name)))
        refuse_what_cannot_be_judged(Path(place), self.name)
        return stack.enter_context(Sandbox(Path(place)))


class Check(pytest.Item):
    """One check, as a test."""

    def __init__(self, *, subject: str, **more: Any) -> None:
        super().__init__(**more)
        self.subject = subject
        # So that `-k SoftmaxLayer` and `-k delta` mean what they say.
        self.extra_keyword_matches |= {subject, *subject.split("."), *self.name.split(".")}

    def runtest(self) -> None:
        """Pass, fail with the finding, or skip with the reason."""
        parent = self.parent
        assert isinstance(parent, Submission)  # noqa: S101
        finding = parent.finding(self.name)
        if finding.status == "skipped":
            pytest.skip(finding.actual or "")
        if finding.status != "passed":
            raise FindingError(finding)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """The finding alone: a traceback would show the examiner's code."""
        if isinstance(excinfo.value, FindingError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands in reports."""
        return Path(self.parent.name if self.parent else "."), None, f"{self.subject}: {self.name}"


class FindingError(Exception):
    """A check that failed; its text is the finding."""


class GradCheck:
    """What the fixture ``gradcheck`` is: it fails the test with the finding if a gradient is wrong."""

    def __call__(self, forward: Any, vjp: Any, *args: Any, **options: Any) -> Any:
        """As `reference.check_vjp`."""
        return self._judged("check_vjp", forward, vjp, *args, **options)

    def loss(self, loss_and_grads: Any, params: Any, **options: Any) -> Any:
        """As `reference.check_gradient`."""
        return self._judged("check_gradient", loss_and_grads, params, **options)

    def layer(self, *args: Any, **options: Any) -> Any:
        """As `reference.check_layer`."""
        return self._judged("check_layer", *args, **options)

    def function(self, function: Any, *tensors: Any, **options: Any) -> Any:
        """As `reference.check_function`."""
        return self._judged("check_function", function, *tensors, **options)

    def _judged(self, door: str, *args: Any, **options: Any) -> Any:
        import reference  # noqa: PLC0415 - see above

        check: Callable[..., Any] = getattr(reference, door)
        findings = check(*args, **options)
        if not findings.ok:
            pytest.fail(str(findings), pytrace=False)
        return findings


@pytest.fixture
def gradcheck() -> GradCheck:
    """Check a gradient of one's own; the test fails with the finding, not with a traceback.

    ``gradcheck(forward, vjp, *args)``, ``gradcheck.loss(loss_and_grads, params)``,
    ``gradcheck.layer(forward, backward, *args)`` and ``gradcheck.function(Function, *tensors)`` are the doors of the
    package `reference`; they return the findings.
    """
    return GradCheck()
