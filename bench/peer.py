# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare.py: the same network, data and step in eager autograd.

Reads the commands of worker.cpp from standard input and answers one line each.
"""

import os
import pathlib
import sys
import time

import numpy
import torch

STEP_SIZE = 1e-6


class Session:
    def __init__(self, method, n, b, m, depth, folder):
        folder = pathlib.Path(folder)

        def load(name):
            return torch.from_numpy(numpy.load(folder / (name + ".npy")))

        self.inputs, self.targets = load("inputs"), load("targets")
        self.method, self.n, self.b = method, int(n), int(b)
        layers = []
        for i in range(int(depth) + 2):
            weight = load(f"block{i}")
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            layer.weight = torch.nn.Parameter(weight, requires_grad=0 < i <= int(depth))
            layers += [layer, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=STEP_SIZE)
        self.order = torch.arange(0)

    def batch(self):
        if self.method == "gd":
            return self.inputs, self.targets, 1.0
        if len(self.order) < self.b:
            self.order = torch.randperm(self.n)
        chosen, self.order = self.order[: self.b], self.order[self.b :]
        return self.inputs[chosen], self.targets[chosen], self.n / self.b

    def step(self):
        inputs, targets, factor = self.batch()
        self.optimizer.zero_grad(set_to_none=True)
        objective = 0.5 * factor * (self.model(inputs) - targets).square().sum()
        objective.backward()
        self.optimizer.step()
        return objective.item()

    def seconds_per_step(self, steps):
        for _ in range(2):
            self.step()
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - start) / steps

    def objective(self):
        with torch.no_grad():
            return 0.5 * (self.model(self.inputs) - self.targets).square().sum().item()


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    session = None
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "open":
            session = Session(*rest)
            answer = "ready"
        elif command == "step":
            answer = f"{session.seconds_per_step(int(rest[0])):.9g}"
        else:
            answer = f"{session.objective():.9g}"
        print(answer, flush=True)


main()
