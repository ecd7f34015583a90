# SPDX-License-Identifier: Apache-2.0
"""How times grow in n, m and L: exponents fitted to them, beside those of the operations."""

import statistics

from rates import peak
from results import Table, exponent, spread

BASE = {"n": 512, "m": 1024, "L": 4}
SIZES = {"n": [128, 256, 512, 1024, 2048], "m": [512, 1024, 2048, 4096], "L": [2, 4, 8, 16]}
# In sample space, where K v stays: fewer samples than neurons.
PRODUCT_BASE = {"n": 256, "m": 1024, "L": 4}
PRODUCT_SIZES = {"n": [64, 128, 256, 512], "m": [512, 1024, 2048, 4096], "L": [2, 4, 8, 16]}
WORKED = [("step", "GD step, fc", BASE, SIZES), ("tangent-product", "K v, fc", PRODUCT_BASE, PRODUCT_SIZES)]

NEWTON_BASE = {"n": 100, "m": 1024, "L": 2}
NEWTON_SIZES = {"n": [50, 100, 200, 400], "m": [512, 1024, 2048], "L": [1, 2, 4]}


def tables():
    rates = Table(
        "Times and rates",
        ["what", "n", "m", "L", "ms", "Gflop/s", "share of the peak"],
        "float32. The peak is the rate of a 2048^3 product measured just before.",
    )
    fits = Table(
        "Exponents",
        ["time of", "in", "over", "exponent, 95 %", "of its operations"],
        "The slope of log time in the log of one size, the others at their base; beside it the slope of "
        "the operations at the same points, which a machine of constant rate would show.",
    )
    return rates, fits


def along(name, base, sizes):
    return [base | {name: size} for size in sizes]


def measure_point(bench, side, what, point, rounds):
    """Median seconds, operations, and the shares of the peak."""
    operations = float(side.ask("open", what, point["n"], point["m"], point["L"]).split()[0])
    fast = operations < 2e10
    rows = []
    for _ in range(rounds):
        top = peak(side, "float32")
        rows.append((side.seconds("run", 5 if fast else 1), top))
    seconds, tops = zip(*rows)
    return seconds, operations, [operations / s / top for s, top in rows]


def measure_newton(bench, fits):
    """Seconds of one Gauss-Newton step, from runs of the program."""

    def seconds(point):
        settings = {"data": "digits", "samples": point["n"], "width": point["m"], "depth": point["L"]}
        with bench.train(**settings, method="gauss-newton", dtype="float32", max_steps=4) as run:
            return run.seconds_per_step

    known = {}
    for name, sizes in NEWTON_SIZES.items():
        points = along(name, NEWTON_BASE, sizes[:3] if bench.quick else sizes)
        for point in points:
            key = tuple(point.items())
            if key not in known:
                known[key] = seconds(point)
        times = [known[tuple(point.items())] for point in points]
        slope, half = exponent([point[name] for point in points], times)
        fits.add("Gauss-Newton step, fc", name, _range(points, name), _interval(slope, half), "",
                 sizes=[point[name] for point in points], seconds=times)


def _range(points, name):
    return f"{points[0][name]:,} to {points[-1][name]:,}"


def _interval(slope, half):
    return f"{slope:.2f} [{slope - half:.2f}, {slope + half:.2f}]"


def measure(bench):
    rates, fits = tables()
    side = bench.worker("_phase")
    rounds = bench.rounds(3)
    for what, words, base, all_sizes in WORKED:
        known = {}
        for name, sizes in all_sizes.items():
            points = along(name, base, sizes[:3] if bench.quick else sizes)
            for point in points:
                key = tuple(point.items())
                if key in known:
                    continue
                known[key] = seconds, operations, shares = measure_point(bench, side, what, point, rounds)
                middle = statistics.median(seconds)
                rates.add(words, f"{point['n']:,}", f"{point['m']:,}", point["L"], f"{1e3 * middle:.4g}",
                          f"{1e-9 * operations / middle:.1f}", spread(shares), seconds=seconds)
            found = [known[tuple(point.items())] for point in points]
            slope, half = exponent([point[name] for point in points],
                                   [statistics.median(seconds) for seconds, _, _ in found])
            law, _ = exponent([point[name] for point in points], [work for _, work, _ in found])
            fits.add(words, name, _range(points, name), _interval(slope, half), f"{law:.2f}")
            print(f"  {words} in {name}: {_interval(slope, half)}, operations {law:.2f}", flush=True)
    side.close()
    if bench.has_method("gauss-newton"):
        measure_newton(bench, fits)
    return [fits, rates]
