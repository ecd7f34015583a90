# SPDX-License-Identifier: Apache-2.0
"""What every peer's main is."""

import os
import sys

import torch


def answer_commands(make, commands):
    """Answers each line of standard input by one, on all cores, until the input ends: `open ...` makes
    a session of the words after it, and is answered by its own entry, if it has one, or "ready"; every
    other command is a function of the session and of its words."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    session = None
    for line in sys.stdin:
        command, *words = line.split()
        if command == "open":
            session = make(*words)
            answer = commands["open"](session) if "open" in commands else "ready"
        elif command in commands:
            answer = commands[command](session, *words)
        else:
            answer = f"unknown command {command}"
        print(answer if isinstance(answer, str) else f"{answer:.9g}", flush=True)
