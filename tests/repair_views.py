"""A few lines of a gradient as the search for a repair sees them: places, values, and what is offered there.

No examination is made, so that a look takes milliseconds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair.instrument import Sites, State
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.running import quiet
from reference.gradients.repair.sources import Source
from reference.gradients.repair.view import Part, View

Array = NDArray[Any]
Family = Callable[[View], Iterator[Edit]]

#: What the code can use beside its arguments; none of it is the same as another.
NAMES: dict[str, Any] = {
    "np": np, "n": 2, "last": np.int64(-1), "turn": np.array([0, 2, 1]), "eps": 1e-3, "limit": 0.4,
    "at": np.array([0, 2, 1, 2]), "order": np.array([2, 0, 3, 1]),
    "along": lambda z, axis: z.cumsum(axis), "softplus": lambda z: np.log1p(np.exp(z)),
    "half": lambda z: z / 2, "across": lambda axis, z: z.sum(axis), "small": np.array([1, 2, 3, 4], dtype=np.uint8),
}  # fmt: skip
_SHAPES = {"g": (3, 4), "x": (3, 4), "y": (3, 4), "s": (3, 3), "t": (3, 3), "v": (4,), "u": (4,), "c": (2, 3, 4)}
#: By run: how many times the cotangent, and the seeds of the cotangent and of the arguments.
_RUNS = ((1.0, 0, 1), (2.0, 0, 1), (1.0, 2, 3), (1.0, 4, 1))


def arguments_of(run: int) -> dict[str, Array]:
    """The cotangent ``g`` and the arguments of a run: no two entries are equal, and all are between 0.1 and 1.8."""
    factor, cotangent, case = _RUNS[run]
    rng = np.random.RandomState(case)
    found = {name: rng.uniform(0.1, 0.9, shape) for name, shape in _SHAPES.items()}
    return found | {"g": factor * np.random.RandomState(cotangent).uniform(0.1, 0.9, _SHAPES["g"])}


def is_expression(body: str) -> bool:
    try:
        ast.parse(body, mode="eval")
    except SyntaxError:
        return False
    return True


def sites_of(body: str, **names: Any) -> Sites:
    """The places of a function with this body, or that gives back this expression."""
    body = f"return {body}" if is_expression(body) else body
    lines = [f"    {line}" for statement in body.split("; ") for line in statement.split("\n")]
    text = "\n".join([f"def vjp({', '.join(_SHAPES)}):", *lines, ""])
    known = {**NAMES, **names}
    exec(compile(text, "<view>", "exec"), known)  # noqa: S102 - code of a table
    (tree,) = ast.parse(text).body
    assert isinstance(tree, ast.FunctionDef)
    return Sites(Source(known["vjp"], tree, (known["vjp"],)), 0)


def recorded(sites: Sites, run: int) -> State:
    """What every expression comes to in a run."""
    state, function = State(), sites.source.function
    before = function.__code__
    function.__code__ = sites.code(state, recording=True)
    try:
        function(**arguments_of(run))
    finally:
        function.__code__ = before
    return state


def view_of(body: str, given: tuple[str, ...] = (), **names: Any) -> View:
    """The places of a body, with their values in the four runs; ``given`` is what the forward pass has."""
    sites = sites_of(body, **names)
    with quiet():
        runs = [recorded(sites, run) for run in range(len(_RUNS))]
    return View([sites], runs, arguments_of(0)["g"], [ast.parse(each, mode="eval").body for each in given])


def place_of(text: str, body: str, number: int = 0, **names: Any) -> Place:
    """The place of an expression in a body, the so-manieth of those that read alike."""
    return [each for each in view_of(body, **names).places if each.text == text][number]


def part_of(text: str, place: Place, view: View) -> Part:
    """What is at hand at a place."""
    return next(each for each in view.parts(place) if each.text == text)


def code(node: ast.AST) -> str:
    """The code for a node, as a reader expects it."""
    return ast.unparse(node).replace("'\\x00numpy'", "np").replace("'\\x00given'", "given").replace(
        "'\\x00transposed'", "transposed"
    )  # fmt: skip


def replaced_by(edit: Edit) -> Mapping[ast.AST, Any]:
    """The nodes that an edit replaces, and what stands in their place."""
    return edit.replaced if edit.new is None else {edit.place.node: edit.new}


def _half(spaces: re.Match[str]) -> str:
    return spaces[0][::2]


def after(edit: Edit) -> str:
    """The body with an edit in it; of an expression that is given back, the expression alone."""
    new = replaced_by(edit)
    assert new
    changed = [ast.fix_missing_locations(each) for each in _changed(edit.place.sites.source.tree.body, new)]
    text = "; ".join(re.sub("^ +", _half, code(each), flags=re.MULTILINE) for each in changed)
    return text.removeprefix("return ") if len(changed) == 1 else text


def offers(family: Family, body: str, **names: Any) -> set[tuple[str, str]]:
    """What a family offers: the word, and the body with the edit in it."""
    return {(edit.word, after(edit)) for edit in family(view_of(body, **names))}


def costs(family: Family, body: str, **names: Any) -> dict[str, float]:
    """The least cost at which each changed body is offered."""
    found: dict[str, float] = {}
    for edit in family(view_of(body, **names)):
        text = after(edit)
        found[text] = min(edit.cost, found.get(text, np.inf))
    return found


def _changed(item: Any, new: Mapping[ast.AST, Any]) -> Any:
    if isinstance(item, list):
        changed: list[Any] = []
        for each in item:
            made = _changed(each, new)
            changed += made if isinstance(made, list) else [made]
        return changed
    if not isinstance(item, ast.AST):
        return item
    if item in new:
        return new[item]
    return type(item)(**{name: _changed(value, new) for name, value in ast.iter_fields(item)})
