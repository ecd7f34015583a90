# SPDX-License-Identifier: Apache-2.0
"""Processes that are measured in turn, and the ratios between them."""

import os
import statistics
import subprocess
import sys


class Side:
    """A process that answers one line for each line it is given."""

    def __init__(self, command, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "GOMP_"))}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean | environment
        )

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"{sys.argv[0]}: {self.process.args[-1]} ended without an answer")
        return answer

    def seconds(self, *what):
        return float(self.ask(*what))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def spread(ratios):
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
