# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare_kernels.py: the tangent kernel of a fully connected network between two
data sets, (n d, n' d), in three ways.

Reads commands from standard input and answers one line each: `open METHOD FOLDER`, `kernel K`, and
`away FILE`, how far the kernel is from that of a file, relative to its largest entry.
"""

import pathlib
import time

import numpy
import torch

from answering import answer_commands


def hadamard_of_grams(deltas, features, n):
    """sum_l <delta^a_i, delta^b_j> <z_i, z_j> for deltas (d, n + n', m_l): (n d, n' d)."""
    kernel = 0
    for delta, z in zip(deltas, features):
        d = delta.shape[0]
        left, right = delta[:, :n].reshape(d * n, -1), delta[:, n:].reshape(-1, delta.shape[2])
        products = (left @ right.t()).view(d, n, d, -1)
        kernel = kernel + products * (z[:n] @ z[n:].t())[None, :, None, :]
    return kernel.permute(1, 0, 3, 2).reshape(n * d, -1)


class Session:
    def __init__(self, method, folder):
        folder = pathlib.Path(folder)

        def load(name):
            return torch.from_numpy(numpy.load(folder / (name + ".npy")))

        count = len(list(folder.glob("block*.npy")))
        self.blocks = [load(f"block{k}") for k in range(count)]
        self.inputs, self.others = load("inputs"), load("others")
        self.make = {
            "autograd": self.by_autograd,
            "hand": self.by_hand,
            "jacobian": self.by_jacobian,
        }[method]
        self.kernel = None

    def by_autograd(self):
        """Forward once, one reverse pass an output for all samples, then Grams of its deltas."""
        z = torch.cat([self.inputs, self.others])
        features, pre_activations = [], []
        for weight in self.blocks[:-1]:
            g = torch.nn.functional.linear(z, weight).requires_grad_()
            features.append(z.detach())
            pre_activations.append(g)
            z = torch.relu(g)
        outputs = torch.nn.functional.linear(z, self.blocks[-1])
        features.append(z.detach())
        wanted = [*pre_activations, outputs]
        d = outputs.shape[1]
        passes = [
            torch.autograd.grad(outputs[:, a].sum(), wanted[:-1], retain_graph=a + 1 < d)
            for a in range(d)
        ]
        deltas = [torch.stack(one) for one in zip(*passes)]
        deltas.append(torch.eye(d)[:, None, :].expand(d, len(z), d))
        return hadamard_of_grams(deltas, features, len(self.inputs))

    @torch.no_grad()
    def by_hand(self):
        """No autograd: all outputs of all samples are rows of one product."""
        features = [torch.cat([self.inputs, self.others])]
        for weight in self.blocks[:-1]:
            features.append(torch.mm(features[-1], weight.t()).relu_())
        d, rows = len(self.blocks[-1]), len(features[0])
        n = len(self.inputs)
        delta = self.blocks[-1][:, None, :]
        deltas = []
        for k in range(len(self.blocks) - 2, -1, -1):
            delta = delta * (features[k + 1] > 0)  # (d, n + n', m)
            deltas.append(delta)
            if k > 0:
                delta = torch.mm(delta.reshape(d * rows, -1), self.blocks[k]).view(d, rows, -1)
        kernel = hadamard_of_grams(deltas[::-1], features[:-1], n)
        last = features[-1]
        for a in range(d):
            kernel[a::d, a::d] += last[:n] @ last[n:].t()
        return kernel

    def by_jacobian(self):
        """J J'^T, one block of weights after another, and the others' rows a sample at a time:
        whole Jacobians of both sides would take 15 GB."""
        kernel = 0
        for k in range(len(self.blocks)):
            d = len(self.blocks[-1])
            rows = torch.empty(len(self.inputs) * d, self.blocks[k].numel())
            for i, x in enumerate(self.inputs):
                rows[i * d : (i + 1) * d] = self.jacobian_of(x, k)
            kernel = kernel + torch.cat(
                [rows @ self.jacobian_of(x, k).t() for x in self.others], dim=1
            )
        return kernel

    def jacobian_of(self, sample, k):
        """d y / d W_k of one sample, (d, numbers of W_k)."""
        blocks = [weight.detach() for weight in self.blocks]
        blocks[k].requires_grad_()
        z = sample[None]
        for weight in blocks[:-1]:
            z = torch.relu(torch.nn.functional.linear(z, weight))
        outputs = torch.nn.functional.linear(z, blocks[-1])[0]
        d = len(outputs)
        gradients = [
            torch.autograd.grad(outputs[a], blocks[k], retain_graph=a + 1 < d)[0] for a in range(d)
        ]
        return torch.stack(gradients).view(d, -1)

    def distance_to(self, kernel):
        return abs(self.kernel.numpy() - kernel).max() / abs(kernel).max()

    def seconds(self, times):
        self.kernel = None  # frees the last one first, as a loop of a user would
        if times > 1:
            self.make()
        start = time.perf_counter()
        for _ in range(times):
            self.kernel = self.make()
        return (time.perf_counter() - start) / times


answer_commands(Session, {
    "kernel": lambda session, times: session.seconds(int(times)),
    "away": lambda session, file: session.distance_to(numpy.load(file)),
})
