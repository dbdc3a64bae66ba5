"""What a known mistake is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc, isclass
from typing import Any

from reference.lab.mistakes import plain

#: What is behind the words of the vocabulary that a check can give without knowing the very mistake.
HINTS = {
    "missing": "The name is part of the contract: other code, the lab's test among it, asks for exactly this one.",
    "not-implemented": "Nothing is computed yet: is the body still `pass`, or does it end without `return`?",
    "crash": "The message is Python's or numpy's own. If it is about shapes, write them down, line by line.",
    "timeout": "Does the module train or wait for a window when it is imported, or a loop never end?",
    "memory": "Is a matrix built whose size grows with the square of something, where a product would do?",
    "exits": "A method must answer or raise, and never end the program.",
    "wrong-shape": "Write down the shape of every array in the method; axes that are summed away can be kept.",
    "wrong-dtype": "Weights are float64: what turns the numbers into something else on the way?",
    "wrong-type": "Code that uses the layer calculates with the answer: it needs arrays, two of them in a list.",
    "mutates-input": "The caller still needs the array that it passed: which statement writes into it?",
    "stateful": "The arguments say all that is needed. What is remembered from an earlier call is another batch's.",
    "nondeterministic": "The same question must get the same answer: where does chance come in?",
    "aliases-input": "The answer shares memory with an argument, so that changing one changes the other.",
    "layout-dependent": "The same numbers arrive in another memory layout (a transpose, a slice): what assumes one?",
    "batch-size-dependent": "Right for ordinary batches and wrong for this size: what does a one in the shape change?",
    "layer-skipped": "Each layer with parameters has its gradient, under its own name: which is not reached?",
    "initialisation": "Which generator draws the weights, with which deviation, and where do the biases start?",
    "log-of-zero": "What is 0 log 0, or 0 / 0, on paper where the target is 0, and what is it for numpy?",
    "mask-wrong-threshold": "At the kink the derivative may be that of the left or of the right: is it another?",
    "sample-dependence": "One sample's answer changes with the others in its batch: what runs over the whole array?",
}


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong implementation that somebody has written, or easily could.

    Attributes
    ----------
    name
        Of this one; no two share it.
    subject
        The ``Class.method`` that is wrong.
    word
        Of the vocabulary of mistakes.
    hint
        What to think about, in a student's terms; not the solution.
    classes
        All the contract's classes, right but for the subject's.
    """

    name: str
    subject: str
    word: str
    hint: str
    classes: dict[str, type]


#: Filled by `wrong`, in the order of the modules that use it.
CATALOGUE: list[Mistake] = []


def wrong(subject: str, word: str) -> Callable[[Any], Any]:
    """Enter the decorated method, or class, into the catalogue; its docstring is the hint.

    A function becomes the subject's method in a copy of the right class; a class stands for the whole class.
    """
    cls, _, method = subject.partition(".")

    def enter(body: Any) -> Any:
        made = body if isclass(body) else type(cls, (plain.CLASSES[cls],), {method: body})
        hint = " ".join(cleandoc(body.__doc__ or "").split())
        CATALOGUE.append(Mistake(f"{cls}.{body.__name__}", subject, word, hint, {**plain.CLASSES, cls: made}))
        return body

    return enter
