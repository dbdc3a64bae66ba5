"""Does all parts of the report, or takes their results from the cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

from rich.console import Console
from threadpoolctl import threadpool_limits

from reports.io.cores import cores
from reports.io.progress import Display
from reports.io.workers import Beside, beside
from reports.study.cache import Cache
from reports.study.part import Part, PartResult
from reports.study.results import Study, Title
from reports.study.sketches import NAME as FIGURES
from reports.study.sketches import Sketches

#: So many figures at a time are drawn by the other process; so few that both processes end at about the same time.
_PORTION = 3


def gather(
    parts: Sequence[Part], cache: Cache, display: Display, *, shortened: str = "", title: Title | None = None
) -> Study:
    """Do all parts that the cache does not have.

    If a part raises an exception, its reason is kept in `Study.failed`, and the other parts are done all the same.

    Raises
    ------
    OSError
        The result of a part cannot be written to the cache; the disk may be full.
    """
    step = display.steps("parts of the report", len(parts))
    found: dict[str, PartResult | str] = {}
    for part in parts:
        if (kept := cache.get(part)) is not None:
            found[part.name] = kept
            step()
    drawn: dict[str, bytes] = {}
    figures = Sketches([part.name for part in parts], found)
    with closing(_made([part for part in parts if part.name not in found], display, figures.ready)) as made:
        for part, result in made:
            if part.name == FIGURES:
                # What could not be drawn there is drawn with the document, which tells why.
                drawn |= {} if isinstance(result, str) else {name: svg.encode() for name, svg in result.record.items()}
                continue
            if isinstance(result, PartResult):
                cache.put(part, result)
            found[part.name] = result
            step()
    in_order = [(part.name, found[part.name]) for part in parts]
    results = {name: each for name, each in in_order if isinstance(each, PartResult)}
    failed = {name: each for name, each in in_order if isinstance(each, str)}
    return Study(results, failed, shortened, title or Title(), drawn)


def _made(
    parts: Sequence[Part], display: Display, more: Callable[[int], Part | None] = lambda most: None
) -> Generator[tuple[Part, PartResult | str], None, None]:
    """Do the parts; yield each with its result, or with the reason why it failed.

    Where there are several cores, a process does one kind of parts while this one does the others. A process that has
    nothing else to do draws figures, of which ``more`` returns up to so many. A matrix product has one thread, because
    several processes with threads get in each other's way.
    """
    places = {place: [part for part in parts if part.place == place] for place in ("here", "beside", "alone")}
    here, others = places["here"], places["beside"]
    if not here or cores() == 1:
        here, others = here + others, []
    with threadpool_limits(1, user_api="blas"), _helped(others) as helper:
        for part in here:
            yield part, _tried(part, display)
            yield from helper.done(more)
        while helper.busy and (figure := more(1)) is not None:
            yield figure, _tried(figure, display)
            yield from helper.done(more)
        yield from helper.all_done(more)
        for part in places["alone"]:
            yield part, helper.answer(part) or _tried(part, display)


def _tried(part: Part, display: Display) -> PartResult | str:
    try:
        return part.make(display)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class _Helper:
    """The process that does parts while this one does others; without one, nothing is ever done by it."""

    def __init__(self, other: Beside[_Named, PartResult] | None, parts: Sequence[Part]) -> None:
        self._other = other
        self._parts = deque(parts)

    @property
    def busy(self) -> bool:
        """Whether it works on something."""
        return bool(self._parts)

    def done(self, more: Callable[[int], Part | None]) -> Iterator[tuple[Part, PartResult | str]]:
        """The parts that it has done by now; if that is all, what ``more`` returns is given to it."""
        yield from self._outcomes(wait=False)
        # While it works it reads nothing, so that we would have to wait until it has read what we send.
        if self._other is not None and not self._parts and (part := more(_PORTION)) is not None:
            self._give(part)

    def all_done(self, more: Callable[[int], Part | None]) -> Iterator[tuple[Part, PartResult | str]]:
        """The parts that are left, and what ``more`` returns until that is None."""
        while True:
            yield from self._outcomes(wait=True)
            yield from self.done(more)
            if not self._parts:
                return

    def answer(self, part: Part) -> PartResult | str | None:
        """What comes of a part that it does while we wait; None if we must do the part ourselves."""
        if self._other is None or part.portable is None or not self._other.alive:
            return None
        self._give(part)
        ((_, result),) = self._outcomes(wait=True)
        return result

    def _give(self, part: Part) -> None:
        assert self._other is not None  # noqa: S101 - the callers have asked
        self._parts.append(part)
        self._other.give((part.name, part.portable() if part.portable else part.make))

    def _outcomes(self, *, wait: bool) -> Iterator[tuple[Part, PartResult | str]]:
        for outcome in self._other.outcomes(wait=wait) if self._other is not None else ():
            yield self._parts.popleft(), outcome.value or f"{outcome.problem}"


@contextmanager
def _helped(parts: Sequence[Part]) -> Iterator[_Helper]:
    """Let another process do the parts, and end it with the block; without parts there is none."""
    if not parts:
        yield _Helper(None, ())
        return
    with beside(_make_silently, [(part.name, part.make) for part in parts]) as other:
        yield _Helper(other, parts)


_Named = tuple[str, Callable[[Display], PartResult]]


def _make_silently(named: _Named) -> PartResult:
    return named[1](Display(Console(quiet=True)))
