# SPDX-License-Identifier: Apache-2.0
"""The processes that are measured: workers that answer line by line, and runs of the program."""

import contextlib
import functools
import json
import os
import pathlib
import subprocess
import tempfile
import time

PYTHON = "/usr/bin/python3"  # the one that has Debian's PyTorch
HERE = pathlib.Path(__file__).resolve().parent
WAITING = {"default": {}, "passive waiting": {"OMP_WAIT_POLICY": "passive"}}


class Failed(Exception):
    """A measurement that says nothing: a side died, or the two sides did different things."""


def clean_environment():
    """Without a user's settings of threads, of the BLAS or of the program."""
    foreign = ("OPENBLAS_", "OMP_", "GOMP_", "OVERPARAM_")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign)}


class Side:
    """A process that answers one line for each line it is given."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment() | environment,
        )

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("unknown command"):
            raise Failed(f"{self.process.args[-1]}: no answer to {words}: {answer}")
        return answer

    def knows(self, *words):
        """Whether it takes this command; one that does not has ended."""
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        return bool(answer) and not answer.startswith("unknown command")

    def seconds(self, *what):
        return float(self.ask(*what))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Run:
    """A finished run of `overparam train`."""

    def __init__(self, folder, code, wall, peak_bytes):
        self.folder, self.code, self.wall, self.peak_bytes = folder, code, wall, peak_bytes
        metrics = (folder / "metrics.jsonl").read_text().splitlines()
        self.lines = [json.loads(line) for line in metrics]
        self.record = json.loads((folder / "run.json").read_text())

    @property
    def ratio(self):
        """F / F_0 at the end."""
        return self.lines[-1]["objective"] / self.lines[0]["objective"]

    @property
    def steps(self):
        return self.lines[-1]["step"]

    @property
    def seconds(self):
        """Of training alone; `wall` has reading, measuring lambda_max and writing in it."""
        return self.lines[-1]["seconds"]

    @property
    def seconds_per_step(self):
        return (self.seconds - self.lines[0]["seconds"]) / max(self.steps, 1)

    @property
    def accuracy(self):
        return self.lines[-1]["accuracy"]


class Bench:
    """Where the built programs and the data are, and how thoroughly to measure."""

    def __init__(self, folder, data=None, quick=False):
        self.folder = pathlib.Path(folder).resolve()
        self.data, self.quick = data, quick

    def worker(self, name="", **environment):
        return Side([str(self.folder / f"overparam_bench{name}_worker")], **environment)

    @functools.cached_property
    def kernels(self):
        """The kernels of OpenBLAS that our side found, for PyTorch too: an older OpenBLAS does not know
        every processor."""
        side = self.worker("_phase")
        name = side.ask("kernels").rstrip(".")
        side.close()
        return {"OPENBLAS_CORETYPE": name} if name else {}

    def peer(self, script, **environment):
        """PyTorch's side."""
        return Side([PYTHON, str(HERE / script)], **self.kernels, **environment)

    def rounds(self, usual):
        return 1 if self.quick else usual

    @property
    def digits(self):
        """What `--data` gets, and what it is called on the page."""
        if self.data is None:
            return "digits", "generated digits (no MNIST was given)"
        return str(self.data), "MNIST digits"

    def has_method(self, method):
        text = subprocess.run(
            [self.folder / "overparam", "train", "--help"],
            capture_output=True, text=True, check=True, env=clean_environment(),
        ).stdout
        return method in text

    @contextlib.contextmanager
    def train(self, **settings):
        """A run in a folder that is gone afterwards; `max_steps=3` becomes `--max-steps 3`."""
        words = [
            word
            for name, value in settings.items()
            for word in ("--" + name.replace("_", "-"), str(value))
        ]
        with tempfile.TemporaryDirectory() as parent:
            folder = pathlib.Path(parent) / "run"
            command = [self.folder / "overparam", "train", *words, "--out", folder, "--quiet", "--json"]
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean_environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (0, 1):  # 1: a target was missed, which is a result
                raise Failed(f"overparam train {' '.join(words)}: exit {process.returncode}")
            wall = time.perf_counter() - start
            yield Run(folder, process.returncode, wall, 1024 * usage.ru_maxrss)
