# SPDX-License-Identifier: Apache-2.0
"""Training steps here and in PyTorch, side by side.

Both sides are processes that wait for one measurement at a time. A round asks each of them in turn,
so that a busy machine slows all alike; a ratio is taken within a round, and the median over rounds is
given with the least and the largest. Same initial weights, data, number type and threads: after
each case the objectives must agree.
"""

import dataclasses
import statistics
import tempfile

from rates import peak
from results import Table, milliseconds, spread
from sides import WAITING, Failed


@dataclasses.dataclass
class Case:
    name: str
    network: str
    method: str
    n: int
    b: int
    m: int
    depth: int
    steps: int  # in a measurement
    least_ratio: float  # of PyTorch's time to ours
    least_share: float = None  # of the step's rate, in the fastest product rate (fc alone)

    @property
    def words(self):
        size = f"n = {self.n:,}" if self.method == "gd" else f"b = {self.b}"
        return f"{self.name} ({self.network}), {size}, m = {self.m:,}, L = {self.depth}"

    @property
    def operations(self):
        """Of the products of one step of fc: L up, L - 1 down, L gradients, and the read-out's two."""
        rows = self.n if self.method == "gd" else self.b
        return 2 * rows * self.m * (self.m * (3 * self.depth - 1) + 2 * 10)

    @property
    def product_shapes(self):
        rows = self.n if self.method == "gd" else self.b
        return [(rows, self.m, self.m), (self.m, rows, self.m)]


CASES = [
    Case("full batch", "fc", "gd", 1024, 0, 2048, 4, 3, 1.0, 0.95),
    Case("SGD", "fc", "sgd", 1024, 64, 4096, 4, 6, 1.4),
    Case("small full batch", "fc", "gd", 100, 0, 1024, 2, 60, 1.4),
    Case("residual", "resnet", "gd", 1024, 0, 1024, 16, 3, 1.0),
    Case("convolutional", "cnn", "gd", 256, 0, 32, 4, 2, 1.0),
]
# Reduced precision, where the least ratio is of plain float32's time.
NARROW = [
    Case("full batch", "fc", "gd", 1024, 0, 2048, 4, 10, 1.5),
    Case("SGD", "fc", "sgd", 1024, 64, 4096, 4, 16, 2.0),
]
QUICK = [Case("small full batch", "fc", "gd", 100, 0, 1024, 2, 20, 1.4, 0.95)]


def measure_case(bench, case, rounds):
    """Seconds a step by side, and shares of the product rate, round by round."""
    ours = bench.worker()
    peers = {name: bench.peer("peer.py", **environment) for name, environment in WAITING.items()}
    phases = bench.worker("_phase")
    with tempfile.TemporaryDirectory() as folder:
        for side in [ours, *peers.values()]:
            side.ask("open", case.network, case.method, case.n, case.b, case.m, case.depth, folder)
    times = {name: [] for name in ["here", "products", "fastest", *peers]}
    for turn in range(rounds + 1):
        row = {"here": ours.seconds("step", case.steps)}
        if case.network == "fc":
            row["products"] = ours.seconds("products", case.steps)
        if case.least_share:
            rates = [
                peak(side, "float32", shape)
                for side in (phases, peers["default"])
                for shape in case.product_shapes
            ]
            row["fastest"] = case.operations / max(rates)
        row |= {name: side.seconds("step", case.steps) for name, side in peers.items()}
        if turn > 0:  # the first touches the memory
            for key, seconds in row.items():
                times[key].append(seconds)
    here, there = (float(side.ask("objective")) for side in (ours, peers["default"]))
    for side in [ours, phases, *peers.values()]:
        side.close()
    # Steps are tiny: close, not equal. SGD draws other batches on the two sides, which alone makes
    # 1e-3 of a difference.
    if not abs(here / there - 1) < (5e-3 if case.b else 1e-3):
        raise Failed(f"{case.name}: the objectives are {here:.6g} here, {there:.6g} in PyTorch")
    return times


def measure_narrow(bench, table):
    """Plain float32 and narrow products, in turns."""
    for case in NARROW[:1] if bench.quick else NARROW:
        plain, narrow = bench.worker(), bench.worker()
        if not narrow.knows("precision", "narrow"):
            print("  reduced precision: not in this build", flush=True)
            plain.close()
            return
        sides, seconds = (plain, narrow), []
        with tempfile.TemporaryDirectory() as folder:
            for side in sides:
                side.ask("open", case.network, case.method, case.n, case.b, case.m, case.depth, folder)
        for _ in range(bench.rounds(5) + 1):
            seconds.append([side.seconds("step", case.steps) for side in sides])
        objectives = [float(side.ask("objective")) for side in sides]
        for side in sides:
            side.close()
        here, there = zip(*seconds[1:])
        ratio = ratios(here, there)
        table.add(case.words, milliseconds(here), milliseconds(there), spread(ratio),
                  f"{abs(objectives[1] / objectives[0] - 1):.1e}",
                  *table.judge(statistics.median(ratio), case.least_ratio), plain=here, narrow=there)
        print(f"  {case.words}: plain / narrow {spread(ratio)}", flush=True)


def ratios(above, below):
    return [a / b for a, b in zip(above, below)]


def measure(bench):
    steps = Table(
        "A training step, float32",
        ["step", "here, ms", "PyTorch, ms", "waiting", "PyTorch / here", "target", "met"],
        "Milliseconds a step; of PyTorch's two ways for threads to wait, the better. Same network, data "
        "and initial weights; the objectives agreed after the last step.",
    )
    shares = Table(
        "The step beside its matrix products, float32",
        ["step", "Gflop/s", "of its bare products' rate", "of the fastest product's", "target", "met"],
        "Operations of the products only. Rate of the step over the rate of the same products and nothing "
        "else; and over the fastest rate of any product of these shapes on this machine, here or in "
        "PyTorch, within the same round.",
    )
    for case in QUICK if bench.quick else CASES:
        times = measure_case(bench, case, bench.rounds(5))
        better = min(WAITING, key=lambda name: statistics.median(times[name]))
        ratio = ratios(times[better], times["here"])
        steps.add(
            case.words, milliseconds(times["here"]), milliseconds(times[better]), better, spread(ratio),
            *steps.judge(statistics.median(ratio), case.least_ratio), **times,
        )
        if not times["products"]:
            continue
        bare, fastest = (ratios(times[key], times["here"]) for key in ("products", "fastest"))
        judged = shares.judge(statistics.median(fastest), case.least_share) if fastest else ("", "")
        rate = 1e-9 * case.operations / statistics.median(times["here"])
        shares.add(case.words, f"{rate:.1f}", spread(bare), spread(fastest) if fastest else "", *judged)
        print(f"  {case.words}: PyTorch / here {spread(ratio)}", flush=True)
    narrow = Table(
        "Reduced precision",
        ["step", "float32, ms", "narrow, ms", "float32 / narrow", "objectives differ by", "target", "met"],
        "The same step with products in fewer bits, in turns with plain float32; and how far apart the "
        "objectives are after the last step, relatively.",
    )
    measure_narrow(bench, narrow)
    return [steps, shares] + ([narrow] if narrow.rows else [])
