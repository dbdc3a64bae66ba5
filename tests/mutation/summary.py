"""What came of a run: the scores, with what is known of them from a sample, and the survivors against the list."""

from __future__ import annotations

import json
import math
import re
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.mutation.outcomes import ALIVE, UNTESTED, Outcome

if TYPE_CHECKING:  # it needs mutmut, which the tests of this file do without
    from tests.mutation.mutants import Mutant

HERE = Path(__file__).parent
SCORE, EQUIVALENT, README = HERE / "score.json", HERE / "equivalent.toml", HERE.parent.parent / "README.md"
#: Per cent that have to be killed.
GOALS = {"bp": 96.0, "reference": 92.0}


class Equivalent(NamedTuple):
    """A mutant that no test could tell from the original: where, what was there, what is there now."""

    place: str
    before: str
    after: str


def tell(
    found: list[Mutant], outcomes: Mapping[Mutant, Outcome], seed: int, seconds: float, *, record: bool
) -> list[str]:
    """Print the scores and the survivors of `reference`, and return what is wrong with the scores and the list."""
    codes = {mutant: outcome.code for mutant, outcome in outcomes.items()}
    figures: dict[str, Any] = {"seconds": round(seconds), "seed": seed, "date": time.strftime("%Y-%m-%d")}
    complaints = []
    for package, goal in GOALS.items():
        tried = {mutant: code for mutant, code in codes.items() if mutant.package == package}
        if not tried:
            continue
        counts = Counter("survived" if code in ALIVE else "killed" for code in tried.values())
        score = 100 * counts["killed"] / len(tried)
        there = sum(mutant.package == package for mutant in found)
        figures[package] = {
            "mutants": there,
            "tried": len(tried),
            "killed": counts["killed"],
            "per_cent": round(score, 1),
        }
        low, high = wilson(counts["killed"], len(tried)) if len(tried) < there else (score / 100, score / 100)
        figures[package]["between"] = [round(100 * low, 1), round(100 * high, 1)]
        sure = f" (a sample: {100 * low:.1f} to {100 * high:.1f} %)" if len(tried) < there else ""
        print(f"{package}: {counts['killed']} of {len(tried)} mutants killed, {score:.1f} %{sure}; {there} in all")
        if 100 * high < goal:  # a sample that is below by chance alone proves nothing
            complaints.append(f"{package}: expected at least {goal} % of the mutants to be killed, got {score:.1f} %")
    complaints += _against_the_list(codes)
    print(*_survivors(outcomes), sep="\n")
    if record:
        SCORE.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        README.write_text(with_score(README.read_text(encoding="utf-8"), figures), encoding="utf-8")
    return complaints


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Where a share lies, in 95 of 100 samples (Wilson 1927, *J. Am. Stat. Assoc.* 22, p. 209)."""
    share, square = successes / n, z * z
    middle = share + square / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return (middle - spread) / (1 + square / n), (middle + spread) / (1 + square / n)


def with_score(text: str, figures: Mapping[str, Any]) -> str:
    """The README with the sentence of the latest run in the place of that before."""
    bp, reference = figures["bp"], figures["reference"]
    sentence = (
        f"{bp['per_cent']} % of the {bp['mutants']:,} mutants of `bp` are killed by its tests, and\n"
        f"{reference['per_cent']} % of {reference['tried']:,} drawn from the {reference['mutants']:,} of `reference` "
        f"(run of {figures['date']}, {figures['seconds'] // 60} minutes)"
    )
    return re.sub(r"(?<=<!-- mutation -->).*?(?=<!-- end -->)", lambda _: sentence, text, flags=re.DOTALL)


def listed() -> dict[Equivalent, str]:
    """The list, with the reasons."""
    groups = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["group"]
    return {Equivalent(*mutant): group["reason"] for group in groups for mutant in group["mutants"]}


def _against_the_list(codes: Mapping[Mutant, int]) -> list[str]:
    """Survivors of bp that are not explained, and explanations of mutants that were killed."""
    expected = listed()
    places = {each.place for each in expected}
    by_change: dict[Equivalent, int] = {}
    for mutant, code in codes.items():
        # To read a change takes a while, and most mutants are not asked about.
        if mutant.package == "bp" and (code in ALIVE or mutant.place in places):
            by_change[equivalent(mutant)] = code
    unexplained = [each for each, code in by_change.items() if code in ALIVE and each not in expected]
    wrong = [each for each in expected if by_change.get(each) not in {*ALIVE, None}]
    return [
        *_as_complaints("survived, and is not in the list", unexplained),
        *_as_complaints("is in the list, and was killed", wrong),
    ]


def log(outcomes: Mapping[Mutant, Outcome]) -> str:
    """A line of JSON for each mutant: its name, what became of it, and which test killed it after how many seconds."""
    return "".join(
        json.dumps({"mutant": mutant.name, **outcome._asdict()}) + "\n" for mutant, outcome in outcomes.items()
    )


def _survivors(outcomes: Mapping[Mutant, Outcome]) -> list[str]:
    """Those of reference, each with its change and with how many of the tests that run it were tried."""
    alive = {each: outcome for each, outcome in outcomes.items() if outcome.code in ALIVE}
    told = []
    for mutant, outcome in alive.items():
        if mutant.package == "reference":
            met = (
                "no test runs it"
                if outcome.code == UNTESTED
                else f"survived {outcome.tried} of the {outcome.reach} tests that run it, in {outcome.seconds:.1f} s"
            )
            told += _as_complaints(met, [equivalent(mutant)])
    return sorted(told)


@cache  # asked before the run and after it
def equivalent(mutant: Mutant) -> Equivalent:
    """The mutant as it stands in the list."""
    return Equivalent(mutant.place, *mutant.change())


def _as_complaints(what: str, mutants: Iterable[Equivalent]) -> list[str]:
    return [f"{place}: {what}\n  - {before}\n  + {after}" for place, before, after in sorted(mutants)]
