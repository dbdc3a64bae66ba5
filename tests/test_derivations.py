"""The theory of the report: it compiles in both forms, and what it states is true."""

from __future__ import annotations

import html
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bp
from reference.lab import definitions
from reference.lab.definitions import softmax
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from reports.study import build
from tests.comparing import needs_flint

pytestmark = pytest.mark.outside

Array = NDArray[np.float64]

# The document

NAMES = {
    "linear.forward", "linear.delta", "linear.grad", "relu.forward", "relu.delta", "softmax.forward", "softmax.delta",
    "cross_entropy.forward", "cross_entropy.delta", "mlp.gradient", "compound.forward", "compound.delta",
}  # fmt: skip

WRAPPER = """
#import "derivations.typ": compound, messages
#import "spoken.typ": with-spoken-formulas
#set document(title: "Derivations")
#let checked(name) = {checked}
#with-spoken-formulas[
  = Assignment 1
  #messages(checked)
  = Assignment 2
  #compound(checked)
]
"""


def documents(folder: Path, checked: str) -> tuple[str, bytes]:
    """The theory alone, as HTML and as PDF; compiling raises an exception at an error and at a warning."""
    for source in ("derivations.typ", "page.typ", "spoken.typ"):
        shutil.copy(Path(build.__file__).with_name(source), folder)
    (folder / "report.typ").write_text(WRAPPER.replace("{checked}", checked), encoding="utf-8")
    return build.typeset(folder, "html").read_text(encoding="utf-8"), build.typeset(folder, "pdf").read_bytes()


def text_of(page: str) -> str:
    _, body = page.split("<body>")
    return html.unescape(re.sub(r"<[^>]*>", " ", body))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    page, pdf = documents(tmp_path_factory.mktemp("theory"), "[found<#name>]")
    assert pdf.startswith(b"%PDF-")
    return page


def test_formulas_are_mathml(page: str) -> None:
    """Each formula of the source is MathML, none is a picture, and no markup is left over."""
    source = Path(build.__file__).with_name("derivations.typ").read_text(encoding="utf-8")
    assert page.count("<math") >= len(re.findall(r"\$[^$]+\$", source.split("#let messages")[1]))
    assert not re.search("<(svg|img|pre)", page)
    assert not re.search(r"[$@*_#\\]", re.sub(r"found<\w+\.\w+>", "", text_of(page)))


def test_lists_are_those_meant(page: str) -> None:
    """The only lists are the algorithm's steps and what subtracting the maximum does."""
    assert page.count("<ol>") == page.count("<ul>") == 1
    assert page.count("<li>") == 6


def test_every_message_says_what_was_found(page: str) -> None:
    """Each derivation ends once with what the verification found."""
    assert sorted(re.findall(r"\(found<(\S+)>\)", text_of(page))) == sorted(NAMES)


def test_nothing_found_says_nothing(tmp_path: Path) -> None:
    """Without findings no empty brackets are left."""
    page, _ = documents(tmp_path, "none")
    assert "()" not in re.sub(r"\s", "", text_of(page))


def test_sheets_equations_have_their_numbers(page: str) -> None:
    """Equations (1) to (4) are those of the lab's sheet, and references lead to them."""
    numbers = {}
    for name, equation in re.findall(r'<math id="([\w-]+)"[^>]*>(.*?)</math>', page):
        numbers[name] = re.sub(r"<[^>]*>", "", equation)[-3:]
    assert numbers == {"eq-delta": "(1)", "eq-grad": "(2)", "eq-softmax": "(3)", "eq-loss": "(4)"}
    links = set(re.findall(r'<a href="#([\w-]+)">(\(\d\))</a>', page))
    assert links == set(numbers.items())


def test_limits_of_the_format(page: str) -> None:
    """Every decimal is where numpy's exp overflows, underflows or vanishes beside 1, or a cost checked below."""
    assert set(re.findall(r"\d+\.\d+", text_of(page))) == {"709.78", "88.72", "745.13", "36.74", "1.25"}
    with np.errstate(over="ignore", under="ignore"):
        for last, dtype in ((709.78, np.float64), (88.72, np.float32)):
            assert np.isfinite(np.exp(dtype(last)))
            assert np.isinf(np.exp(dtype(last + 0.01)))
        assert np.exp(-745.13) > 0 == np.exp(-745.14)
    assert 1 + np.exp(-36.73) > 1 == 1 + np.exp(-36.74)


def test_cost_of_the_mnist_network(page: str) -> None:
    """The parameters and the ratio of backward to forward multiplications are those of the lab's network."""
    rng = np.random.RandomState(0)
    widths = [784, 64, 64, 64, 64, 64, 10]
    layers = [bp.LinearLayer(d, u, rng, f"{i}") for i, (d, u) in enumerate(itertools.pairwise(widths))]
    assert f"{sum(layer.W.size + layer.b.size for layer in layers):,} parameters" in text_of(page)
    forward = [layer.W.size for layer in layers]
    assert f"{(sum(forward) + sum(forward[1:])) / sum(forward):.2f} forward passes" in text_of(page)


# Its formulas, retyped from the text in ball arithmetic, against the derivative of the forward pass alone. Beside each
# stands one with a mistake, which must not agree.

S, D = np.array([[0.5, -1.25, 2.0, 0.125]]), np.array([[1.5, -0.25, 0.75, -2.0]])
TOP, ELSEWHERE, SOFT = np.eye(4)[[2]], np.eye(4)[[1]], np.array([[0.125, 0.5, 0.25, 0.125]])
ONE = np.ones((1, 1))


def total(row: Any) -> Any:
    return row.sum(dim=1, keepdim=True)


def slopes(spec: Callable[[Any], Any], cotangent: Array = ONE) -> Estimate:
    return ball.vjp(spec, cotangent, [S])[0]


def two_layers(t: Array) -> Callable[[Any], Any]:
    return lambda s: definitions.cross_entropy(softmax(s), t)


def log_sum_exp_form(t: Array) -> Callable[[Any], Any]:
    return lambda s: total(s.exp()).log() - total(s * t)


def agree(truth: Estimate, formula: Callable[[Any], Any]) -> bool:
    """Whether two enclosures, narrow to the last digit of a double, have a number in common, entry by entry."""
    stated = ball.value(formula, [S])
    assert truth.value.shape == stated.value.shape
    assert (truth.error < 1e-15).all()
    assert (stated.error < 1e-15).all()
    return bool((np.abs(truth.value - stated.value) <= truth.error + stated.error).all())


@needs_flint
@pytest.mark.parametrize("j", range(4))
def test_softmax_jacobian(j: int) -> None:
    """dy_j/ds_i = y_j ([i = j] - y_i)."""
    here = np.eye(4)[[j]]
    truth = slopes(softmax, here)
    assert agree(truth, lambda s: total(softmax(s) * here) * (-softmax(s) + here))
    assert not agree(truth, lambda s: total(softmax(s) * here) * (-softmax(s) + 1))


@needs_flint
@pytest.mark.parametrize("d", [D, D - D[0, 2]], ids=["as it is", "less one of its entries"])
def test_softmax_product(d: Array) -> None:
    """sum_j d_j dy_j/ds_i = y_i (d_i - sum_j d_j y_j), from which any d_m can be taken off."""
    truth = slopes(softmax, D)
    assert agree(truth, lambda s: softmax(s) * (-total(softmax(s) * d) + d))
    assert not agree(truth, lambda s: softmax(s) * d)


@needs_flint
@pytest.mark.parametrize("t", [TOP, ELSEWHERE, SOFT], ids=["maximum", "elsewhere", "soft"])
def test_compound(t: Array) -> None:
    """The loss is log sum_c e^(s_c) - sum_k t_k s_k; derived from it and through two layers alike, delta = p - t."""
    loss = ball.value(two_layers(t), [S])
    assert agree(loss, log_sum_exp_form(t))
    assert not agree(loss, log_sum_exp_form(t[:, ::-1]))
    for form in (log_sum_exp_form(t), two_layers(t)):
        assert agree(slopes(form), lambda s: softmax(s) - t)
        assert not agree(slopes(form), lambda s: softmax(s) + t)


@needs_flint
@pytest.mark.parametrize("c", [-2.0, 1.25, 1000.0])
def test_shift_invariance(c: float) -> None:
    """p(s + c) = p(s), but p of a multiple of s is different."""
    assert agree(ball.value(softmax, [S]), lambda s: quotient(s + c))
    assert not agree(ball.value(softmax, [S]), lambda s: quotient(s * 1.25))


def quotient(s: Any) -> Any:
    """Equation (3) as it is written; `definitions.softmax` would subtract the shift again."""
    return s.exp() / total(s.exp())


@needs_flint
@pytest.mark.parametrize("t", [TOP, ELSEWHERE], ids=["maximum", "elsewhere"])
def test_digits_kept(t: Array) -> None:
    """The loss is log(1 + R) - h_t, and delta_t = -(sum of the others' terms) / (1 + R)."""

    def terms(s: Any) -> Any:
        return (s - total(s * TOP)).exp()

    def others(s: Any) -> Any:
        return total(terms(s) * (1 - TOP))

    loss = ball.value(two_layers(t), [S])
    assert agree(loss, lambda s: (others(s) + 1).log() - total((s - total(s * TOP)) * t))
    assert not agree(loss, lambda s: others(s).log() - total((s - total(s * TOP)) * t))
    delta = slopes(two_layers(t))
    assert agree(delta, lambda s: softmax(s) * (1 - t) - total(terms(s) * (1 - t)) / (others(s) + 1) * t)
    assert not agree(delta, lambda s: softmax(s) * (1 - t) - total(terms(s) * t) / (others(s) + 1) * t)
