"""Every verdict on what our tests know, as lines of JSON: run it before and after a change, and compare.

``python -m tests.verdicts FILE`` writes them, ``python -m tests.verdicts FILE --compare OLDER`` counts and compares. No
sentence and no time is among them. Left out are attacks whose verdict depends on the machine's speed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import reference
from reference.lab.mistakes import CATALOGUE
from tests.attacking import HERE, Place
from tests.honest import HONEST
from tests.vjp_saboteurs import CALLS, INPUTS, definition, off_gradient_where, off_where, triple, tripled

#: Attacks that end by a limit on time, on memory or on files: which of them comes first is a matter of the machine.
TIMED = {
    "burns_just_under_the_limit", "endless_call", "endless_del", "endless_import", "fills_the_disk",
    "floods_both_streams", "ignores_the_alarm", "memory_of_lists", "process_bomb", "swallows_the_alarm",
    "thread_bomb", "memory_at_import", "memory_of_numpy",
}  # fmt: skip
Row = dict[str, Any]


def row(part: str, name: str, findings: Iterable[Any]) -> Row:
    """One subject and what was found of it."""
    found = [
        [each.check, each.subject, each.status, each.mistake, None if each.index is None else list(each.index)]
        for each in findings
    ]
    return {"part": part, "name": name, "findings": found}


def catalogue(number: int) -> Row:
    """A known mistake."""
    mistake = CATALOGUE[number]
    return row("catalogue", mistake.name, reference.check(mistake.classes, effort="quick", seed=number))


def honest(number: int) -> Row:
    """A right coding of one class, among right classes."""
    name, classes = list(HONEST.items())[number]
    return row("honest", name, reference.check(classes, effort="quick", seed=number))


def attack(number: int) -> Row:
    """A hostile submission."""
    name = attacks()[number]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.attack(name)
        judgement = reference.judge(place.submission / "attack.py", only="relu.*", seed=number, effort="quick")
    return row("attacks", name, judgement.findings)


def function(number: int) -> Row:
    """A function and a gradient that are wrong on one kind of input."""
    subjects = [*CALLS, *((way, each) for each in INPUTS for way in ("forward", "vjp", "right"))]
    subject = subjects[number]
    if not isinstance(subject, tuple):
        name, pair, args, domain, spec = subject.name, (subject.forward, subject.vjp), subject.args, None, None
    else:
        way, each = subject
        forward = off_where(each.kind) if way == "forward" else triple
        vjp = off_gradient_where(each.kind) if way == "vjp" else tripled
        name, pair, args, domain, spec = f"{each.name}, {way}", (forward, vjp), each.args, each.domain, definition
    findings = reference.check_vjp(*pair, *args, spec=spec, domain=domain, effort="quick", seed=number)
    return row("functions", f"{number} {name}", findings)


def attacks() -> list[str]:
    """Names of those whose verdict depends on nothing but their code."""
    return sorted({path.stem for path in (HERE / "attacks").glob("*.py")} - TIMED)


def handed_in(path: Path) -> Row:
    """A file or folder that somebody keeps as a case."""
    judgement = reference.judge(path, seed=1, effort="quick")
    return row("cases", path.name, judgement.findings)


def rows(workers: int, cases: Path | None) -> Iterator[Row]:
    """Of all subjects, part by part."""
    numbers = {
        catalogue: len(CATALOGUE),
        honest: len(HONEST),
        attack: len(attacks()),
        function: len(CALLS) + 3 * len(INPUTS),
    }
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for make, count in numbers.items():
            yield from pool.map(make, range(count), chunksize=4)
        if cases is not None:
            yield from pool.map(handed_in, sorted(path for path in cases.iterdir() if path.name != "two"))


def differences(ones: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is not the same in both, a line each."""
    before, after = ({(each["part"], each["name"]): each["findings"] for each in rows_} for rows_ in (ones, others))
    for key in sorted(set(before) | set(after)):
        if key not in before or key not in after:
            yield f"{' '.join(key)}: only in {'the older' if key in before else 'the newer'}"
            continue
        old, new = ({each[0]: each[1:] for each in found[key]} for found in (before, after))
        for check in sorted(set(old) | set(new)):
            if old.get(check) != new.get(check):
                yield f"{' '.join(key)}: {check}: {old.get(check)} -> {new.get(check)}"


def counts(rows_: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """By part: subjects, findings by status, and mistakes that were named."""
    found: dict[str, Counter[str]] = {}
    for each in rows_:
        part = found.setdefault(each["part"], Counter())
        part["subjects"] += 1
        for _, _, status, mistake, _ in each["findings"]:
            part[status] += 1
            part["named"] += mistake is not None
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Write the verdicts, or compare two files of them: 1 if they differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.verdicts", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--compare", type=Path, metavar="OLDER")
    parser.add_argument("--cases", type=Path, help="a folder of submissions, each a file or a folder")
    parser.add_argument("-n", type=int, default=2, help="processes")
    given = parser.parse_args(argv)
    if given.compare is None:
        lines = [json.dumps(each) for each in rows(given.n, given.cases)]
        given.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return 0
    older, newer = (
        [json.loads(line) for line in path.read_text().splitlines()] for path in (given.compare, given.file)
    )
    columns = ("subjects", "passed", "failed", "skipped", "error", "named")
    sys.stdout.write(f"{'':10} " + " ".join(f"{column:>15}" for column in columns) + "\n")
    was, now = counts(older), counts(newer)
    for part in dict.fromkeys((*was, *now)):
        pairs = [(was.get(part, Counter())[column], now.get(part, Counter())[column]) for column in columns]
        sys.stdout.write(f"{part:10} " + " ".join(f"{f'{one} -> {two}':>15}" for one, two in pairs) + "\n")
    found = list(differences(older, newer))
    sys.stdout.write("\n".join([*found, f"{len(found)} differences"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
