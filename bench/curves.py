# SPDX-License-Identifier: Apache-2.0
"""Whole runs of gradient descent: how far the objective's curve in float32, and in narrow products,
goes away from float64's."""

from results import Table

RATIO = 1e-4
MOST_APART = 1e-3
SIDES = [
    ("float64", {"dtype": "float64"}),
    ("float32", {}),
    ("float32, narrow products", {"precision": "narrow"}),
]


def apart(lines, reference):
    """The largest relative difference at the steps that both list."""
    return max(
        abs(line["objective"] / reference[line["step"]] - 1) for line in lines if line["step"] in reference
    )


def table_of(bench, case):
    samples, width, depth = (48, 256, 2) if bench.quick else case
    dim = 50 if bench.quick else 784
    table = Table(
        f"{samples:,} random inputs of {dim} numbers, random labels, m = {width:,}, L = {depth}, "
        f"to F <= {RATIO:g} F_0",
        ["numbers", "steps", "seconds", "F apart from float64's by at most", "target", "met"],
        "Gradient descent with the critical step size, from the same weights. A sign that flips a step "
        "earlier or later for rounding changes everything after it: what float32 itself is apart is the "
        "least that narrower products can be.",
    )
    reference = {}
    for name, settings in SIDES:
        with bench.train(
            data="sphere", dim=dim, normalise="unit", labels="random", samples=samples, width=width,
            depth=depth, target_ratio=RATIO, max_steps=100_000, **settings,
        ) as run:
            if not reference:
                reference = {line["step"]: line["objective"] for line in run.lines}
                table.add(name, f"{run.steps:,}", f"{run.seconds:.0f}", "", "", "", lines=run.lines)
                continue
            difference = apart(run.lines, reference)
            judged = table.judge(difference, most=MOST_APART) if "narrow" in name else ("", "")
            table.add(name, f"{run.steps:,}", f"{run.seconds:.0f}", f"{difference:.1e}", *judged,
                      lines=run.lines)
            print(f"  {name}: {difference:.1e} apart after {run.steps:,} steps", flush=True)
    return [table]


class Case:
    """A section of the page: samples, width, depth."""

    def __init__(self, *case):
        self.case = case

    def measure(self, bench):
        return table_of(bench, self.case)


SMALL = Case(256, 1024, 3)
FULL = Case(1024, 2048, 4)
