"""The dress rehearsal: the submission is trained as the lab trains it, and held to the truth step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine import Check, first_sentence
from reference.execution.worker.protocol import Reply
from reference.findings import NotApplicable, Violation
from reference.lab.context import Context, wrong_entry
from reference.lab.rehearsal import DEEP_BATCH, DEEP_WIDTHS, LAB_SEED, Experiment, images, spirals, xor
from reference.lab.replies import as_numbers, no_numbers, part_of, raised, word_for, word_of
from reference.numerics import descent_rounding, tolerances
from reference.numerics.descent_rounding import Due
from reference.numerics.estimate import Estimate
from reference.numerics.memo import digest
from reference.numerics.rounding import DOUBLE, SINGLE, Precision
from reference.wording import fact

Array = NDArray[Any]

#: Epochs of each experiment by effort, so that all together take half a second at "quick" and two at "normal".
_XOR_EPOCHS = {"quick": 40, "normal": 100, "exhaustive": 300}
_SPIRALS_EPOCHS = {"quick": 2, "normal": 40, "exhaustive": 60}
_DEEP_EPOCHS = {"quick": 1, "normal": 2, "exhaustive": 2}
#: Mini-batches of an epoch of the deep net.
_DEEP_BATCHES = 2
#: Images of a trial of the deep net, and how many seconds of processor time the whole training may take by it. Loops
#: over samples, pixels and units may be right, but would take minutes.
_FEW_IMAGES, _MOST_SECONDS = 50, 60.0
#: The learning rates with which the lab trains the spirals.
_SPIRALS_RATES = (0.2, 1.0, 5.0)
#: What the trainer asks of a network.
_ASKED = ("propagate", "evaluate", "gradient")


def check_xor(context: Context) -> None:
    """The lab's training of XOR is right in every step: the predictions, losses, gradients and new weights.

    Each step is held to what is due from the submission's own weights before it. Nobody asks whether the training
    succeeds: for right code, too, XOR may end at an accuracy of 50 %.
    """
    X, T = xor()
    for compound in context.losses:
        run = Experiment("XOR", (2, 4, 2), X, T, len(X), 0.1, _XOR_EPOCHS[context.effort], compound, _seed(context))
        rehearse(context, run)


def check_spirals(context: Context) -> None:
    """The lab's training of the spirals is right in every step: the predictions, losses, gradients and new weights.

    As in `check_xor`, each step is held to what is due from the submission's own weights before it.
    """
    X, T = spirals(context.rng("rehearsal of spirals"))
    epochs = _SPIRALS_EPOCHS[context.effort]
    for rate in _SPIRALS_RATES if context.effort == "exhaustive" else _SPIRALS_RATES[1:2]:
        for compound in context.losses:
            rehearse(context, Experiment("spirals", (2, 10, 3), X, T, len(X), rate, epochs, compound, _seed(context)))


def check_deep(context: Context) -> None:
    """The lab's training for MNIST is right in every step: batches of 3000 images, five hidden layers.

    As in `check_xor`, each step is held to what is due from the submission's own weights before it. The images are
    made up, so that no file is needed.
    """
    rng = context.rng("rehearsal of MNIST")
    key = ("rehearsal of MNIST", context.seed)
    X, T, grey = context.known(key, partial(images, rng, _DEEP_BATCHES * DEEP_BATCH))
    epochs = _DEEP_EPOCHS[context.effort]
    for compound in context.losses if context.effort == "exhaustive" else context.losses[:1]:
        run = Experiment("MNIST", DEEP_WIDTHS, X, T, DEEP_BATCH, 0.1, epochs, compound, _seed(context), grey)
        trial = replace(run, X=X[:_FEW_IMAGES], T=T[:_FEW_IMAGES], batch=_FEW_IMAGES, epochs=1, grey=None)
        if rehearse(context, trial) * epochs * len(X) / _FEW_IMAGES > _MOST_SECONDS:
            raise NotApplicable(fact("too slow", batch=DEEP_BATCH, few=_FEW_IMAGES))
        rehearse(context, run)


def _seed(context: Context) -> int:
    return (LAB_SEED + context.seed) % 2**32


@dataclass(frozen=True)
class _Place:
    """A step of a training, for messages."""

    run: Experiment
    epoch: int
    batch: int
    rows: slice

    def blamed(self, violation: Violation) -> Violation:
        """The violation, with the place where it happened and without a picture: nobody could draw such a batch."""
        run = self.run
        came = violation.came.and_("in training", experiment=run.name, epoch=self.epoch, batch=self.batch)
        shown = {
            "experiment": run.name,
            "n_units": list(run.widths),
            "loss": run.loss,
            "n_samples": len(run.X),
            "batch_size": run.batch,
            "alpha": run.rate,
            "epoch": self.epoch,
            "batch": self.batch,
        }
        return violation.but(came=came, counterexample=shown, evidence=None)

    def judge(self, what: str, reply: Reply, due: Due, when: str | None = None) -> None:
        """Compare an answer with what is due, whatever its shape: that is for other checks."""
        self.judge_array(what, self.numbers(what, reply, due.value.shape), due, when)

    def judge_array(self, what: str, array: Array, due: Due, when: str | None = None) -> None:
        """Raise the violation of the entry that is farthest from what is due, if one is too far.

        The kind of fact ``when`` says what had been done before the array was looked at.
        """
        wrong = wrong_entry(what, array.astype(np.float64), Estimate(due.value, np.zeros(due.value.shape)), due.bound)
        if wrong is not None:
            raise self.blamed(wrong if when is None else wrong.but(due=wrong.due.and_(when)))

    def numbers(self, what: str, reply: Reply, shape: tuple[int, ...]) -> Array:
        """The array of a reply, in the shape that is due.

        Raises
        ------
        Violation
            The step raised an exception, or this is no array of numbers of the size that is due.
        """
        self.require(what, reply)
        return self.array(what, reply.value, shape)

    def require(self, what: str, reply: Reply) -> None:
        """Raise a violation if the step raised an exception, or the process ended.

        Raises
        ------
        NotApplicable
            There was too little memory or, for a batch of thousands, too little time: right code may need more.
        """
        if reply.error is not None:
            if word_of(reply) in ({"memory", "timeout"} if self.run.batch == DEEP_BATCH else {"memory"}):
                raise NotApplicable(fact("too large", batch=self.run.batch, said=reply.error))
            raise self.blamed(Violation(fact("answers", what=what), raised(reply), mistake=word_of(reply)))

    def array(self, what: str, value: Any, shape: tuple[int, ...]) -> Array:
        """The array in the shape that is due; raises as `numbers`."""
        array = as_numbers(value)
        if array is None:
            raise self.blamed(Violation(fact("numbers", what=what), no_numbers(value), mistake=word_for(value)))
        if array.size != int(np.prod(shape)):
            due, came = fact("shape of", what=what, shape=shape), fact("shape", shape=array.shape)
            raise self.blamed(Violation(due, came, mistake="wrong-shape"))
        return array.reshape(shape)


def rehearse(context: Context, run: Experiment) -> float:
    """Train, and return the seconds of processor time that the submission took.

    Raises
    ------
    Violation
        A step was wrong: of the first that was.
    NotApplicable
        A class is missing, or the submission needs more memory than it is allowed.
    """
    missing = context.executor.missing()
    for cls in run.classes:
        if cls in missing:
            raise NotApplicable(fact("absent", said=missing[cls]))
    groups = run.groups()
    before = context.executor.spent()
    replies = context.executor.run([step for group in groups for step in group])
    seconds = context.executor.spent() - before
    waiting = iter(replies)
    made, *rounds, after = [list(islice(waiting, len(group))) for group in groups]
    places = [_Place(run, epoch, batch, rows) for epoch, batch, rows in run.batches()]
    for reply in made:
        places[0].require("the network", reply)
    theta = _parameters(places[0], made[-2 * len(run.linear) :])
    looked = 2 * len(run.linear)
    for place, answers in zip(places, rounds, strict=True):
        due = _due(context, place, theta)
        if due is None:
            return seconds  # the training has diverged, rightly, to where an honest coding may overflow
        *propagated, evaluated, descended = answers[:-looked]
        for reply in propagated:  # before an epoch
            place.judge("propagate(X)", reply, due.probabilities)
        place.judge("evaluate(X, T)", evaluated, due.losses)
        gradient = _gradient(place, descended, due.gradient)
        theta = _after_step(place, theta, gradient, answers[-looked:])
    _judge_end(context, replace(places[-1], rows=places[0].rows), theta, after)
    return seconds


def _precision(theta: Sequence[Array]) -> Precision:
    return SINGLE if any(array.dtype == np.float32 for array in theta) else DOUBLE


@dataclass(frozen=True)
class _StepDue:
    """What a network has to answer in one step of the training; the gradient is for W_1, b_1, W_2, b_2, ..."""

    probabilities: Due
    losses: Due
    gradient: tuple[Due, ...]


def _due(context: Context, place: _Place, theta: Sequence[Array], *, step: bool = True) -> _StepDue | None:
    """What is due for the batch; None where an honest coding might overflow. The gradient is empty unless ``step``.

    The same parameters come again and again: all right submissions begin with them, and many go on with the same.
    """
    run, rows = place.run, place.rows
    key = ("step of training", run.name, len(run.X), context.seed, rows.start, rows.stop, step, digest(*theta))
    return context.known(key, partial(_made_due, run, rows, theta, step=step))


def _made_due(run: Experiment, rows: slice, theta: Sequence[Array], *, step: bool) -> _StepDue | None:
    doubles = [array.astype(np.float64) for array in theta]
    due = descent_rounding.due(run.X[rows], run.T[rows], doubles, _precision(theta))
    return None if due is None else _StepDue(due.probabilities, due.losses, due.gradient() if step else ())


def _parameters(place: _Place, looks: Sequence[Reply]) -> list[Array]:
    """W_1, b_1, W_2, b_2, ..."""
    widths = pairwise(place.run.widths)
    shapes = [shape for d, u in widths for shape in ((d, u), (u,))]
    labels = [f"{name}.{attribute}" for name in place.run.linear for attribute in "Wb"]
    return [place.numbers(*each) for each in zip(labels, looks, shapes, strict=True)]


def _gradient(place: _Place, reply: Reply, due: Sequence[Due]) -> list[Array]:
    """The arrays of a reply to ``gradient``, in the order of theta, which are right."""
    place.require("a step of gradient descent, by gradient(X, T) and update_params(dtheta),", reply)
    parts = []
    for number, each in enumerate(due):
        name, kind = place.run.linear[number // 2], number % 2
        what = f"gradient(X, T)[{name!r}][{kind}]"
        part = place.array(what, part_of(reply.value, name, kind), each.value.shape)
        place.judge_array(what, part, each)
        parts.append(part)
    return parts


def _after_step(
    place: _Place, theta: Sequence[Array], gradient: Sequence[Array], looks: Sequence[Reply]
) -> list[Array]:
    """The parameters after a step, which are those before it minus the learning rate times the gradient."""
    found = _parameters(place, looks)
    unit = tolerances.TRAINING_STEP_ROUNDING / tolerances.DOUBLE_UNIT * _precision(theta).u
    for number, (old, part, new) in enumerate(zip(theta, gradient, found, strict=True)):
        # As the trainer computes it, in the types of the gradient.
        value = old.astype(np.float64) + -place.run.rate * part
        bound = unit * (np.abs(old) + np.abs(value))
        label = f"{place.run.linear[number // 2]}.{'Wb'[number % 2]}"
        place.judge_array(label, new, Due(value, bound), "after the step")
    return found


def _judge_end(context: Context, place: _Place, theta: Sequence[Array], replies: Sequence[Reply]) -> None:
    """The first batch, which is that of the place, is answered rightly after the training, too."""
    due = _due(context, place, theta, step=False)
    if due is not None:
        place.judge("propagate(X)", replies[0], due.probabilities, "after the training")
        place.judge("evaluate(X, T)", replies[1], due.losses, "after the training")


def checks(before: Sequence[Check]) -> Iterator[Check]:
    """The checks of the rehearsal, which are run only where none of those before has failed."""
    answers = tuple(each.id for each in before if each.id in {f"mlp.{name}.answers" for name in _ASKED})
    others = tuple(each.id for each in before)
    for run, name in ((check_xor, "xor"), (check_spirals, "spirals"), (check_deep, "deep")):
        yield Check(f"mlp.rehearsal.{name}", "MLP", first_sentence(run), run, answers, unless_failed=others)
