"""The sentence of each kind of fact. Whoever changes one changes no verdict: nothing reads them."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

#: How fields are shown, by the name after the colon in a sentence.
_SHOWN: dict[str, Callable[[Any], str]] = {
    # A number with as many digits as tell it from its neighbours, at most 17.
    "number": lambda value: repr(float(value)),
    "numbers": lambda values: ", ".join(repr(float(value)) for value in values),
    "index": lambda index: str(list(index)) if len(index) else "",
    "list": ", ".join,
    "and": " and ".join,
    "shapes": lambda shapes: ", ".join(f"{name} {shape}" for name, shape in shapes),
    "plain": repr,
    "constants": lambda pairs: ", ".join(f"{name} {value}" for name, value in pairs),
}


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        shown = _SHOWN.get(format_spec)
        return super().format_field(value, format_spec) if shown is None else shown(value)


_FORMATTER = _Formatter()
#: What has fewer digits than three is shown as an interval, unless its error is next to nothing.
_LOOSE, _TINY, _MOST_DIGITS = 1e-3, 1e-9, 17

#: What can be expected.
_EXPECTED = {
    "class": "a class {cls}",
    "makes": "{cls}({names:list}) to make a layer",
    "takes": "{subject} to take its arguments by the names {names:list}",
    "makes by position": "{cls}({names:list}) to make a layer, the arguments in this order and without their names",
    "takes by position": "{subject}({names:list}) to answer, the arguments in this order and without their names",
    "answers": "{what} to answer",
    "answers shapes": "{subject} to answer arguments of shapes {shapes:shapes}",
    "answers or domain": "forward to answer, or a domain that says which arguments are legal",
    "answers after any call": "an answer whatever was called before",
    "parts": "a list [{names:list}]",
    "gradients": "a tuple of {count} gradients, one for each argument",
    "gradient alone": "a tuple of 1 gradient, one for each argument",
    "numbers": "{what} to be an array of numbers",
    "real numbers": "{what} to be an array of real numbers",
    "array": "a numpy array",
    "array of": "{what} to be a numpy array",
    "array of shape": "an array of shape {shape}",
    "array under": "an array of shape {shape} under {name}",
    "pair under": "[dW, db] under {name}",
    "loss and gradients": "two answers: the loss, and the gradients in the structure of the parameters",
    "output and cache": "forward to answer a tuple: the output, or several, and the cache last",
    "gradient left": "the gradient of {name} to be in the layer after backward",
    "structure": "a {name}, as the arguments have",
    "keys": "a dict with the keys {names}",
    "shape of": "{what} of shape {shape}",
    "shape of argument": "{what} of shape {shape}, as the argument has",
    "shape after update": "{what} of shape {shape} after the update",
    "dtype of": "{what} of dtype {dtype}",
    "dtype of arguments": "{what} of dtype {dtype}, as the arguments have",
    "no derivative": "{what} = None or zeros of shape {shape}, for whole numbers have no derivative",
    "attribute": "the attribute {name} to be an array",
    "can be set": "the attribute {name} to take an array of shape {shape}, by assignment or written into it",
    "entry or zero": "{what}{index:index} = 0 or {value:number}",
    "sum": "{what}{index:index} = {old:number} + {step:number} = {value:number}",
    "NaN kept": "NaN in the output of the sample that has one in its input",
    "unchanged": "{names:and} to be as before the call",
    "as before": "{names:and} as before",
    "as before the call": "{what} as before the call",
    "memory of its own": "an answer with memory of its own",
    "gradients with memory": "gradients with memory of their own",
    "stays": "an answer that stays",
    "same twice": "the same {what} twice",
    "sample alone": "sample {row} to get {value:number} as it does in another batch",
    "draws": "initialize() to draw W and b",
    "law": "{what} = {law}, that is {what}{index:index} = {value:.6g}, with mean {mean:.3g}, deviation {deviation:.3g}",
    "adds": "update_params(dtheta=[dW, db]) to add to W and b",
    "by formula": "{what}{index:index} = {value:number} in exact arithmetic",
    "gradient not zero": "a gradient that is not zero everywhere",
    "slope of evaluate": "<gradient, random direction> = {value:number}, by finite differences of evaluate",
    "slope of forward": "a derivative along a random direction of {value:number}, by finite differences of forward",
    "number where finite": "{what}{index:index} to be a number, for the forward pass is finite here and nearby",
    "slope along ties": (
        "a gradient with <gradient, direction> = {value:number}, "
        "for the function has this derivative along the direction"
    ),
    "slope along direction": "<{what}, direction> = {value:number}, as the forward pass changes along the direction",
}
#: What can come.
_CAME = {
    "raised": "{said}",
    "absent": "{said}",
    "type": "{name}",
    "not in a tuple": "{name}, not in a tuple",
    "several": "a {name} of {count}",
    "shape": "shape {shape}",
    "shape from": "shape {shape}, from {before}",
    "dtype": "dtype {dtype}",
    "value": "{value}",
    "number": "{value:number}",
    "row": "{what}[{row}] = [{values:numbers}]",
    "drawn": "{what}{index:index} = {value:.6g}, with mean {mean:.3g}, deviation {deviation:.3g}",
    "changed": "{names:and} changed",
    "view": "a view of {name}",
    "gradients share memory": "two gradients that share memory",
    "changed later": "an answer that a later call changed",
    "different answers": "two different answers",
    "different gradients": "two different ones",
    "something else": "something else",
    "zeros": "zeros",
    "does not fail": "it passes: take the expectation out of the file",
    "no such check": "there is no such check: is the id misspelled? bp check --list has them all",
}
#: What can be expected as well as come.
_BOTH = {
    "entry": "{what}{index:index} = {value:number}",
    "has_params": "has_params() = {value}",
    "fails": "{pattern} to fail ({reason})",
}
#: What stands after the sentence of an expectation, or of what came.
_CIRCUMSTANCES = {
    "in layout": ", also in {layout} layout",
    "in single precision": ", also with X and T in single precision",
    "after any call": ", whatever was called before",
    "twice": ", the same twice",
    "allowed": ", to within {error:.2g}",
    "by position": ", also with the arguments in the order {names:list}, without their names",
    "of shapes": ", for arguments of shapes {shapes:shapes}",
    "inputs in single": ", also where {names:and} is float32 and all else is float64",
    "at call": ", also at call {number} on the same object",
    "from arguments alone": ", from the arguments alone",
    "without shift": ", as without the {shift:g} that every logit has more",
    "reordered": ", as with rows {order} in their old places",
    "from two parts": ", from the answers to the two parts of delta_next",
    "from other cotangents": ", by what vjp answers for the cotangents that this one is made of",
    "each sample once": ", as for each sample once",
    "each sample twice": " for each sample twice",
    "raised at": ", raised in {file}, line {line}, by `{source}`",
    "in code": "; it becomes right by one change in line {line} of {file}, `{source}`, at `{expression}`",
    "raised in": ", raised in {file}, line {line}",
    "takes no such arguments": "; it is defined in {file}, line {line}: `{source}`",
    "stand-ins used": "; the code has taken values from stand-ins for modules that are not here: {names:list}",
    "right after forward": " (right only after forward on the same batch)",
    "estimated": ", as with {constants:constants}",
    "other after forward": " (another answer right after forward on the same batch)",
    "answers after forward": " (it answers right after forward on the same batch)",
    "zero everywhere": "; it is 0 at every entry, for all arguments of the given shapes",
    "swapped": "; it is the gradient of {other}",
    "formula off": "; the formula differs from the derivative by {part:.2g} of it in exact arithmetic too",
    "definition off": "; in exact arithmetic, too, the method differs from its definition",
    "definition off by": "; in exact arithmetic, too, the method differs from its definition, by {part:.2g} of it",
    "one factor": "; every entry is {ratio:.10g} times the right one, for all arguments of the given shapes",
    "another generator": ": the right distribution, but other numbers than the given generator draws here",
    "after the step": ", after the step of gradient descent",
    "after the training": ", for the first batch after the training",
    "in training": ", in training on {experiment}: epoch {epoch}, batch {batch}",
    "own layers": " (the layers and the loss were the examiner's own, which are right)",
    "entries wrong": "; {wrong} of {entries} entries are wrong",
}
#: Why nothing was judged.
_REASONS = {
    "depends": "depends on {names:list}, which did not pass",
    "suspects": "fails, perhaps because of {names:list}",
    "examiner failed": "the examiner failed: {error}: {said}",
    "accepted": "fails, as expected: {reason} (got {came})",
    "view kept": "the layer keeps a view of its first parameters, so that none of another type can be put in",
    "too slow": "too slow for batches of {batch} images, by the time that {few} take",
    "too large": "too large with batches of {batch} samples: {said}",
    "no oracle": "{said}",
    "array without gradient": (
        "the array {name} of the layer has no gradient that could be found; if it is a parameter, say where: "
        "parameters={{'{name}': 'the name of its gradient'}}"
    ),
    "no specification": "no specification was given to hold the forward pass against",
    "formula not followed": "judged nothing: {reason}",
    "formula undecided": "judged nothing: at none of the inputs that were tried can the formula be judged: {reason}",
    "digits lost": (
        "the formula is right, but computed in doubles it loses {digits} of 16 digits in {what}{index:index}, at "
        "{inputs}"
    ),
    "specification judges": "the specification is the judge, so that a wrong forward pass cannot blame a right vjp",
    "specification nowhere finite": "judged nothing: the specification is finite at none of the inputs that were tried",
    "specification tells no slope": "judged nothing: the specification's values tell no slope",
    "forward tells nothing": (
        "judged nothing: at none of the inputs that were tried is the forward pass finite, with a derivative that its "
        "values tell"
    ),
    "gradient nowhere finite": "judged nothing: the gradient is finite at none of the inputs that were tried",
    "out of time": "not judged: the budget of time was used up before",
    "argument constant": "not judged: vjp answers None for args[{number}], so that it is taken for constant",
    "argument held": "not judged: args[{number}] is held as given",
    "left out": (
        "{left} of {drawn} drawn inputs were left out, where forward or its definition is not finite or raises"
    ),
    "mostly left out": (
        "judged too little: {left} of {drawn} drawn inputs are not legal; say with domain, legal, fixed or draw which "
        "are"
    ),
    "near given": (
        "{left} of {drawn} drawn inputs are not legal, so that the given ones and {count} near them are judged; say "
        "with domain, legal, fixed or draw which others are legal"
    ),
    "no tie judged": "judged nothing: at no input with equal numbers or zeros can it be told which gradient is legal",
    "ties undecided": "not judged at {count} of {asked} inputs with equal numbers or zeros",
    "noisy": "the forward pass is noisy: its values are off by {noise:.2g} of their size, and so much is granted",
    "along directions": (
        "of so many numbers, {size}, the gradient is judged along {count} random directions, by finite differences"
    ),
    "sampled": "{count} of {size} entries are judged rigorously, in ball arithmetic at the given inputs",
    "not sampled": ": {reason}",
    "output of another shape": "the output has shape {shape} instead of {due}",
}


def _near(fields: Mapping[str, Any]) -> str:
    """An entry with the digits that are known of it, or the interval in which it lies."""
    place = f"{fields['what']}{_SHOWN['index'](fields['index'])}"
    value, error = fields["value"], fields["error"]
    if error > _LOOSE * abs(value):
        if error <= _TINY:
            return f"{place} = {value!r}"
        low, high = (0.0 if abs(end) < _LOOSE * error else end for end in (value - error, value + error))
        return f"{place} between {low:.6g} and {high:.6g}"
    digits = _MOST_DIGITS if error == 0 else min(_MOST_DIGITS, int(math.log10(abs(value) / error)) + 1)
    return f"{place} = {float(f'{value:.{digits}g}')!r}"


#: By kind; a function of the fields where words alone do not do.
SENTENCES: dict[str, str | Callable[[Mapping[str, Any]], str]] = {
    **_EXPECTED,
    **_CAME,
    **_BOTH,
    **_CIRCUMSTANCES,
    **_REASONS,
    "entry near": _near,
}
_FIELDS = {"entry near": frozenset({"what", "index", "value", "error"})}


def sentence(kind: str, fields: Mapping[str, Any]) -> str:
    """The sentence of one fact."""
    form = SENTENCES[kind]
    return _FORMATTER.vformat(form, (), fields) if isinstance(form, str) else form(fields)


@cache
def fields_of(kind: str) -> frozenset[str]:
    """The names of the fields that a kind of fact needs; raises KeyError if there is no such kind."""
    form = SENTENCES[kind]
    if not isinstance(form, str):
        return _FIELDS[kind]
    return frozenset(name for _, name, _, _ in _FORMATTER.parse(form) if name is not None)
