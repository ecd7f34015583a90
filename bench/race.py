# SPDX-License-Identifier: Apache-2.0
"""Time to F <= 1e-6 F_0, and on to 1e-10: Gauss-Newton here against the best of PyTorch's optimisers.

Each optimiser is tuned over a small grid, every point for a short time from the same initial weights.
Its best point then runs until it is there, at most as long as the best optimiser so far. PyTorch's
threads wait in the way in which it does more steps; the winner runs in the other way too.
"""

import dataclasses
import statistics

from results import Table, spread
from sides import WAITING, Failed

# the optimiser's words: (what, setting as printed, setting as in `try`); SGD's in 1 / lambda_max
GRIDS = {
    "SGD, momentum 0.9": [("sgd", f"step {c:g} / lambda_max", c) for c in (0.5, 1, 2, 3.5)],
    "Adam": [("adam", f"step {eta:g}", eta) for eta in (1e-4, 3e-4, 1e-3, 3e-3)]
    + [("adam-plateau", f"step {eta:g}, halved at plateaus", eta) for eta in (1e-3, 3e-3)],
    "L-BFGS, strong Wolfe": [("lbfgs", f"history {h}", h) for h in (10, 100)],
}


@dataclasses.dataclass
class Course:
    """What is run, and for how long."""

    samples: int = 500
    width: int = 1024
    depth: int = 3
    ratio: float = 1e-6
    least_speedup: float = 10
    tuning: float = 15  # seconds
    limit: float = 150


COURSES = [Course(), Course(ratio=1e-10, least_speedup=None, limit=60)]
QUICK = [Course(samples=100, width=256, ratio=1e-2, tuning=2, limit=10)]


@dataclasses.dataclass
class Attempt:
    """What an optimiser did with one setting."""

    name: str
    setting: tuple  # of the grid
    number: float  # as PyTorch takes it
    waiting: str
    type_name: str
    seconds: float
    least: float  # F / F_0
    evaluations: int
    reached: bool

    @property
    def rank(self):
        """Less is better."""
        return (not self.reached, self.seconds if self.reached else self.least)


class Opponent:
    """PyTorch with one way of waiting."""

    def __init__(self, bench, waiting, folder):
        self.waiting = waiting
        self.side = bench.peer("optimisers.py", **WAITING[waiting])
        self.start = self.open(folder, "float32")

    def open(self, folder, type_name):
        self.type_name = type_name
        return self.side.seconds("open", folder, type_name)

    def attempt(self, name, setting, number, ratio, limit):
        answer = self.side.ask("try", setting[0], number, ratio, limit).split()
        return Attempt(name, setting, number, self.waiting, self.type_name, float(answer[0]),
                       float(answer[1]), int(answer[2]), answer[3] == "1")

    def speed(self):
        """Evaluations a second."""
        one = self.attempt("Adam", ("adam",), 1e-4, 0, 2)
        return one.evaluations / one.seconds

    def repeat(self, one, ratio, limit):
        return self.attempt(one.name, one.setting, one.number, ratio, limit)


def tune(opponent, course):
    """The best setting of each optimiser by F at the end of its short run."""
    largest = opponent.side.seconds("lambda")
    best = []
    for name, grid in GRIDS.items():
        tried = [
            opponent.attempt(name, setting, setting[2] / largest if setting[0] == "sgd" else setting[2],
                             course.ratio, course.tuning)
            for setting in grid
        ]
        best.append(min(tried, key=lambda one: one.rank))
        print(f"  {name}: {best[-1].setting[1]}, {best[-1].least:.2g} F_0 in {best[-1].seconds:.0f} s",
              flush=True)
    return sorted(best, key=lambda one: one.rank)


def finish(opponent, tuned, course):
    """All of them to the end, the most promising first; none longer than the best so far."""
    limit, ended = course.limit, []
    for one in tuned:
        ended.append(opponent.repeat(one, course.ratio, limit))
        if ended[-1].reached:
            limit = min(limit, ended[-1].seconds)
        print(f"  {one.name}: {ended[-1].least:.2g} F_0 in {ended[-1].seconds:.1f} s", flush=True)
    return ended


def measure(bench):
    return [race(bench, course) for course in (QUICK if bench.quick else COURSES)]


def race(bench, course):
    ours = []

    def run_ours():
        return bench.train(
            data=bench.digits[0], samples=course.samples, width=course.width, depth=course.depth,
            method="gauss-newton", dtype="float32", normalise="sphere", target_ratio=course.ratio,
        )

    def keep(run):
        if run.ratio > course.ratio:
            raise Failed(f"our own run ended at {run.ratio:.2g} F_0")
        ours.append((run.seconds, run.wall, run.steps))
        print(f"  here: {run.seconds:.2f} s", flush=True)

    with run_ours() as run:
        keep(run)
        opponents = [Opponent(bench, waiting, run.folder) for waiting in WAITING]
        if abs(opponents[0].start / run.lines[0]["objective"] - 1) > 1e-4:
            raise Failed("the two sides do not start from the same network")
        first, second = sorted(opponents, key=Opponent.speed, reverse=True)
        tuned = tune(first, course)
        with run_ours() as again:
            keep(again)
        ended = finish(first, tuned, course)
        if not any(one.reached for one in ended):
            for opponent in opponents:
                opponent.open(run.folder, "float64")
            ended += finish(first, tuned[:1], course)
        with run_ours() as again:
            keep(again)
        winner = min(ended, key=lambda one: one.rank)
        ended.append(second.repeat(winner, course.ratio, course.limit))
        for opponent in opponents:
            opponent.side.close()
    return table(bench, course, ours, ended)


def table(bench, course, ours, ended):
    grids = "; ".join(f"{name}: {', '.join(words for _, words, _ in grid)}" for name, grid in GRIDS.items())
    seconds, walls, steps = zip(*ours)
    result = Table(
        f"{bench.digits[1]}, n = {course.samples}, m = {course.width:,}, L = {course.depth}, d = 10, "
        f"sphere inputs, squared loss, to F <= {course.ratio:g} F_0",
        ["method", "setting", "type", "threads wait", "seconds", "F / F_0", "evaluations", "times ours",
         "target", "met"],
        f"Seconds to F <= {course.ratio:g} F_0, full batches, from the same initial weights. Where no "
        f"optimiser gets there in float32, the best runs in float64 as well. Grids: {grids}. Every setting "
        f"gets {course.tuning:g} s, the best of each optimiser then up to {course.limit:g} s, but no longer "
        "than the best so far: it has lost then. Training loops alone are compared, PyTorch's without "
        "imports and reading, ours without what the program reads, measures and writes around it (all of it: "
        f"{spread(walls, '{:.1f}')} s).",
    )
    middle = statistics.median(seconds)
    result.add("Gauss-Newton, here", "", "float32", "default", spread(seconds),
               f"at most {course.ratio:g}", f"{max(steps)} steps", 1, "", "", seconds=seconds, programs=walls)
    best = min(ended, key=lambda one: one.rank)
    for one in ended:
        more = "" if one.reached else "more than "
        is_judged = one is best and course.least_speedup
        judged = result.judge(one.seconds / middle, course.least_speedup) if is_judged else ("", "")
        result.add(one.name, one.setting[1], one.type_name, one.waiting, f"{more}{one.seconds:.1f}",
                   f"{one.least:.2g}", f"{one.evaluations:,}", f"{more}{one.seconds / middle:.1f}", *judged,
                   **dataclasses.asdict(one))
    return result
