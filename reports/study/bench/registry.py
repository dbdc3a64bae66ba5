"""The benchmarks that there are."""

from __future__ import annotations

from reports.study.bench import accuracy, examiner, footprint, gradcheck, growth, mistakes, softmax_cost, training
from reports.study.bench.tables import Benchmark

BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark("examiner", examiner.run),
        Benchmark("gradcheck", gradcheck.run),
        Benchmark("mistakes", mistakes.run),
        Benchmark("accuracy", accuracy.run),
        Benchmark("softmax-cost", softmax_cost.run),
        Benchmark("training", training.run),
        Benchmark("growth", growth.run),
        Benchmark("footprint", footprint.run),
    )
}
