# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare_landscapes.py: the same residual network for images as modules; Hessian
products by differentiating twice, and cells of a plane by a plain loop.

Reads commands from standard input and answers one line each: `open NETWORK N ACTIVATION FOLDER`, `value`,
`product K`, `cells K`, `memory`.
"""

import os
import pathlib
import resource
import time

import numpy
import torch
from torch import nn

from answering import answer_commands

BATCH = 128
ACTIVATIONS = {"relu": torch.relu, "softplus": nn.functional.softplus}


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.activation = activation
        self.downsample = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.activation(self.bn1(self.conv1(x)))))
        return self.activation(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, layers, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.activation = activation
        before = 16
        for stage, channels in enumerate((16, 32, 64), start=1):
            blocks = []
            for i in range((layers - 2) // 6):
                blocks.append(Block(before, channels, 2 if stage > 1 and i == 0 else 1, activation))
                before = channels
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.activation(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class Session:
    def __init__(self, network, _, activation, folder):
        folder = pathlib.Path(folder)

        def load(name):
            return torch.from_numpy(numpy.load(folder / (name + ".npy")))

        self.model = ResNet(int(network.removeprefix("resnet")), ACTIVATIONS[activation]).eval()
        state = self.model.state_dict()
        names = [name for name in state if not name.endswith("num_batches_tracked")]
        self.model.load_state_dict({name: load("weights-" + name) for name in names}, strict=False)
        named = dict(self.model.named_parameters())
        self.parameters = list(named.values())
        self.x, self.y = ([load(f"{axis}-{name}") for name in named] for axis in "xy")
        self.images, self.labels = load("images"), load("labels")

    def loss(self, images, labels):
        return nn.functional.cross_entropy(self.model(images), labels, reduction="sum") / len(self.labels)

    def batches(self):
        return zip(self.images.split(BATCH), self.labels.split(BATCH))

    def value(self):
        with torch.no_grad():
            return sum(self.loss(*batch).item() for batch in self.batches())

    def product(self):
        total = [torch.zeros_like(p) for p in self.parameters]
        for batch in self.batches():
            gradients = torch.autograd.grad(self.loss(*batch), self.parameters, create_graph=True)
            inner = sum((g * v).sum() for g, v in zip(gradients, self.x))
            for sum_, part in zip(total, torch.autograd.grad(inner, self.parameters)):
                sum_ += part
        return total

    def product_seconds(self, times):
        start = time.perf_counter()
        for _ in range(times):
            self.product()
        return (time.perf_counter() - start) / times

    def cell_seconds(self, cells):
        centre = [p.detach().clone() for p in self.parameters]
        start = time.perf_counter()
        for x in numpy.linspace(-1, 1, cells):
            for p, w, a, b in zip(self.parameters, centre, self.x, self.y):
                p.data = w + x * a + 0 * b
            self.value()
        seconds = (time.perf_counter() - start) / cells
        for p, w in zip(self.parameters, centre):
            p.data = w
        return seconds


def memory():
    """Bytes that the process holds, and held at most."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{pages * os.sysconf('SC_PAGE_SIZE')} {peak}"


answer_commands(Session, {
    "memory": lambda _: memory(),
    "value": lambda session: session.value(),
    "product": lambda session, times: session.product_seconds(int(times)),
    "cells": lambda session, times: session.cell_seconds(int(times)),
})
