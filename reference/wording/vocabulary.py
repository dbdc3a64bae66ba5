"""The vocabulary of mistakes: what each word means, and what to think about where no known mistake explains more.

The words are fixed: there may be more of them one day, and none is renamed. A known mistake of `reference.lab.mistakes`
has a hint of its own, which is told instead.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """A word of the vocabulary.

    Attributes
    ----------
    meaning
        What was done, in words that a student understands; never how to do it right, which is the student's part.
    hint
        What to think about, for a failure of which no more is known than this word. None: the word is given by the
        known mistakes alone.
    """

    meaning: str
    hint: str | None = None


MISTAKES: dict[str, Word] = {
    "missing": Word(
        "the name that the contract asks for is not there",
        "The name is part of the contract: other code, the lab's test among it, asks for exactly this one.",
    ),
    "not-implemented": Word(
        "the method has no answer yet",
        "Nothing is computed yet: is the body still `pass`, or does it end without `return`?",
    ),
    "crash": Word(
        "the call ends with an exception",
        "The message is Python's or numpy's own: what does it say of that line?",
    ),
    "timeout": Word(
        "no answer comes within the time limit",
        "Does the module train or wait for a window when it is imported, or a loop never end?",
    ),
    "memory": Word(
        "the call takes more memory than there is",
        "Is a matrix built whose size grows with the square of something, where a product would do?",
    ),
    "argument-order": Word(
        "the arguments are not taken in the order of the contract, or not without their names",
        "The lab's own code calls without names. In which order does the contract list the arguments?",
    ),
    "exits": Word("the call ends the whole program", "A function must answer or raise, and never end the program."),
    "arguments-swapped": Word(
        "two arguments of a function stand in each other's place",
        "Which of the two are the predictions and which the targets, and which does each step of the formula take?",
    ),
    "swapped": Word(
        "the gradients of two arguments are in each other's place",
        "The gradients are in the order of the arguments: which of them belongs to which?",
    ),
    "wrong-shape": Word(
        "the answer has another shape than promised",
        "Write down the shape of every array on the way; axes that are summed away can be kept.",
    ),
    "wrong-dtype": Word(
        "the answer's numbers are of another type than promised",
        "Of which type is each array on the way, and which line makes one of another type than the answer should have?",
    ),
    "wrong-type": Word(
        "the answer is of another type than promised",
        "The caller calculates with the answer. What does the last line give: an array, a list, a tuple with a comma?",
    ),
    "mutates-input": Word(
        "the call changes the arrays that it was given",
        "The caller still needs the array that it passed: which statement writes into it?",
    ),
    "stateful": Word(
        "the answer depends on what else was called",
        "The arguments say all that is needed: what does another call leave behind that this one finds?",
    ),
    "nondeterministic": Word(
        "the same question gets different answers",
        "The same question must get the same answer: where does chance come in?",
    ),
    "aliases-input": Word(
        "the answer shares its memory with an argument",
        "The answer shares memory with an argument, so that changing one changes the other.",
    ),
    "layout-dependent": Word(
        "the answer depends on how the array lies in memory",
        "The same numbers arrive in another memory layout (a transpose, a slice): what assumes one?",
    ),
    "batch-size-dependent": Word(
        "the answer is wrong for batches of certain sizes",
        "Right for ordinary batches and wrong for this size: what does a one in the shape change?",
    ),
    "sample-dependence": Word(
        "the answer to one sample depends on the others in its batch, or on its place there",
        "One sample's answer changes with the others, or with its place: what is done to one row, or to all at once?",
    ),
    "scaled": Word(
        "the answer, or a number on the way to it, is off by a constant factor: a number, or the length of an axis",
        "Which factor does the formula have that the code has not, or the other way round?",
    ),
    "sign": Word(
        "the answer, or a number on the way to it, has the wrong sign", "Follow the minus signs through the derivation."
    ),
    "transposed": Word(
        "rows and columns are exchanged",
        "Write down the shapes in the product: which factor is transposed, and in which order do they stand?",
    ),
    "not-averaged": Word("a sum over the batch stands where the mean is due"),
    "averaged-twice": Word("the mean over the batch is taken twice"),
    "bias-missing": Word("the bias does not enter"),
    "bias-gradient-missing": Word(
        "the gradient of the bias is missing",
        "Which parameters does the layer have, and where is the gradient of each?",
    ),
    "mask-missing": Word(
        "what should stop where the unit is off passes there too",
        "Where the output does not change with the input, what is the derivative?",
    ),
    "mask-from-delta": Word(
        "the mask is taken from the gradient instead of from the unit's own output",
        "Whose sign decides whether a unit is on: that of its input, or that of the gradient?",
    ),
    "mask-wrong-threshold": Word(
        "the mask does not switch right above 0",
        "At the kink the derivative may be that of the left or of the right: is it another?",
    ),
    "leaky": Word(
        "what is negative is let through in part", "What is the slope of the forward pass where its input is negative?"
    ),
    "wrong-axis": Word(
        "an operation runs along the wrong axis", "Which axis counts the samples, and along which one is added here?"
    ),
    "jacobian-diagonal-only": Word(
        "only the diagonal of the Jacobian is used", "Does an output change with the inputs at other places as well?"
    ),
    "factor-missing": Word(
        "a factor of the formula that varies with the arguments is missing",
        "Write the chain rule with one factor for each step: which is not there?",
    ),
    "shifted": Word(
        "entries are taken from, or put at, a neighbouring place along an axis or in time: an index is off by one, "
        "or another step's value is used",
        "Write down the formula for one entry: with which index does it enter each output?",
    ),
    "flipped": Word(
        "entries along an axis are taken, or put, in reverse order",
        "In which order does the backward pass meet the entries that the forward pass met from first to last?",
    ),
    "extra-term": Word(
        "a term is added that the formula has not",
        "Which terms does the formula add up, and which one stands in the code besides?",
    ),
    "extra-factor": Word(
        "a factor that varies with the arguments is multiplied in although the formula has not got it, or has it once",
        "Write the chain rule with one factor for each step: which factor stands in the code besides?",
    ),
    "wrong-function": Word(
        "another function is computed than the one that is asked for",
        "Compare the code with the definition, operation by operation: which function is this?",
    ),
    "nan-hidden": Word(
        "a number stands where NaN or infinity should show",
        "NaN shows that something is wrong before this line: who sees that where a number takes its place?",
    ),
    "delta-next-ignored": Word(
        "the gradient that comes from the next layer does not enter",
        "The gradient of what comes later is an argument of this function: where is it used?",
    ),
    "no-shift": Word("exp is taken of logits without their largest taken off, so that large ones overflow"),
    "batch-wide-shift": Word("all samples are shifted by the same number, such as the largest of the whole batch"),
    "shift-not-undone": Word("the logits are shifted and the shift is not made up for"),
    "log-of-zero": Word(
        "the logarithm of 0, or a division by it, gets into the result",
        "What is 0 log 0, or 0 / 0, on paper where the target is 0, and what is it for numpy?",
    ),
    "epsilon-added": Word(
        "a small number is added that the formula has not",
        "What does the small number change where the numbers beside it are small too?",
    ),
    "clipped": Word(
        "numbers are clipped, which changes those beyond the limit",
        "Which numbers does the limit change, and who asks for one?",
    ),
    "binary-cross-entropy": Word("this is the cross entropy of two classes, summed over all"),
    "divided-by-classes": Word("the result, or a sum in it, is divided by the number of classes"),
    "summed-over-batch": Word("one sum over the batch stands where each sample has its own value"),
    "averaged-over-batch": Word("a mean over the batch, or a division by its size, is not due here"),
    "softmax-missing": Word("logits, or other numbers made of them, stand where softmax is due"),
    "target-subtracted-twice": Word("the targets are subtracted twice"),
    "not-summed": Word(
        "a sum over the axes along which the argument is broadcast, or over its several uses, is missing",
        "The argument enters several entries of the output. What becomes of the gradient from each of them?",
    ),
    "term-missing": Word(
        "a term of the formula, or a path along which the gradient comes, is missing",
        "By how many ways does this argument reach the output? Each of them has a part in the gradient.",
    ),
    "wrong-argument": Word(
        "the formula takes another array than the right one, such as the input where the output is due",
        "Which array does each step of the formula ask for, and which one is it given?",
    ),
    "other-epsilon": Word(
        "a small constant has another value than in the forward pass, or stands in another place",
        "Which constant keeps the forward pass from dividing by 0, and does the gradient have the same one?",
    ),
    "mask-inverted": Word(
        "the gradient passes where it should stop, and stops where it should pass",
        "For which entries does the output change with the input: for those that the mask lets through?",
    ),
    "mask-from-other": Word(
        "the mask is taken from another array than the one that the forward pass compares",
        "Which array does the forward pass compare, at this very step?",
    ),
    "entry-wrong": Word(
        "one entry of the gradient is wrong and all others are right",
        "What is done for this one entry alone, such as at the end of a loop or of a range?",
    ),
    "row-wrong": Word(
        "one row of the answer is wrong and all others are right",
        "What is done for this one row alone?",
    ),
    "last-sample-wrong": Word(
        "the last sample's answer is wrong and all others are right",
        "Where does the loop over the samples end?",
    ),
    "low-precision": Word(
        "the computation, or its result, keeps fewer digits than its arguments have",
        "Of which type is each array on the way, and which one has fewer digits than the answer should have?",
    ),
    "finite-differences": Word(
        "the derivative is approximated by differences",
        "Differences lose half of the digits. What is the derivative on paper?",
    ),
    "wrong-layer-input": Word("a layer's gradient is computed with another layer's input"),
    "wrong-layer-order": Word("the layers are not taken in their order, each once"),
    "layer-skipped": Word(
        "a layer is left out", "Each layer with parameters has its gradient, under its own name: which is not reached?"
    ),
    "last-layer-ignored": Word(
        "layers run that stand behind the last one that was asked for",
        "With `last_layer`, whose outputs are asked for, and where does the loop end?",
    ),
    "output-layers-ignored": Word("the output layers are left out where they are due, or run whatever was asked for"),
    "output-layers-in-gradient": Word(
        "the loss or the gradient is taken behind the output layers, although the loss takes logits"
    ),
    "update-sign": Word("the step goes in the wrong direction"),
    "update-missing": Word(
        "the parameters stay as they were",
        "Is the sum stored in the layer, or in a name that ends with the method?",
    ),
    "update-replaces": Word("the parameters are replaced by the step instead of moved by it"),
    "initialisation": Word(
        "the initial parameters are not the promised ones",
        "Which generator draws the weights, with which deviation, and where do the biases start?",
    ),
}


#: What to think about where a fact says more than the word: by the fact's ``cause``.
CAUSES = {
    "complex": "Only real numbers are judged: give the real part and the imaginary one as two outputs, side by side.",
    "several answers": (
        "One array is judged: what else is kept for the gradient can be computed from the arguments again."
    ),
    "arguments": "The names of the arguments and their order are part of the contract: other code relies on both.",
    "not set": (
        "Training and the lab's own test write into W and b: what is written has to be what the layer computes with. "
        "A property needs a setter, or it gives the very array and no copy of it."
    ),
    "name": "No variable of that name is there when this line runs: is it misspelled, not imported, or set elsewhere?",
    "module": "Only numpy, Python's own modules and what was handed in can be imported where code is judged.",
    "attribute": "The object has no such attribute when this line runs: where is it set, and in which spelling?",
    "index": "What is the length of each axis on this line, and which index is the first one beyond it?",
    "key": "What keys has the dict on this line, and in which spelling?",
    "call": "This line calls a function: which arguments does that function take, and under which names?",
    "shapes": "Write down the shape of every array on this line. Which axes have to agree?",
    "division": "What is the divisor on this line, and for which arguments is it 0?",
    "recursion": "What ends the calls of this function by itself?",
    "stand-in": (
        "Only numpy and the standard library are at hand where code is judged: hand in the module too if it is your "
        "own, and write with numpy what comes from any other."
    ),
    "not run": (
        "The file did not run to where the class is defined: the line above says why. "
        "Nothing in it can be judged before that."
    ),
    "refused": (
        "Where code is judged it may not start threads or other programs, use the network, or write files of others: "
        "leave that out of the modules with the layers, or do it under `if __name__ == '__main__':`."
    ),
}


#: The words that say less than a cause. Of the others a hint about the exception would miss the point: who needs an
#: attribute that only an earlier call has set should not look for its spelling.
_SAYS_LESS = frozenset({None, "crash", "missing", "wrong-type", "wrong-shape", "scaled"})


def in_words(mistake: str) -> str:
    """The word and what it means; the word alone if it is not of the vocabulary."""
    return f"{mistake}: {MISTAKES[mistake].meaning}" if mistake in MISTAKES else mistake


def hint_of(mistake: str | None, cause: str | None = None) -> str | None:
    """What to think about where no more is known than this word and this cause; None if there is nothing to say."""
    if cause in CAUSES and mistake in _SAYS_LESS:
        return CAUSES[cause]
    word = MISTAKES.get(mistake or "")
    return None if word is None else word.hint
