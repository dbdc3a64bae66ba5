"""The benchmarks that there are."""

from __future__ import annotations

from reports.bench import accuracy, examiner, gradcheck, mistakes, softmax_cost
from reports.bench.tables import Benchmark

BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark("examiner", examiner.run),
        Benchmark("gradcheck", gradcheck.run),
        Benchmark("mistakes", mistakes.run),
        Benchmark("accuracy", accuracy.run),
        Benchmark("softmax-cost", softmax_cost.run),
    )
}
