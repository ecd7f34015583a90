# SPDX-License-Identifier: Apache-2.0
"""How far down Gauss-Newton goes, and in how many steps."""

from results import Table

MOST_SECONDS, MOST_STEPS = 60, 15
NETWORKS = [
    ("fc", "m = 1,024, L = 3", {"width": 1024, "depth": 3}),
    ("cnn", "m = 8, L = 2, 14 x 14 positions", {"width": 8, "depth": 2, "image_size": 14}),
    ("resnet", "m = 1,024, L = 4", {"width": 1024, "depth": 4}),
]


def to_rounding(bench):
    samples, width = (100, 256) if bench.quick else (500, 1024)
    table = Table(
        f"{bench.digits[1]}, n = {samples}, m = {width:,}, L = 3, to F <= 1e-20 F_0 in float64",
        ["labels", "seconds", "whole program, s", "steps", "F / F_0", "accuracy", "peak memory", "target",
         "met"],
        "Seconds of the training loop; the whole program also reads, measures lambda_max and writes.",
    )
    for labels in ("true", "random"):
        with bench.train(
            data=bench.digits[0], samples=samples, width=width, depth=3, labels=labels,
            method="gauss-newton", dtype="float64", normalise="sphere", target_ratio=1e-20,
        ) as run:
            seconds = run.seconds if run.ratio <= 1e-20 else None
            table.add(
                labels, f"{run.seconds:.1f}", f"{run.wall:.1f}", run.steps, f"{run.ratio:.1e}",
                f"{100 * run.accuracy:g} %", f"{run.peak_bytes / 2**30:.2f} GiB",
                *table.judge(seconds, most=MOST_SECONDS, words="{:g} s"),
                lines=run.lines,
            )
    return table


def steps_needed(bench):
    samples = 100 if bench.quick else 500
    table = Table(
        f"Steps to F <= 1e-12 F_0, {samples} {bench.digits[1]}, float64",
        ["network", "shape", "steps", "seconds", "F / F_0", "target", "met"],
    )
    for network, words, settings in NETWORKS[:1] if bench.quick else NETWORKS:
        with bench.train(
            data=bench.digits[0], samples=samples, network=network, **settings, method="gauss-newton",
            dtype="float64", target_ratio=1e-12, max_steps=40,
        ) as run:
            steps = run.steps if run.ratio <= 1e-12 else None
            table.add(network, words, run.steps, f"{run.seconds:.1f}", f"{run.ratio:.1e}",
                      *table.judge(steps, most=MOST_STEPS, words="{:g} steps"), lines=run.lines)
            print(f"  {network}: {run.steps} steps, {run.seconds:.1f} s", flush=True)
    return table


def measure(bench):
    return [to_rounding(bench), steps_needed(bench)]
