"""What is said of wrong code is well said: whole sentences, in known words, with everything that a reader needs.

No message is written down here. One that is garbled, misspelt or cut short fails; one that is reworded does not. A word
that neither our documents nor the contract have goes into ``vocabulary.txt``.
"""

from __future__ import annotations

import builtins
import inspect
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from reference import check_vjp
from reference.findings import Finding
from reference.lab.checks.catalogue import all_checks
from reference.lab.contract import MESSAGES
from reference.lab.mistakes import plain

#: The mistakes that `interface.md` names, and those in the gradient of a function that is no part of the lab.
LAB_VOCABULARY = frozenset({
    "missing", "not-implemented", "crash", "timeout", "memory", "exits", "wrong-shape", "wrong-dtype", "wrong-type",
    "mutates-input", "stateful", "nondeterministic", "aliases-input", "layout-dependent", "batch-size-dependent",
    "sample-dependence", "scaled", "sign", "transposed", "not-averaged", "averaged-twice", "bias-missing",
    "bias-gradient-missing", "mask-missing", "mask-from-delta", "mask-wrong-threshold", "leaky", "wrong-axis",
    "jacobian-diagonal-only", "factor-missing", "delta-next-ignored", "no-shift", "batch-wide-shift",
    "shift-not-undone", "log-of-zero", "epsilon-added", "clipped", "binary-cross-entropy", "divided-by-classes",
    "summed-over-batch", "averaged-over-batch", "softmax-missing", "target-subtracted-twice", "low-precision",
    "finite-differences", "wrong-layer-input", "wrong-layer-order", "layer-skipped", "output-layers-ignored",
    "output-layers-in-gradient", "update-sign", "update-missing", "last-layer-ignored", "update-replaces",
    "initialisation",
    "argument-order", "arguments-swapped", "extra-term", "wrong-function", "nan-hidden", "term-missing",
    "wrong-argument", "last-sample-wrong", "row-wrong", "mask-inverted",
})  # fmt: skip
VOCABULARY = LAB_VOCABULARY | {
    "swapped", "not-summed", "other-epsilon", "mask-from-other", "entry-wrong", "shifted", "flipped", "extra-factor",
}  # fmt: skip
_MESSAGES = {message.subject: message for message in MESSAGES}
_WORD = re.compile(r"(?<!\w)[A-Za-z_]\w*(?:'[a-z]+)?")
#: What an exception says is its raiser's; what we add stands in brackets at the end.
RAISED = re.compile(r"\b([A-Z]\w*(?:Error|Exit|Exception)): .*?(?=( \([^()]*\))?$)", re.DOTALL)
#: The place where it was raised; what stands in that line is the raiser's as well.
_PLACE = re.compile(
    r"(, raised in \S+, line \d+(, by)?|; it is defined in \S+, line \d+:"
    r"|; it becomes right by one change in line \d+ of \S+,)( `.*`)?"
)
#: An entry of an array and its value.
_VALUE = re.compile(r"(?P<array>.+?)(?P<index>\[[\d, ]+\]) = (?P<value>[^\s,;]+)")
_MOST_LINES = 10


def assert_well_said(findings: Iterable[Finding], classes: Mapping[str, type] | None = None) -> None:
    """Every finding is complete and in plain words; with ``classes``, its script shows what it says."""
    for finding in findings:
        try:
            _assert_complete(finding)
            if finding.bound is not None:
                _assert_beyond_rounding(finding)
            if finding.repro is not None and classes is not None:
                _assert_shown(finding, finding.repro, classes)
            for text in _sentences(finding):
                assert_sentence(text)
            for text in _phrases(finding):
                assert_phrase(text)
        except (AssertionError, SyntaxError) as error:
            raise AssertionError(f"{error}\nin what is said here:\n{finding!r}") from error


def failed(findings: Sequence[Finding]) -> dict[str, str | None]:
    """Ids of the checks that failed, with the mistakes named; all of it is well said, and no fault of the examiner."""
    assert_well_said(findings)
    return {finding.check: finding.mistake for finding in findings if finding.status == "failed"}


def assert_phrase(text: str) -> None:
    """Printable, with brackets and quotes in pairs and single spaces, in words that we know."""
    text = RAISED.sub("Exception", _PLACE.sub("", text))
    assert text.strip() == text != "", f"empty, or with spaces around it: {text!r}"
    assert text.isprintable(), f"not printable: {text!r}"
    assert "  " not in text, f"a doubled space: {text!r}"
    assert _is_balanced(text), f"brackets or quotes that do not pair: {text!r}"
    assert not (strange := list(unknown_words(text))), f"words that nobody knows, {', '.join(strange)}: {text!r}"


def assert_sentence(text: str) -> None:
    """A phrase that begins and ends as sentences do."""
    assert_phrase(text)
    first = re.match(r"[`'\"-]*(\w+)", text)
    assert first is not None, f"begins with no word: {text!r}"
    is_name = text[0] == "`" or len(first[1]) == 1 or first[1] in _names()
    assert is_name or not first[1][0].islower(), f"begins in lower case: {text!r}"
    assert text[-1] in ".?", f"does not end as a sentence: {text!r}"


def unknown_words(text: str) -> Iterator[str]:
    """Words in no document, and capitals that are neither at the beginning of a sentence nor a name's."""
    for found in _WORD.finditer(text):
        word = found[0].removesuffix("'s")
        before = text[: found.start()].rstrip("`'\"([").rstrip()
        begins = not before or before[-1] in ".?!:"
        if not (_is_known(word) or (begins and word[0].isupper() and word[0].lower() + word[1:] in _words())):
            yield word


def _is_known(word: str) -> bool:
    if word in _names() or word in _words():
        return True
    parts = [part for part in re.split(r"[_\d]+", word) if part]
    return parts != [word] and all(_is_known(part) for part in parts)


def _is_balanced(text: str) -> bool:
    opened: list[str] = []
    for letter in text:
        if letter in "([{":
            opened.append(letter)
        elif letter in ")]}" and (not opened or opened.pop() + letter not in {"()", "[]", "{}"}):
            return False
    apostrophes = re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?= )", "", text).count("'")
    return not opened and not any(count % 2 for count in (apostrophes, text.count('"'), text.count("`")))


def _sentences(finding: Finding) -> Iterator[str]:
    yield " ".join(finding.rationale.split())
    if finding.hint is not None:
        yield " ".join(finding.hint.split())


def _phrases(finding: Finding) -> Iterator[str]:
    yield from (text for text in (finding.expected, finding.actual) if text is not None)


def _assert_complete(finding: Finding) -> None:
    """Whatever a failure, a skip and a pass need is there, and nothing else."""
    assert re.fullmatch(r"[a-z_]+(\[\d+\])?(\.[a-z_]+(\[\d+\])?)+", finding.check)
    assert finding.subject
    if finding.status != "failed":
        assert finding.status in {"passed", "skipped"}
        assert (finding.actual is not None) == (finding.status == "skipped")
        assert finding.expected is finding.mistake is finding.hint is finding.repro is None
        return
    assert finding.expected
    assert finding.actual
    assert finding.expected != finding.actual
    assert finding.mistake is None or finding.mistake in VOCABULARY
    assert finding.mistake is None or finding.hint is not None
    _assert_asked(finding)
    if finding.repro is not None:
        assert len(finding.repro.splitlines()) <= _MOST_LINES
        compile(finding.repro, "script", "exec")


#: What is said of a case of a layer that is too large to be written out.
_SIZES = ["n_samples", "n_inputs", "n_units"]
#: Checks of networks whose failure one call with literal arrays does not show.
_UNSHOWN = (".layouts", ".single_precision", ".no_state", ".in_any_order")


def _assert_asked(finding: Finding) -> None:
    """The counterexample has every argument of the question."""
    asked = list(finding.counterexample)
    if finding.check.startswith("vjp."):
        cotangent = ["cotangent"] if finding.check.startswith("vjp.gradient") else []
        direction = asked[-1:] if asked[-1:] == ["direction"] else []
        count = len(asked) - len(cotangent + direction)
        assert count > 0
        assert asked == [*cotangent, *(f"args[{number}]" for number in range(count)), *direction]
        _assert_about_function(finding)
        # An array that is written out has the plain layout, and one call alone shows no state.
        assert finding.repro is not None or finding.check.endswith((".layouts", ".no_state"))
        assert finding.repro is None or not finding.check.endswith(".layouts")
    elif finding.mistake == "missing" and not asked:
        assert finding.repro is None  # there is nothing that could be called
    elif finding.subject in _MESSAGES:
        if asked == _SIZES:  # too large to be written out
            assert finding.repro is None
            return
        parameters = ["W", "b"] if finding.subject.startswith("LinearLayer") else []
        assert asked == [*parameters, *_MESSAGES[finding.subject].arguments]
        # A literal array has the plain layout, and one call alone shows no state.
        assert finding.repro is not None or finding.check.endswith((".layouts", ".no_state", ".long_use"))
        assert finding.repro is None or not finding.check.endswith(".layouts")
    elif finding.check == "mlp.gradient.of_deep_net":
        assert asked == ["n_inputs", "n_units", "n_samples"]
    elif finding.subject.startswith("MLP."):
        assert asked[-2:] == ["X", "T"]
        assert all(name.endswith((".W", ".b")) for name in asked[:-2])
        assert asked[-4:-2] == ["Linear_OUT.W", "Linear_OUT.b"] or finding.check.endswith(".other_nets")
        assert finding.repro is not None or finding.check.endswith(_UNSHOWN)


def _assert_about_function(finding: Finding) -> None:
    """What is said of a forward pass or of a vjp is said of that one."""
    part = "forward" if finding.check.startswith("vjp.forward") else "vjp"
    if finding.mistake in {"crash", "exits", "not-implemented"}:
        assert str(finding.expected).startswith(f"{part} ")
    if part == "forward":
        assert "cotangent" not in f"{finding.expected} {finding.actual}"


def _assert_beyond_rounding(finding: Finding) -> None:
    """Two numbers that are farther apart than the bound, at the index, with the arrays for a picture."""
    assert finding.bound is not None
    assert 0 <= finding.bound < math.inf
    due, came = (_VALUE.match(text) for text in (finding.expected or "", finding.actual or ""))
    is_of_vjp = finding.check.startswith("vjp.")
    if due is not None and came is not None:
        assert (due["array"], due["index"]) == (came["array"], came["index"])
        assert due["index"] == str(list(finding.index or ())) or not finding.index
        # Of what `check_vjp` knows by differences only the known digits are told.
        room = 0.0 if is_of_vjp else finding.bound
        assert not abs(float(due["value"]) - float(came["value"])) <= room
    is_shown = finding.check != "mlp.gradient.of_deep_net" and list(finding.counterexample) != _SIZES
    if not is_of_vjp and is_shown:
        evidence = finding.evidence
        if evidence is None:
            assert finding.check.endswith(".batch_sizes")  # hundreds of samples make no picture
            return
        assert np.shape(evidence.actual) == np.shape(evidence.expected) == np.shape(evidence.allowed)
        # The picture may be of another part of the answer than the smallest counterexample.
        message = _MESSAGES.get(finding.subject)
        assert evidence.name in (message.parts if message is not None else str(finding.expected))


def _assert_shown(finding: Finding, script: str, classes: Mapping[str, type]) -> None:
    """The script asks the question again: the entry that the finding names has the value that it gives."""
    *lines, last = (line for line in script.splitlines() if not line.startswith("from "))
    place: dict[str, Any] = dict(classes)
    call = last.removeprefix("print(").removesuffix(")")
    assert last == f"print({call})"
    with np.errstate(all="ignore"):
        try:
            exec("\n".join(lines), place)  # noqa: S102 - our own script
            answer = eval(call, place)  # noqa: S307 - as above
        except (Exception, SystemExit) as error:
            if type(error).__name__ not in str(finding.actual):
                raise AssertionError("the script raises something else") from error
            return
    came = _VALUE.match(finding.actual or "")
    if came is None or finding.index is None or finding.bound is None:
        return
    message = _MESSAGES.get(finding.subject)
    if message is not None and len(message.parts) > 1:
        answer = answer[message.parts.index(came["array"])]
    if isinstance(answer, dict):
        parts = [part for parts in answer.values() for part in parts] if "gradient" in came["array"] else []
        arrays = [part for part in parts if np.ndim(part) == len(finding.index)]
    else:
        arrays = [answer]
    entries = [float(array[finding.index]) for array in arrays if _has(array, finding.index)]
    # An answer of another shape is judged in the shape that was due, where each number has one place.
    entries += [float(x) for array in arrays if not _has(array, finding.index) for x in np.ravel(array)]
    assert not arrays or came["value"] in map(repr, entries), f"the script gives {entries}"


def _has(array: Any, index: tuple[int, ...]) -> bool:
    shape = np.shape(array)
    return len(shape) == len(index) and all(place < length for place, length in zip(index, shape, strict=True))


@cache
def _words() -> frozenset[str]:
    """In lower case: those of our documents and of ``vocabulary.txt``."""
    return frozenset(word for word in _WORD.findall(_documents()) if word.islower())


@cache
def _names() -> frozenset[str]:
    """Names in their spelling: of the contract, of Python, of checks and mistakes, and those of our documents."""
    names = {word for word in _WORD.findall(_documents()) if not word.islower()}
    for name, cls in plain.CLASSES.items():
        methods = [method for method in vars(cls) if not method.startswith("_")]
        parameters = [parameter for method in ["__init__", *methods] for parameter in _parameters(getattr(cls, method))]
        names |= {name, *methods, *parameters}
    for message in MESSAGES:
        names |= {message.key, *message.parts}
    for words in [check.id for check in all_checks()] + list(VOCABULARY):
        names |= set(re.split(r"[-._]", words))
    return frozenset({*names, *_parameters(check_vjp), *dir(builtins), "numpy"})


def _parameters(function: Any) -> Iterable[str]:
    return inspect.signature(function).parameters


@cache
def _documents() -> str:
    here = Path(__file__).resolve().parent
    root = next(folder for folder in here.parents if (folder / "docs").is_dir())
    paths = [*root.glob("*.md"), *(root / "docs").glob("*.md"), here / "vocabulary.txt"]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
