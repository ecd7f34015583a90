# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of race.py: full-batch optimisers on the network and data of a run's folder.

Reads commands from standard input and answers one line each:

    open FOLDER TYPE       weights-initial.safetensors, inputs and targets of a run of fc; TYPE float32
                           or float64. Answers F_0
    lambda                 lambda_max of the tangent kernel there, by the power method
    try WHAT X RATIO SECONDS
                           trains from the initial weights until F <= RATIO F_0 or the time is over.
                           Answers: seconds, least F / F_0, evaluations, whether it got there

WHAT X is `sgd LR` (momentum 0.9), `adam LR`, `adam-plateau LR` (halved whenever F has not fallen by 1 %
in 100 steps) or `lbfgs HISTORY` (strong-Wolfe line search). An evaluation is F with its gradient; it
counts as reached at the first whose F is low enough, in a line search too.
"""

import json
import math
import pathlib
import struct
import time

import numpy
import torch

from answering import answer_commands

TYPES = {"F32": "<f4", "F64": "<f8"}


class Over(Exception):
    """Of the time, or of the way."""


def read_safetensors(path):
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    return {
        name: numpy.frombuffer(
            content, TYPES[entry["dtype"]], math.prod(entry["shape"]), start + entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }


class Session:
    def __init__(self, folder, type_name):
        folder, kind = pathlib.Path(folder), getattr(torch, type_name)

        def tensor(array):
            return torch.from_numpy(numpy.array(array)).to(kind)

        weights = read_safetensors(folder / "weights-initial.safetensors")
        hidden = [weights[f"W.{layer}"] for layer in range(1, len(weights) - 1)]
        self.initial = [tensor(block) for block in hidden]
        self.last = tensor(weights["B"])
        self.targets = tensor(numpy.load(folder / "arrays/targets.npy"))
        inputs = tensor(numpy.load(folder / "arrays/inputs.npy"))
        # A is frozen: its features are the same at every step.
        self.features = torch.relu(inputs @ tensor(weights["A"]).t())
        self.blocks = []
        self.restart()
        with torch.no_grad():
            self.start = self.objective().item()

    def restart(self):
        self.blocks = [block.clone().requires_grad_() for block in self.initial]

    def outputs(self):
        features = self.features
        for block in self.blocks:
            features = torch.relu(torch.nn.functional.linear(features, block))
        return torch.nn.functional.linear(features, self.last)

    def objective(self):
        return 0.5 * (self.outputs() - self.targets).square().sum()

    def largest_eigenvalue(self, products=100):
        """Of J J^T; J v by the double-backward trick."""
        self.restart()
        outputs = self.outputs()
        direction, value = torch.randn_like(outputs), 0.0
        probe = torch.zeros_like(outputs, requires_grad=True)
        pulled = torch.autograd.grad(outputs, self.blocks, probe, create_graph=True)
        for _ in range(products):
            direction = direction / direction.norm()
            back = torch.autograd.grad(outputs, self.blocks, direction, retain_graph=True)
            product = torch.autograd.grad(pulled, probe, back, retain_graph=True)[0]
            former, value = value, (direction * product).sum().item()
            direction = product
            if abs(value - former) <= 1e-5 * value:
                break
        return value

    def attempt(self, what, number, ratio, seconds):
        self.restart()
        if what == "lbfgs":
            optimiser = torch.optim.LBFGS(
                self.blocks, history_size=int(number), line_search_fn="strong_wolfe",
                max_iter=10**6, tolerance_grad=0, tolerance_change=0,
            )
        elif what == "sgd":
            optimiser = torch.optim.SGD(self.blocks, lr=number, momentum=0.9)
        else:
            optimiser = torch.optim.Adam(self.blocks, lr=number)
        plateau = None
        if what == "adam-plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimiser, factor=0.5, patience=100, threshold=1e-2
            )
        least, evaluations, begin = math.inf, 0, time.perf_counter()

        def closure():
            nonlocal least, evaluations
            optimiser.zero_grad(set_to_none=True)
            value = self.objective()
            evaluations += 1
            here = value.item() / self.start
            least = min(least, here) if math.isfinite(here) else least
            if least <= ratio or time.perf_counter() - begin > seconds or not math.isfinite(here):
                raise Over
            value.backward()
            return value

        try:
            while True:
                value = optimiser.step(closure)
                if what == "lbfgs":
                    optimiser.state.clear()  # it only comes back when its memory leads nowhere
                if plateau is not None:
                    plateau.step(value.item())
        except Over:
            taken = time.perf_counter() - begin
        return f"{taken:.6g} {least:.6g} {evaluations} {int(least <= ratio)}"


torch.manual_seed(0)
answer_commands(Session, {
    "open": lambda session: session.start,
    "lambda": lambda session: session.largest_eigenvalue(),
    "try": lambda session, what, *numbers: session.attempt(what, *map(float, numbers)),
})
