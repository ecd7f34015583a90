# SPDX-License-Identifier: Apache-2.0
"""compare.py BIN: training steps here and in PyTorch, side by side.

Both sides are processes that wait for one measurement at a time. A round asks each of them in turn,
so that a busy machine slows all alike; a ratio is taken within a round, and the median over rounds is
printed with the least and the largest. Same initial weights, data, number type and threads: after
each case the objectives must agree.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

from sides import Side, spread

PEER = pathlib.Path(__file__).with_name("peer.py")

# name, network, method, n, b, m, L, steps in a measurement, least ratio to PyTorch, least share of
# products (measured for fc alone)
CASES = [
    ("full batch", "fc", "gd", 1024, 0, 2048, 4, 3, 1.0, 0.9),
    ("SGD", "fc", "sgd", 1024, 64, 4096, 4, 6, 1.4, None),
    ("small full batch", "fc", "gd", 100, 0, 1024, 2, 60, 1.4, None),
    ("residual", "resnet", "gd", 1024, 0, 1024, 16, 3, 1.0, None),
    ("convolutional", "cnn", "gd", 256, 0, 32, 4, 2, 1.0, None),
]


def compare(worker, case, rounds):
    name, network, method, n, b, m, depth, steps, least_ratio, least_share = case
    ours = Side([worker])
    peers = {
        "default": Side(["/usr/bin/python3", PEER]),
        "passive waiting": Side(["/usr/bin/python3", PEER], OMP_WAIT_POLICY="passive"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for side in [ours, *peers.values()]:
            side.ask("open", network, method, n, b, m, depth, folder)
    times = {"step": [], "products": []} | {peer: [] for peer in peers}
    for turn in range(rounds + 1):
        row = {"step": ours.seconds("step", steps)}
        if network == "fc":
            row["products"] = ours.seconds("products", steps)
        row |= {peer: side.seconds("step", steps) for peer, side in peers.items()}
        if turn > 0:  # the first touches the memory
            for key, seconds in row.items():
                times[key].append(seconds)
    here, there = (float(side.ask("objective")) for side in (ours, peers["default"]))
    for side in [ours, *peers.values()]:
        side.close()

    ratios = {peer: [t / o for t, o in zip(times[peer], times["step"])] for peer in peers}
    better = min(peers, key=lambda peer: statistics.median(ratios[peer]))
    share = [p / o for p, o in zip(times["products"], times["step"])]  # none but for fc
    milliseconds = {key: 1e3 * statistics.median(values) for key, values in times.items() if values}
    print(f"{name} ({network}): {f'n={n}' if method == 'gd' else f'b={b}'}, m={m}, L={depth}")
    print(f"  here {milliseconds['step']:.2f} ms a step, PyTorch {milliseconds[better]:.2f} ms ({better})")
    print(f"  PyTorch / here  {spread(ratios[better])}   target {least_ratio}")
    target = f"   target {least_share}" if least_share else ""
    if share:
        print(f"  rate of the step / rate of its bare products  {spread(share)}{target}")
    # SGD draws other batches on the two sides, and steps are tiny: close, not equal.
    agree = abs(here / there - 1) < 1e-3
    print(f"  objectives after the last step: {here:.6g} here, {there:.6g} in PyTorch", flush=True)
    if not agree:
        sys.exit("compare.py: the two sides did not train the same network")
    met = statistics.median(ratios[better]) >= least_ratio
    return met and (not least_share or statistics.median(share) >= least_share)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path, help="folder of the built programs")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="a case by name")
    arguments = parser.parse_args()
    worker = arguments.bin / "overparam_bench_worker"
    met = [
        compare(worker, case, arguments.rounds)
        for case in CASES
        if arguments.only in (None, case[0])
    ]
    print(f"{sum(met)} of {len(met)} cases met their targets")


main()
