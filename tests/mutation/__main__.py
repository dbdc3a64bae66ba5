"""Mutation testing of `bp`, all of it, and of `reference`, by a random sample: ``tox -e mutation``.

mutmut makes the mutants, and its commands `show`, `results` and `browse` tell of the outcome afterwards. The run is
`tests.mutation.runner`, which says why. What survives in `bp` has to be in `equivalent.toml`, with the reason why no
test could tell it from the original, and nothing else may be there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["HYPOTHESIS_PROFILE"] = "mutation"

import pytest
from mutmut.configuration import config

from reports.io.cores import cores
from tests.mutation import mutants, summary, switches
from tests.mutation.mutants import Mutant
from tests.mutation.runner import Budget, Trial

#: How long a mutant may survive the tests of its statement.
BUDGET = {"bp": Budget(2.0), "reference": Budget(8.0, further=10.0)}
#: The same of those in the list.
EXPECTED = Budget(0.5)
#: Mutants of reference that are tried, of 50,000: enough to know the score to three per cent.
_SAMPLE = 600


def main() -> int:
    """Exit code 0 if as many were killed as have to be, and the list of the others is right."""
    asked = _parser().parse_args()
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)

    root = Path.cwd()
    found = [mutant for mutant in mutants.make(asked.jobs) if asked.only in mutant.name]
    size = _SAMPLE if asked.sample is None and not asked.only else asked.sample
    sizes = {} if asked.all or size is None else {"reference": size}
    seed = int.from_bytes(os.urandom(4)) if asked.seed is None else asked.seed
    chosen = mutants.sample(found, sizes, seed)
    tell(f"{len(found)} mutants, of which {len(chosen)} will be tried (--seed {seed})")
    trial = Trial(chosen, asked.jobs, _budgets(chosen, asked.further), tell)
    switches.install()
    # Or the fork of each mutant would load it, which takes half of what it may take for tests.
    with contextlib.suppress(ImportError):
        importlib.import_module("torch")
    os.chdir(mutants.WHERE)
    tests = [*config().pytest_add_cli_args, *config().pytest_add_cli_args_test_selection]
    code = pytest.main(["-qq", "--tb=native", "--rootdir=.", *tests], plugins=[trial])
    os.chdir(root)
    if trial.broken:
        print("these tests fail in the copy without any mutant:", *trial.broken, sep="\n  ")
        return 1
    if code:
        return int(code)
    mutants.keep({mutant: outcome.code for mutant, outcome in trial.outcomes.items()})
    if asked.log is not None:
        asked.log.write_text(summary.log(trial.outcomes), encoding="utf-8")
    late = set(trial.too_late)
    found = [mutant for mutant in found if mutant not in late]
    complaints = summary.tell(found, trial.outcomes, seed, time.monotonic() - started, record=asked.record)
    print(*complaints, sep="\n")
    return 1 if complaints and not asked.only else 0


def _budgets(chosen: Sequence[Mutant], further: float | None) -> dict[Mutant, Budget]:
    """Of those that are expected to survive it is only seen whether the list is still right of them."""
    listed = summary.listed()
    places = {each.place for each in listed}
    expected = {each for each in chosen if each.place in places and summary.equivalent(each) in listed}

    def budget(mutant: Mutant) -> Budget:
        if mutant in expected:
            return EXPECTED
        usual = BUDGET[mutant.package]
        return usual if further is None else usual._replace(further=further)

    return {each: budget(each) for each in chosen}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tox -e mutation --", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="mutants with this in their name, such as bp.softmax"
    )
    parser.add_argument("--sample", type=int, metavar="N", help=f"mutants of reference to try ({_SAMPLE})")
    parser.add_argument("--all", action="store_true", help="all of reference, which takes hours")
    parser.add_argument("--seed", type=int, metavar="N", help="of the sample, to repeat a run (a fresh one)")
    parser.add_argument(
        "--record", action="store_true", help="write the figures to tests/mutation/score.json and README.md"
    )
    parser.add_argument(
        "--further", type=float, metavar="S", help="seconds of further tests, one from each file in turn, for survivors"
    )
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="write what became of each mutant, a line of JSON each"
    )
    parser.add_argument("-j", "--jobs", type=int, default=cores(), metavar="N", help="at once (one a core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
