# SPDX-License-Identifier: Apache-2.0
"""Whole runs of gradient descent: how far the objective's curve in float32, and in narrow products,
goes away from float64's. All start from the same numbers: weights and data that float32 holds
exactly, and one step size."""

import array
import math
import pathlib
import random
import statistics
import tempfile

from results import Section, Table

RATIO = 1e-4
MOST_APART = 1e-3
LONGER = 1 + 1e-7
CONTROL = "float64, steps longer by a ten-millionth"
SIDES = {
    "float64": {"dtype": "float64"},
    CONTROL: {"dtype": "float64"},
    "float32": {},
    "float32, products in bfloat16": {"precision": "bfloat16"},
    "float32, products in int8": {"precision": "int8"},
}


def write_npy(path, numbers, shape):
    """Numbers in float32, as NumPy keeps them."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    path.write_bytes(start + array.array("f", numbers).tobytes())


def write_problem(folder, samples, dim, seed):
    """Random inputs of length 1 and random targets N(0, 1)."""
    draw = random.Random(seed)
    inputs = []
    for _ in range(samples):
        row = [draw.gauss(0, 1) for _ in range(dim)]
        length = math.sqrt(sum(x * x for x in row))
        inputs.extend(x / length for x in row)
    write_npy(folder / "X.npy", inputs, (samples, dim))
    write_npy(folder / "y.npy", [draw.gauss(0, 1) for _ in range(samples)], (samples, 1))
    return folder / "X.npy"


def apart(lines, reference):
    """The largest relative difference at the steps that both list."""
    return max(
        abs(line["objective"] / reference[line["step"]] - 1) for line in lines if line["step"] in reference
    )


def run_sides(bench, names, data, seed, shape):
    """Name to lines, one side after the other."""
    lines, step = {}, "critical"
    for name in names:
        with bench.train(
            data=data, normalise="none", seed=seed, step=step * LONGER if name == CONTROL else step,
            target_ratio=RATIO, max_steps=100_000, **shape, **SIDES[name],
        ) as run:
            lines[name] = run.lines
            step = run.record["step_size"] if step == "critical" else step
        print(f"  seed {seed}, {name}: {run.lines[-1]['step']} steps", flush=True)
    return lines


def spread(values):
    """The mean, and in brackets the least and the largest of several."""
    words = f"{statistics.mean(values):.1e}"
    return words if len(values) == 1 else f"{words} ({min(values):.1e} to {max(values):.1e})"


def table_of(case, dim, runs):
    """Of each seed's run, name to lines."""
    samples, width, depth, seeds, has_control = case
    seed_words = f"seed {seeds[0]}"
    if len(seeds) > 1:
        seed_words = (
            f"means over the seeds {', '.join(map(str, seeds))}, in brackets the least and the largest"
        )
    table = Table(
        f"{samples:,} random inputs of {dim} numbers, random targets, m = {width:,}, L = {depth}, "
        f"to F <= {RATIO:g} F_0",
        ["numbers", "steps", "seconds", "F apart from float64's by at most", "target", "met"],
        "Gradient descent from the same weights, on the same data, with the same step size, the critical "
        f"one; {seed_words}. Late steps are about the spacing of float32, which rounds part of them "
        "away; narrow products sum up the movement by itself. That this is why plain float32 leaves the "
        "curve is likely, and was not measured apart."
        + (" The second row is what the curve makes of the smallest change: by itself, a step size longer "
           "by 1e-7 lowers F by 1e-6; the rest is signs that flip a step earlier or later."
           if has_control else ""),
    )
    for name in runs[0]:
        sides = [lines[name] for lines in runs]
        words, judged = "", ("", "")
        if name != "float64":
            differences = [
                apart(side, {line["step"]: line["objective"] for line in lines["float64"]})
                for side, lines in zip(sides, runs)
            ]
            words = spread(differences)
            if "products" in name:
                judged = table.judge(statistics.mean(differences), most=MOST_APART)
        table.add(
            name, f"{statistics.mean(side[-1]['step'] for side in sides):,.0f}",
            f"{statistics.mean(side[-1]['seconds'] for side in sides):.0f}", words, *judged, lines=sides,
        )
        print(f"  {name}: {words}", flush=True)
    return table


def tables_of(bench, case):
    case = (48, 256, 2, range(2), True) if bench.quick else case
    samples, width, depth, seeds, has_control = case
    names = [name for name in SIDES if has_control or name != CONTROL]
    dim = 50 if bench.quick else 784
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            data = write_problem(pathlib.Path(folder), samples, dim, seed)
            runs.append(run_sides(bench, names, data, seed, {"width": width, "depth": depth}))
    return [table_of(case, dim, runs)]


# Samples, width, depth, seeds, whether the control is run.
SMALL = Section(tables_of, 256, 1024, 3, range(3), True)
FULL = Section(tables_of, 1024, 2048, 4, range(1), False)
