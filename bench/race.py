# SPDX-License-Identifier: Apache-2.0
"""Time to F <= 1e-6 F_0: Gauss-Newton here against the best of PyTorch's optimisers.

Each optimiser is tuned over a small grid, every point for a short time from the same initial weights.
Its best point then runs until it is there, at most as long as the best optimiser so far.
"""

import contextlib
import dataclasses
import math
import statistics
import sys

from results import Table, spread
from sides import WAITING, peer

SAMPLES, WIDTH, DEPTH = 500, 1024, 3
RATIO = 1e-6
LEAST_SPEEDUP = 10
TUNING_SECONDS, LIMIT_SECONDS = 15, 150

# what, words, grid; SGD's in units of 1 / lambda_max
GRIDS = [
    ("sgd", "SGD, momentum 0.9", [0.5, 1, 2, 3.5]),
    ("adam", "Adam", [1e-4, 3e-4, 1e-3, 3e-3]),
    ("adam-plateau", "Adam, halved at plateaus", [1e-3, 3e-3]),
    ("lbfgs", "L-BFGS, strong Wolfe", [10, 100]),
]
UNITS = {"sgd": "step {:g} / lambda_max", "lbfgs": "history {:g}"}  # the others: step {:g}


@dataclasses.dataclass
class Attempt:
    """What an optimiser did with one setting."""

    what: str
    setting: float  # as in the grid
    number: float  # as PyTorch takes it
    seconds: float
    least: float  # F / F_0
    evaluations: int
    reached: bool

    @property
    def setting_words(self):
        return UNITS.get(self.what, "step {:g}").format(self.setting)


def attempt(side, what, setting, number, ratio, limit):
    seconds, least, evaluations, reached = side.ask("try", what, number, ratio, limit).split()
    return Attempt(what, setting, number, float(seconds), float(least), int(evaluations), reached == "1")


def tune(side, ratio, seconds):
    """The best setting of each optimiser by F at the end of its short run."""
    largest = side.seconds("lambda")
    best = []
    for what, words, grid in GRIDS:
        tried = [
            attempt(side, what, setting, setting / largest if what == "sgd" else setting, ratio, seconds)
            for setting in grid
        ]
        best.append(min(tried, key=lambda one: (not one.reached, one.seconds if one.reached else one.least)))
        print(f"  {words}: {best[-1].setting_words}, {best[-1].least:.2g} F_0 in {seconds} s", flush=True)
    return best


def final(side, tuned, ratio, limit):
    """All of them to the end, the most promising first; none longer than the best so far."""
    ended = {}
    for one in sorted(tuned, key=lambda one: one.least):
        ended[one.what] = attempt(side, one.what, one.setting, one.number, ratio, limit)
        if ended[one.what].reached:
            limit = min(limit, ended[one.what].seconds)
    return ended


@contextlib.contextmanager
def our_run(bench, ratio, quick):
    data, _ = bench.digits
    samples, width = (100, 256) if quick else (SAMPLES, WIDTH)
    with bench.train(
        data=data, samples=samples, width=width, depth=DEPTH, method="gauss-newton", dtype="float32",
        normalise="sphere", target_ratio=ratio,
    ) as run:
        yield run


def measure(bench):
    ratio = 1e-2 if bench.quick else RATIO
    tuning, limit = (2, 10) if bench.quick else (TUNING_SECONDS, LIMIT_SECONDS)
    ours, programs = [], []

    def keep(run):
        if run.ratio > ratio:
            sys.exit(f"race.py: our own run ended at {run.ratio:.2g} F_0")
        ours.append(run.seconds)
        programs.append(run.wall)
        return run.steps

    with our_run(bench, ratio, bench.quick) as run:
        steps = keep(run)
        side = peer("optimisers.py")
        start = side.seconds("open", run.folder, "float32")
        if abs(start / run.lines[0]["objective"] - 1) > 1e-4:
            sys.exit("race.py: the two sides do not start from the same network")
        tuned = tune(side, ratio, tuning)
        ended = final(side, tuned, ratio, limit)
        number_type = "float32"
        if not any(one.reached for one in ended.values()):
            side.ask("open", run.folder, "float64")
            number_type = "float64"
            ended = final(side, tuned, ratio, limit)
        side.close()
        winner = min(ended.values(), key=lambda one: (not one.reached, one.least, one.seconds))
        if winner.reached:
            winner = min((one for one in ended.values() if one.reached), key=lambda one: one.seconds)
        for _ in range(bench.rounds(2)):
            with our_run(bench, ratio, bench.quick) as again:
                keep(again)
        side = peer("optimisers.py", **WAITING["passive waiting"])
        side.ask("open", run.folder, number_type)
        passive = attempt(side, winner.what, winner.setting, winner.number, ratio, limit)
        side.close()
    return tables(bench, ours, programs, steps, ended, winner, passive, number_type)


def tables(bench, ours, programs, steps, ended, winner, passive, number_type):
    samples, width = (100, 256) if bench.quick else (SAMPLES, WIDTH)
    ratio = 1e-2 if bench.quick else RATIO
    tuning, limit = (2, 10) if bench.quick else (TUNING_SECONDS, LIMIT_SECONDS)
    settings = "; ".join(
        f"{words} ({', '.join(f'{value:g}' for value in grid)})" for _, words, grid in GRIDS
    )
    race = Table(
        f"{bench.digits[1]}, n = {samples}, m = {width:,}, L = {DEPTH}, d = 10, sphere inputs, squared loss",
        ["method", "setting", "seconds", "waiting", "F / F_0 at the end", "evaluations or steps",
         "times ours", "target", "met"],
        f"Seconds to F <= {ratio:g} F_0, full batches, the paper's W_1..W_L trained, from the same initial "
        f"weights; PyTorch in {number_type}, ours in float32. Grids: {settings}; SGD's in units of "
        f"1 / lambda_max, L-BFGS's are histories. Every setting gets {tuning} s, the best of each then up "
        f"to {limit} s, but not longer than the best optimiser so far; the winner once more with passive "
        "waiting. Only the training loops are compared: PyTorch's without imports and reading, ours "
        "without measuring what a run reports (the whole program: "
        f"{spread(programs, '{:.1f}')} s).",
    )
    middle = statistics.median(ours)
    race.add("Gauss-Newton, here", "", spread(ours, "{:.2f}"), "default", f"{ratio:g} or less", f"{steps} steps",
             1, "", "", seconds=ours, programs=programs)
    words_of = {what: words for what, words, _ in GRIDS}
    rows = [(one, "default") for one in ended.values()] + [(passive, "passive waiting")]
    best = min((one.seconds for one, _ in rows if one.reached), default=math.inf)
    for one, waiting in rows:
        lower = "" if one.reached else "more than "
        wins = one.seconds == best or (best == math.inf and one is winner)
        judged = race.judge(one.seconds / middle, LEAST_SPEEDUP) if wins else ("", "")
        race.add(words_of[one.what], one.setting_words, f"{lower}{one.seconds:.1f}", waiting,
                 f"{one.least:.2g}", f"{one.evaluations:,} evaluations", f"{lower}{one.seconds / middle:.1f}",
                 *judged, **dataclasses.asdict(one))
    return [race]
