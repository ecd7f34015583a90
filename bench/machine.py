# SPDX-License-Identifier: Apache-2.0
"""The machine, the versions and the commit behind a measurement."""

import datetime
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLAGS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "sve"]
PACKAGES = ["g++-12", "libtorch-dev", "libopenblas0-openmp", "libdnnl-dev", "python3-torch"]


def _cpu(field):
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""


def _output(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def commit():
    """Its short name, and whether sources differ from it."""
    name = _output("git", "rev-parse", "--short", "HEAD") or "unknown"
    page = ":!docs/benchmarks.md"
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", page)
    return name + (" with changes" if changed else "")


def short_words():
    cores = len(os.sched_getaffinity(0))
    return f"{_cpu('model name') or platform.machine()}, {cores} cores, {_memory_gib():.0f} GiB"


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def description(blas):
    """Rows (what, value)."""
    flags = _cpu("flags") or _cpu("Features")
    rows = [
        ("processor", _cpu("model name") or platform.machine()),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("vector instructions", ", ".join(flag for flag in FLAGS if flag in flags.split())),
        ("memory", f"{_memory_gib():.1f} GiB"),
        ("system", _output("sh", "-c", ". /etc/os-release && echo $PRETTY_NAME")),
        ("BLAS in use", blas),
    ]
    for package in PACKAGES:
        version = _output("dpkg-query", "-W", "-f", "${Version}", package)
        rows.append((package, version or "not a package here"))
    return rows
