# SPDX-License-Identifier: Apache-2.0
"""compare_kernels.py BIN: kernels here, beside PyTorch and beside bare matrix products.

Measured as in compare.py: in turns, ratios within a round, the median with the least and the largest.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

from sides import Side, spread

PEER = pathlib.Path(__file__).with_name("kernel_peer.py")
AGREEMENT = 1e-4  # of the largest entry, between kernels in float32

# name, method of the peer, kernels in a measurement, least ratio to ours
PEERS = [
    ("structured, autograd", "autograd", 10, 1 / 0.6),
    ("structured, by hand", "hand", 10, None),
    ("Jacobian", "jacobian", 1, 50),
]


def milliseconds(seconds):
    return f"{1e3 * statistics.median(seconds):.4g} ms"


def few_samples(worker, rounds):
    """Everything a pair of small data sets asks for, here and in PyTorch in three ways."""
    methods = {"here": ("few", 10)} | {name: (method, times) for name, method, times, _ in PEERS}
    policies = {"default": {}, "passive waiting": {"OMP_WAIT_POLICY": "passive"}}
    sides = {
        (name, policy): Side([worker] if name == "here" else ["/usr/bin/python3", PEER], **environment)
        for name in methods
        for policy, environment in policies.items()
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
        away = {name: sides[name, "default"].seconds("away", file) for name, *_ in PEERS}
    for side in sides.values():
        side.close()

    def better(name):
        """The way of waiting that suits it."""
        return min((key for key in times if key[0] == name), key=lambda k: statistics.median(times[k]))

    here = better("here")
    print("tangent kernel, few samples (fc): 16 with 16 others, dx=3072, m=2048, L=2, d=8")
    print(f"  here {milliseconds(times[here])} ({here[1]})")
    met = True
    for name, _, _, least in PEERS:
        key = better(name)
        ratios = [t / o for t, o in zip(times[key], times[here][-len(times[key]) :])]
        target = f"   target {least:.2f}" if least else ""
        print(f"  PyTorch, {name}: {milliseconds(times[key])} ({key[1]})")
        print(f"    PyTorch / here  {spread(ratios)}{target}")
        met = met and (not least or statistics.median(ratios) >= least)
        if not away[name] <= AGREEMENT:
            sys.exit(f"compare_kernels.py: {name} gives another kernel, {away[name]:.1e} away")
    return met


def beside_products(worker, case, rounds):
    """Seconds of a kernel and of its reference, round by round."""
    ours = Side([worker])
    with tempfile.TemporaryDirectory() as folder:
        ours.ask("open", case, folder)
    rows = [(ours.seconds("kernel", 1), ours.seconds("reference")) for _ in range(rounds + 1)]
    ours.close()
    return zip(*rows[1:])


def trace(worker, rounds):
    kernel, reference = beside_products(worker, "trace", rounds)
    share = [r / k for k, r in zip(kernel, reference)]
    print("trace kernel (fc): 2,000 digits, m=2048, L=3, d=10, float32")
    print(f"  {milliseconds(kernel)}, its operations at the rate of products {milliseconds(reference)}")
    print(f"  rate of the kernel / rate of products  {spread(share)}   target 0.70")
    return statistics.median(share) >= 0.7


def infinite(worker, rounds):
    kernel, reference = beside_products(worker, "infinite", rounds)
    ratios = [k / r for k, r in zip(kernel, reference)]
    print("infinite kernel (fc): 10,000 inputs of 785 numbers, L=5, float64")
    print(f"  {milliseconds(kernel)}, one Gram product {milliseconds(reference)}")
    print(f"  kernel / Gram product  {spread(ratios)}   target at most 1.5")
    return statistics.median(ratios) <= 1.5


CASES = {"few": few_samples, "trace": trace, "infinite": infinite}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path, help="folder of the built programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=CASES, help="one case")
    arguments = parser.parse_args()
    worker = arguments.bin / "overparam_bench_kernel_worker"
    met = []
    for name, case in CASES.items():
        if arguments.only in (None, name):
            met.append(case(worker, arguments.rounds))
            sys.stdout.flush()
    print(f"{sum(met)} of {len(met)} cases met their targets")


main()
