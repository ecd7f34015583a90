# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare.py: the same network, data and step in eager autograd.

Reads commands from standard input and answers one line each: `open`, `step` and `objective` of
worker.cpp, and `product TYPE P Q R` of phase_worker.cpp.
"""

import math
import pathlib
import time

import numpy
import torch

from answering import answer_commands

STEP_SIZE = 1e-6


class Residual(torch.nn.Module):
    """relu(x + tau W x)"""

    def __init__(self, linear, tau):
        super().__init__()
        self.linear, self.tau = linear, tau

    def forward(self, x):
        return torch.relu(x + self.tau * self.linear(x))


def linear(weight, trained):
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = torch.nn.Parameter(weight, requires_grad=trained)
    return layer


def convolution(weight, channels, trained):
    """Filters of 3 x 3 whose columns run over (row, column, channel)."""
    layer = torch.nn.Conv2d(
        channels, weight.shape[0], 3, padding=1, padding_mode="circular", bias=False
    )
    filters = weight.view(-1, 3, 3, channels).permute(0, 3, 1, 2).contiguous()
    layer.weight = torch.nn.Parameter(filters, requires_grad=trained)
    return layer


def fully_connected(blocks):
    last = len(blocks) - 1
    layers = []
    for i, weight in enumerate(blocks):
        layers += [linear(weight, 0 < i < last), torch.nn.ReLU()]
    return layers[:-1]


def residual(blocks):
    first, *hidden, top, last = blocks
    depth, width = len(hidden) + 1, first.shape[0]
    tau = 1 / (depth * math.log(width))
    return [
        linear(first, False),
        torch.nn.ReLU(),
        *[Residual(linear(weight, True), tau) for weight in hidden],
        linear(top, True),
        torch.nn.ReLU(),
        linear(last, False),
    ]


def convolutional(blocks):
    first, *hidden, dense, last = blocks
    channels = first.shape[0]
    side = math.isqrt(dense.shape[1] // channels)
    layers = [torch.nn.Unflatten(1, (1, side, side)), convolution(first, 1, False), torch.nn.ReLU()]
    for weight in hidden:
        layers += [convolution(weight, channels, True), torch.nn.ReLU()]
    # Features are flattened channel by channel here, position by position there.
    columns = dense.view(-1, side * side, channels).transpose(1, 2).reshape(dense.shape)
    return layers + [
        torch.nn.Flatten(),
        linear(columns.contiguous(), True),
        torch.nn.ReLU(),
        linear(last, False),
    ]


NETWORKS = {"fc": fully_connected, "resnet": residual, "cnn": convolutional}


class Session:
    def __init__(self, network, method, n, b, m, depth, folder):
        folder = pathlib.Path(folder)

        def load(name):
            return torch.from_numpy(numpy.load(folder / (name + ".npy")))

        self.inputs, self.targets = load("inputs"), load("targets")
        self.method, self.n, self.b = method, int(n), int(b)
        blocks = [load(f"block{i}") for i in range(int(depth) + 2)]
        self.model = torch.nn.Sequential(*NETWORKS[network](blocks))
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


def product_rate(type_name, p, q, r):
    """Operations a second of out (p, r) = a (p, q) b (q, r), best of three."""
    a, b = (torch.randn(*sizes, dtype=getattr(torch, type_name)) for sizes in ((p, q), (q, r)))
    out = torch.zeros(p, r, dtype=a.dtype)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    return 2 * p * q * r / min(seconds)


answer_commands(Session, {
    "step": lambda session, times: session.seconds_per_step(int(times)),
    "product": lambda _, name, *sizes: product_rate(name, *map(int, sizes)),
    "objective": lambda session: session.objective(),
})
