# SPDX-License-Identifier: Apache-2.0
"""Hessian products and cells of landscapes, here and in PyTorch.

Measured as in compare.py: in turns, ratios within a round, the median with the least and the largest.
"""

import statistics
import tempfile

from results import Table, milliseconds, spread
from sides import WAITING, Failed

AGREEMENT = 1e-4  # of the mean loss, on both sides
CELLS = 25        # a row of a grid of 25 x 25


def opened(bench, network, images):
    """Both sides, each with both ways of waiting, of the same objective."""
    sides = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("here", "PyTorch"):
            for policy, environment in WAITING.items():
                side = (bench.worker("_landscape", **environment) if name == "here"
                        else bench.peer("landscape_peer.py", **environment))
                side.ask("open", network, images, "relu", folder)
                sides[name, policy] = side
        values = [float(side.ask("value")) for side in sides.values()]
    if max(values) - min(values) > AGREEMENT * values[0]:
        raise Failed(f"the two sides have different objectives: {values}")
    return sides


def in_turns(bench, sides, rounds, *command):
    """Seconds of both, each by the way of waiting that suits it."""
    times = {key: [] for key in sides}
    for turn in range(bench.rounds(rounds) + 1):
        for key, side in sides.items():
            seconds = side.seconds(*command)
            if turn > 0:
                times[key].append(seconds)

    def better(name):
        return min((t for key, t in times.items() if key[0] == name), key=statistics.median)

    return better("here"), better("PyTorch")


def peak_of_product(bench, side, folder):
    """Bytes that one product takes beside what was there."""
    side.ask("open", "resnet32", 128, "relu", folder)
    side.ask("value")
    before = int(side.ask("memory").split()[0])
    side.ask("product", 1)
    peak = int(side.ask("memory").split()[1])
    side.close()
    return peak - before


def measure(bench):
    table = Table(
        "Hessian products and cells",
        ["what", "here", "PyTorch", "ratio", "target", "met"],
        "Both sides have the same weights, images and batches of 128; batch normalisation with fixed "
        "statistics. Products here are differences of gradients, PyTorch's differentiate twice (and leave out "
        "the kinks); PyTorch's loop over cells sets the weights and evaluates the modules. Memory is what "
        "the process holds at most, less what it held before.",
    )
    sides = opened(bench, "resnet32", 128)
    here, there = in_turns(bench, sides, 5, "product", 3)
    ratios = [h / t for h, t in zip(here, there)]
    table.add("Hessian product, ResNet-32, 128 images", f"{milliseconds(here)} ms", f"{milliseconds(there)} ms",
              f"{spread(ratios)} of its time", *table.judge(statistics.median(ratios), most=0.5), here=here,
              other=there)
    for side in sides.values():
        side.close()
    with tempfile.TemporaryDirectory() as folder:
        ours = peak_of_product(bench, bench.worker("_landscape"), folder)
        theirs = peak_of_product(bench, bench.peer("landscape_peer.py"), folder)
    table.add("its memory", f"{ours / 2**20:.0f} MiB", f"{theirs / 2**20:.0f} MiB",
              f"{ours / theirs:.2f} of its memory", *table.judge(ours / theirs, most=0.5), here=ours,
              other=theirs)

    sides = opened(bench, "resnet20", 1000)
    here, there = in_turns(bench, sides, 3, "cells", 4 if bench.quick else CELLS)
    ratios = [t / h for h, t in zip(here, there)]
    table.add("a cell of a grid, ResNet-20, 1,000 images", f"{milliseconds(here)} ms",
              f"{milliseconds(there)} ms", f"{spread(ratios)} times as fast",
              *table.judge(statistics.median(ratios), least=1.4), here=here, other=there)
    for side in sides.values():
        side.close()

    side = bench.worker("_landscape")
    with tempfile.TemporaryDirectory() as folder:
        side.ask("open", "resnet8", 128, "softplus", folder)
        apart = float(side.ask("apart"))
        products, residual, curvature = map(float, side.ask("lowest", 60).split())
    side.close()
    table.add("lowest eigenpair, ResNet-8 with softplus, 128 images",
              f"{products:.0f} products, v'Hv {curvature:.3g}", "",
              f"residual {residual:.2g}, products {apart:.1g} from PyTorch's",
              *table.judge(residual, most=1e-2), products=products, residual=residual)
    return [table]
