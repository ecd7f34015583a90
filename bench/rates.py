# SPDX-License-Identifier: Apache-2.0
"""What the machine can do at best: matrix products of both number types, here and in PyTorch, and
memory."""

from results import Table, spread

SHAPES = [(1024, 2048, 2048), (2048, 1024, 2048), (2048, 2048, 2048), (4096, 4096, 4096)]


def peak(side, type_name, shape=(2048, 2048, 2048)):
    """Operations a second now, best of three."""
    return float(side.ask("product", type_name, *shape))


def measure(bench):
    table = Table(
        "Matrix products and memory",
        ["what", "here", "PyTorch"],
        "Giga-operations a second of a (p, q) by (q, r) product, the best of three in a row; gigabytes a "
        "second of a = b + s c on arrays of 256 MB, four of them, because what is written is read first. "
        "Median over rounds.",
    )
    here, there = bench.worker("_phase"), bench.peer("peer.py")
    shapes = SHAPES[:1] if bench.quick else SHAPES
    for type_name in ("float32", "float64"):
        for shape in shapes:
            rows = [
                [1e-9 * peak(side, type_name, shape) for side in (here, there)]
                for _ in range(bench.rounds(3))
            ]
            mine, theirs = zip(*rows)
            size = " x ".join(map(str, shape))
            table.add(f"{type_name}, {size}", spread(mine, "{:.1f}"), spread(theirs, "{:.1f}"),
                      here=mine, pytorch=theirs)
    rates = [1e-9 * here.seconds("bandwidth") for _ in range(bench.rounds(3))]
    table.add("memory", spread(rates, "{:.1f}"), "", here=rates)
    for side in (here, there):
        side.close()
    return [table]
