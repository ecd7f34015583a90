# SPDX-License-Identifier: Apache-2.0
"""Kernels here, beside PyTorch and beside bare matrix products.

Measured as in compare.py: in turns, ratios within a round, the median with the least and the largest.
"""

import pathlib
import statistics
import tempfile

from results import Table, milliseconds, spread
from sides import WAITING, Failed

AGREEMENT = 1e-4  # of the largest entry, between kernels in float32

# name, method of the peer, kernels in a measurement, least ratio to ours
PEERS = [
    ("structured, autograd", "autograd", 10, 1 / 0.6),
    ("structured, by hand", "hand", 10, None),
    ("Jacobian", "jacobian", 1, 50),
]


def few_samples(bench, table):
    """Everything a pair of small data sets asks for, here and in PyTorch in three ways."""
    rounds = bench.rounds(5)
    peers = [entry for entry in PEERS if not bench.quick or entry[0] != "Jacobian"]
    methods = {"here": ("few", 10)} | {name: (method, times) for name, method, times, _ in peers}
    sides = {
        (name, policy): bench.worker("_kernel", **environment)
        if name == "here"
        else bench.peer("kernel_peer.py", **environment)
        for name in methods
        for policy, environment in WAITING.items()
        # How the Jacobian's threads wait is nothing beside its products.
        if name != "Jacobian" or policy == "default"
    }
    times = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        for (name, _), side in sides.items():
            side.ask("open", methods[name][0], folder)
        for turn in range(rounds + 1):
            row = {
                key: side.seconds("kernel", methods[key[0]][1])
                for key, side in sides.items()
                if key[0] != "Jacobian" or turn == rounds  # once: it takes most of a minute
            }
            if turn > 0:  # the first touches the memory
                for key, seconds in row.items():
                    times[key].append(seconds)
        file = pathlib.Path(folder) / "kernel.npy"
        sides["here", "default"].ask("save", file)
        away = {name: sides[name, "default"].seconds("away", file) for name, *_ in peers}
    for side in sides.values():
        side.close()

    def better(name):
        """The way of waiting that suits it."""
        return min((key for key in times if key[0] == name), key=lambda k: statistics.median(times[k]))

    here = times[better("here")]
    for name, _, _, least in peers:
        if not away[name] <= AGREEMENT:
            raise Failed(f"{name} gives another kernel, {away[name]:.1e} away")
        there = times[better(name)]
        ratios = [t / o for t, o in zip(there, here[-len(there) :])]
        table.add(
            "16 samples with 16 others, (128, 128), 3072-2048-2048-2048-8, float32",
            milliseconds(here),
            f"PyTorch, {name}",
            milliseconds(there),
            f"{spread(ratios)} times ours",
            *table.judge(statistics.median(ratios), least, words="{:.3g} times"),
            here=here,
            other=there,
        )


def beside_products(bench, table, case, what, beside, least_share=None, most_times=None):
    """A kernel and its bare products, round by round."""
    ours = bench.worker("_kernel")
    with tempfile.TemporaryDirectory() as folder:
        ours.ask("open", case, folder)
    rows = [(ours.seconds("kernel", 1), ours.seconds("reference")) for _ in range(bench.rounds(5) + 1)]
    ours.close()
    kernel, reference = zip(*rows[1:])
    if least_share:
        shares = [r / k for k, r in zip(kernel, reference)]
        words = f"share {spread(shares)}"
        judged = table.judge(statistics.median(shares), least=least_share, words="a share of {:g}")
    else:
        ratios = [k / r for k, r in zip(kernel, reference)]
        words = f"ours takes {spread(ratios)} times as long"
        judged = table.judge(statistics.median(ratios), most=most_times, words="{:g} times")
    table.add(
        what, milliseconds(kernel), beside, milliseconds(reference), words, *judged,
        here=kernel, other=reference,
    )


def measure(bench):
    table = Table(
        "Tangent kernels",
        ["kernel", "here, ms", "beside", "ms", "ratio", "target", "met"],
        "PyTorch's results agree with ours to 1e-4 of the largest entry. The rate of products behind the "
        "trace kernel is the best of two shapes; the Jacobian is contracted block by block, once.",
    )
    few_samples(bench, table)
    beside_products(bench, table, "trace", "trace kernel of 2,000 digits, m = 2,048, L = 3, d = 10, float32",
                    "its operations at the rate of products", least_share=0.7)
    if not bench.quick:
        beside_products(bench, table, "infinite", "infinite width, 10,000 inputs of 785, L = 5, float64",
                        "one Gram product", most_times=1.5)
    return [table]
