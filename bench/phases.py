# SPDX-License-Identifier: Apache-2.0
"""Each phase beside its roofline: the longer of its products at the machine's product rate and its
bytes at the machine's bandwidth, both measured again before every run of the phase."""

import dataclasses
import statistics

from rates import peak
from results import Table, spread

LEAST_SHARE = 0.6


@dataclasses.dataclass
class Phase:
    name: str
    words: str
    n: int
    m: int
    depth: int
    times: int  # runs in a measurement
    reason: str = ""  # why it stays below LEAST_SHARE
    floor: float = LEAST_SHARE  # with a reason: half of the share that it explains


PHASES = [
    Phase("forward", "forward pass, fc", 1024, 2048, 4, 2),
    Phase("backward", "backward pass, fc", 1024, 2048, 4, 1),
    Phase("step", "GD step, fc", 1024, 2048, 4, 2),
    Phase(
        "step", "GD step, fc", 100, 1024, 2, 40,
        "products with 100 rows pack all of W for little work: the bare products alone are as slow (see "
        "the training steps)",
        0.25,
    ),
    Phase(
        "step-sgd", "SGD step, fc, b = 64", 1024, 4096, 4, 3,
        "products with 64 rows pack all of W for little work: the bare products alone are as slow (see "
        "the training steps)",
        0.25,
    ),
    Phase("step-resnet", "GD step, resnet", 1024, 1024, 16, 1),
    Phase(
        "step-cnn", "GD step, cnn, 14 x 14 positions", 256, 32, 4, 2,
        "the products are thin, 288 numbers by 32 channels, and every use of a filter copies patches "
        "nine times as large as its features",
        0.3,
    ),
    Phase("activation", "relu and its derivative", 4096, 4096, 0, 5),
    Phase("tangent-product", "K v in sample space", 500, 1024, 3, 10),
    Phase("tangent-product", "K v in weight space", 2000, 1024, 3, 2),
    Phase(
        "tangent-kernel", "dense kernel, all outputs", 500, 1024, 3, 1,
        "two fifths of the time go to the sums of 25 million products of Grams in float64, a block at a "
        "time, and to fresh memory for the result",
        0.2,
    ),
    Phase("trace-kernel", "trace kernel", 2000, 2048, 3, 1),
    Phase(
        "limit-kernel", "kernel of infinite width", 8000, 2, 5, 1,
        "beside its Gram, half of a product, it takes an arc cosine and two polynomials a layer for "
        "each of the n^2 / 2 pairs, which the roofline leaves out",
        0.2,
    ),
    Phase(
        "cholesky", "Cholesky factor", 4000, 0, 0, 1,
        "triangular solves with blocks of 256 are a tenth of the operations and a quarter of the time; "
        "LAPACK's own factorisation is slower",
        0.28,
    ),
    Phase(
        "cholesky-solve", "Cholesky solve, 10 right-hand sides", 4000, 0, 0, 5,
        "OpenBLAS packs the whole matrix for a product with few columns: ten cost what thirty-two do",
        0.07,
    ),
    Phase("lanczos", "Lanczos, 20 products", 4000, 0, 0, 3),
    Phase("conjugate-gradients", "conjugate gradients, 20 products", 4000, 0, 0, 3),
    Phase(
        "separation", "separation", 10000, 0, 0, 1,
        "whole tiles on the diagonal are a fifth more products than the half that counts, and every "
        "bound is read once more beside the product that made it",
        0.3,
    ),
    Phase(
        "weights", "drawing weights", 0, 4096, 0, 1,
        "every two numbers take a logarithm, a square root, a sine and a cosine of the C library in "
        "float64, so that a seed gives the same network everywhere; it happens once a run",
        0.005,
    ),
]


def measure_phase(side, phase, rounds):
    """Seconds, least seconds, and what limits them, round by round."""
    operations, size, type_name = side.ask("open", phase.name, phase.n, phase.m, phase.depth).split()
    operations, size = float(operations), float(size)
    seconds, least, limits = [], [], []
    for _ in range(rounds):
        products = operations / peak(side, type_name) if operations else 0
        memory = size / side.seconds("bandwidth") if size else 0
        seconds.append(side.seconds("run", phase.times))
        least.append(max(products, memory))
        limits.append(f"{type_name} products" if products >= memory else "memory")
    limit = statistics.mode(limits)
    return seconds, least, limit, size if limit == "memory" else operations


def measure(bench):
    table = Table(
        "Phases and their rooflines",
        ["phase", "shape", "rate", "roofline", "limited by", "share", "target", "met or why not"],
        "Operations count only the matrix products a phase cannot do without, bytes only what must pass "
        "memory once. The roofline is the larger of both times, at the rate of a product of 2048^3 and "
        "at the bandwidth measured just before. A share above 1 is a phase whose data stay in the cache.",
    )
    side = bench.worker("_phase")
    for phase in PHASES[7:8] + PHASES[13:] if bench.quick else PHASES:
        seconds, least, limit, work = measure_phase(side, phase, bench.rounds(3))
        shares = [l / s for l, s in zip(least, seconds)]
        share = statistics.median(shares)
        unit = "GB/s" if limit == "memory" else "Gflop/s"
        rates = [1e-9 * work / s for s in (statistics.median(seconds), statistics.median(least))]
        sizes = [f"n = {phase.n:,}", f"m = {phase.m:,}", f"L = {phase.depth}"]
        shape = ", ".join(text for text, size in zip(sizes, (phase.n, phase.m, phase.depth)) if size)
        if phase.reason and share < LEAST_SHARE:
            _, met = table.judge(share, phase.floor)
            target = f"at least {LEAST_SHARE:g}, or {phase.floor:g} with a reason"
            met = f"{met}: {phase.reason}"
        else:
            target, met = table.judge(share, LEAST_SHARE)
        table.add(
            phase.words, shape, *(f"{rate:.1f} {unit}" for rate in rates), limit, spread(shares), target,
            met, seconds=seconds, least=least,
        )
        print(f"  {phase.words}: {spread(shares)} of its roofline", flush=True)
    side.close()
    return [table]
