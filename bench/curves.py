# SPDX-License-Identifier: Apache-2.0
"""Whole runs of gradient descent: how far the objective's curve in float32, and in narrow products,
goes away from float64's."""

import statistics

from results import Section, Table

RATIO = 1e-4
MOST_APART = 1e-3
SIDES = {
    "float64": {"dtype": "float64"},
    "float32": {},
    "float32, products in bfloat16": {"precision": "bfloat16"},
    "float32, products in int8": {"precision": "int8"},
}


def apart(lines, reference):
    """The largest relative difference at the steps that both list."""
    return max(
        abs(line["objective"] / reference[line["step"]] - 1) for line in lines if line["step"] in reference
    )


def tables_of(bench, case):
    samples, width, depth, seeds = (48, 256, 2, range(2)) if bench.quick else case
    dim = 50 if bench.quick else 784
    table = Table(
        f"{samples:,} random inputs of {dim} numbers, random labels, m = {width:,}, L = {depth}, "
        f"to F <= {RATIO:g} F_0",
        ["numbers", "steps", "seconds", "F apart from float64's by at most", "target", "met"],
        "Gradient descent with the critical step size, from the same weights; means over the seeds "
        f"{', '.join(map(str, seeds))}, in brackets the least and the largest. A sign that flips a step "
        "earlier or later for rounding changes everything after it: what float32 itself is apart is the "
        "least that narrower products can be.",
    )
    references = {}
    for name, settings in SIDES.items():
        steps, seconds, differences, lines = [], [], [], []
        for seed in seeds:
            with bench.train(
                data="sphere", dim=dim, normalise="unit", labels="random", samples=samples, width=width,
                depth=depth, target_ratio=RATIO, max_steps=100_000, seed=seed, **settings,
            ) as run:
                steps.append(run.steps)
                seconds.append(run.seconds)
                lines.append(run.lines)
                reference = references.setdefault(
                    seed, {line["step"]: line["objective"] for line in run.lines})
                differences.append(apart(run.lines, reference))
        mean = statistics.mean(differences)
        words, judged = "", ("", "")
        if name != "float64":
            words = f"{mean:.1e} ({min(differences):.1e} to {max(differences):.1e})"
            print(f"  {name}: {words} apart", flush=True)
        if "products" in name:
            judged = table.judge(mean, most=MOST_APART)
        table.add(name, f"{statistics.mean(steps):,.0f}", f"{statistics.mean(seconds):.0f}", words, *judged,
                  lines=lines)
    return [table]


# Samples, width, depth, seeds.
SMALL = Section(tables_of, 256, 1024, 3, range(3))
FULL = Section(tables_of, 1024, 2048, 4, range(1))
