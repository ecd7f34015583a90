# SPDX-License-Identifier: Apache-2.0
"""Thousands of samples with labels drawn at random."""

from results import Section, Table

RATIO = 1e-8


def tables_of(bench, case):
    """One run of n samples, in at most so many minutes and GiB."""
    table = Table(
        f"{bench.digits[1]} with random labels, m = 2,048, L = 2, to F <= {RATIO:g} F_0",
        ["n", "minutes", "whole program, minutes", "steps", "F / F_0", "accuracy", "peak memory",
         "target", "met"],
    )
    for samples, minutes, gibibytes in [(200, *case[1:])] if bench.quick else [case]:
        with bench.train(
            data=bench.digits[0], samples=samples, width=2048, depth=2, labels="random",
            method="gauss-newton", dtype="float32", normalise="sphere", target_ratio=RATIO,
        ) as run:
            memory = run.peak_bytes / 2**30
            fits = gibibytes is None or memory <= gibibytes
            done = run.ratio <= RATIO and run.accuracy == 1 and fits
            target, met = table.judge(run.wall / 60 if done else None, most=minutes, words="{:g} minutes")
            if gibibytes:
                target += f", {gibibytes} GiB"
            table.add(
                f"{samples:,}", f"{run.seconds / 60:.1f}", f"{run.wall / 60:.1f}", run.steps,
                f"{run.ratio:.1e}", f"{100 * run.accuracy:g} %", f"{memory:.2f} GiB",
                f"{target}, 100 %", met, lines=run.lines,
            )
            print(f"  n = {samples:,}: {run.wall / 60:.1f} minutes, {memory:.2f} GiB", flush=True)
    return [table]


THOUSANDS = Section(tables_of, 5000, 15, 12)
TEN_THOUSAND = Section(tables_of, 10000, 60, None)
