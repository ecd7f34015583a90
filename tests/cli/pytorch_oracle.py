# SPDX-License-Identifier: Apache-2.0
"""Repeats a finished gradient-descent run in PyTorch, from the definition alone:

    h_0 = relu(x A^T)    h_l = relu(h_{l-1} W_l^T), l = 1..L    y = h_L B^T
    F = sum_i |y_i - t_i|^2 / 2    or    F = sum_i cross-entropy(softmax(y_i), t_i)
    W_l <- W_l - eta dF/dW_l, l = 1..L; A and B stay

in float64 with autograd, from the run's initial weights, inputs and targets, and compares the
objective at every recorded step, the outputs at the end and lambda_max. By hand:

    python3 tests/cli/pytorch_oracle.py RUN [--tolerance 1e-6] [--steps 20] [--idx IMAGES]
"""
import argparse
import gzip
import json
import pathlib
import sys

import numpy
import torch

import support

TYPES = {"F32": "<f4", "F64": "<f8"}
LAMBDA_TOLERANCE = 2e-3  # the program's Lanczos process stops at 1e-3


def read_weights(path):
    """A, [W_1, ..., W_L] and B as float64 tensors."""
    tensors = {
        name: torch.from_numpy(numpy.frombuffer(data, TYPES[kind]).reshape(shape).astype("float64"))
        for name, (kind, shape, data) in support.read_safetensors(path).items()}
    hidden = [tensors.pop(f"W.{layer}") for layer in range(1, len(tensors) - 1)]
    assert sorted(tensors) == ["A", "B"], sorted(tensors)
    return tensors["A"], hidden, tensors["B"]


def forward(inputs, first, hidden, last):
    features = torch.relu(inputs @ first.T)
    for weights in hidden:
        features = torch.relu(features @ weights.T)
    return features @ last.T


def objective(loss, outputs, targets):
    if loss == "squared":
        return (outputs - targets).square().sum() / 2
    return -(targets * torch.log_softmax(outputs, dim=1)).sum()


def largest_eigenvalue(outputs, hidden, steps=100):
    """Of K = J J^T at the current weights, by the power method; J v by the double-backward trick."""
    direction = torch.randn_like(outputs)
    probe = torch.zeros_like(outputs, requires_grad=True)
    pulled = torch.autograd.grad(outputs, hidden, probe, create_graph=True)
    value = 0.0
    for _ in range(steps):
        direction = direction / direction.norm()
        back = torch.autograd.grad(outputs, hidden, direction, retain_graph=True)  # J^T v
        product = torch.autograd.grad(pulled, probe, back, retain_graph=True)[0]   # J J^T v
        former, value = value, float((direction * product).sum())
        direction = product
        if abs(value - former) <= 1e-5 * value:
            break
    return value


def descend(run, record, steps):
    """Objectives at steps 0..steps, outputs at the last of them, and lambda_max at the start."""
    arrays = [numpy.load(run / f"arrays/{name}.npy").astype("float64")
              for name in ("inputs", "targets")]
    inputs, targets = map(torch.from_numpy, arrays)
    first, hidden, last = read_weights(run / "weights-initial.safetensors")
    for weights in hidden:
        weights.requires_grad_(True)
    objectives, largest = [], None
    for step in range(steps + 1):
        outputs = forward(inputs, first, hidden, last)
        if step == 0:
            largest = largest_eigenvalue(outputs, hidden)
        value = objective(record["loss"], outputs, targets)
        objectives.append(value.item())
        if step == steps:
            return objectives, outputs.detach(), largest
        for weights, gradient in zip(hidden, torch.autograd.grad(value, hidden)):
            with torch.no_grad():
                weights -= record["step_size"] * gradient
    raise AssertionError("unreachable")


def sphere_inputs(images, count):
    """The first images of an IDX file, each scaled to norm 1/sqrt 2, with 1/sqrt 2 appended."""
    content = images.read_bytes()
    if images.suffix == ".gz":
        content = gzip.decompress(content)
    sizes = numpy.frombuffer(content, ">u4", count=4)[1:]
    rows = numpy.frombuffer(content, "u1", offset=16).reshape(sizes[0], -1)[:count]
    rows = rows.astype("float64")
    half = numpy.sqrt(0.5)
    scaled = half * rows / numpy.linalg.norm(rows, axis=1, keepdims=True)
    return numpy.hstack([scaled, numpy.full((count, 1), half)])


def compare(run, steps=None, tolerance=1e-6, images=None):
    """The largest relative differences to the run, by name; AssertionError beyond tolerance."""
    run = pathlib.Path(run)
    record = json.loads((run / "run.json").read_text())
    assert record["method"] == "gd", "batches of SGD are not recorded"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    recorded = {line["step"]: line["objective"] for line in lines}
    steps = record["steps"] if steps is None else steps
    missing = set(range(steps + 1)) - recorded.keys()
    assert not missing, f"steps {sorted(missing)} are not recorded"

    objectives, outputs, largest = descend(run, record, steps)
    differences = {"objective": max(abs(recorded[step] / value - 1)
                                    for step, value in enumerate(objectives))}
    limits = {"objective": tolerance, "lambda_max": LAMBDA_TOLERANCE, "outputs": tolerance}
    differences["lambda_max"] = abs(record["lambda_max"] / largest - 1)
    if steps == record["steps"]:
        stored = torch.from_numpy(numpy.load(run / "arrays/outputs.npy").astype("float64"))
        differences["outputs"] = float((stored - outputs).norm() / outputs.norm())
    if images is not None:
        stored = numpy.load(run / "arrays/inputs.npy").astype("float64")
        differences["inputs"] = float(abs(stored - sphere_inputs(images, len(stored))).max())
        limits["inputs"] = 1e-6  # pixels are read as float32
    for name, difference in differences.items():
        assert difference <= limits[name], f"{name}: {difference:.3g} exceeds {limits[name]:.3g}"
    return differences


def main():
    parser = argparse.ArgumentParser(description="compare a finished gd run with PyTorch")
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--steps", type=int, help="compare this many (all)")
    parser.add_argument("--idx", type=pathlib.Path, help="IDX file that the inputs come from")
    options = parser.parse_args()
    try:
        found = compare(options.run, options.steps, options.tolerance, options.idx)
    except AssertionError as fault:
        sys.exit(f"{options.run}: {fault}")
    for name, difference in found.items():
        print(f"{name}: largest relative difference {difference:.2g}")


if __name__ == "__main__":
    main()
