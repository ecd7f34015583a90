# SPDX-License-Identifier: Apache-2.0
"""Measures the library, and the same work in PyTorch beside it; writes docs/benchmarks.md.

Each section's numbers are kept in build/bench/NAME.json. Sections that are not measured stay on the
page as they are.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys
import time

import compare
import compare_kernels
import compare_landscapes
import curves
import long_runs
import machine
import newton
import page
import phases
import race
import rates
import scaling
from sides import Bench, Failed

ROOT = pathlib.Path(__file__).resolve().parent.parent

# name, heading, module, minutes on two cores
SECTIONS = {
    "rates": ("What the machine can do", rates, 1),
    "race": ("Time to the global minimum", race, 14),
    "newton": ("Gauss-Newton to rounding", newton, 3),
    "steps": ("Training steps", compare, 7),
    "curve": ("Narrow products to the end", curves.SMALL, 7),
    "kernels": ("Kernels", compare_kernels, 3),
    "landscapes": ("Landscapes", compare_landscapes, 6),
    "scaling": ("Scaling", scaling, 3),
    "phases": ("Phases", phases, 2),
    "long": ("Five thousand samples", long_runs.THOUSANDS, 15),
    "long-curve": ("Narrow products to the end, a thousand samples", curves.FULL, 95),
    "longest": ("Ten thousand samples", long_runs.TEN_THOUSAND, 60),
}
NEED_NEWTON = {"race", "newton", "long", "longest"}
LONG = ("long", "long-curve", "longest")


def data_folder(given):
    """MNIST, if it was named."""
    if given:
        return pathlib.Path(given).resolve()
    folder = os.environ.get("OVERPARAM_TEST_DATA")
    mnist = pathlib.Path(folder) / "mnist" if folder else None
    return mnist.resolve() if mnist and mnist.is_dir() else None


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bin", type=pathlib.Path, help="folder of the built programs")
    parser.add_argument("--data", help="folder of MNIST (or OVERPARAM_TEST_DATA/mnist; else generated digits)")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections")
    parser.add_argument("--long", action="store_true", help="the long runs alone, about three hours")
    parser.add_argument("--quick", action="store_true",
                        help="one round of few cases, to try the scripts; all goes to build/bench/quick")
    return parser.parse_args()


def blas_of(bench):
    side = bench.worker("_phase")
    answer = side.ask("blas")
    side.close()
    return answer


def main():
    options = parse()
    names = options.only or [name for name in SECTIONS if (name in LONG) == options.long]
    bench = Bench(options.bin, data_folder(options.data), options.quick)
    results = ROOT / "build" / "bench" / ("quick" if options.quick else "")
    results.mkdir(parents=True, exist_ok=True)
    target = results / "benchmarks.md" if options.quick else ROOT / "docs" / "benchmarks.md"
    if not options.quick:
        minutes = sum(SECTIONS[name][2] for name in names)
        print(f"Measures {', '.join(names)}: about {minutes} minutes on two cores, which must be idle.")
    if bench.data is None and NEED_NEWTON & set(names):
        print("No MNIST was given (--data, or OVERPARAM_TEST_DATA): generated digits stand in for it.")
    titles = [title for title, _, _ in SECTIONS.values()]
    blas, failed = blas_of(bench), False
    for name in names:
        title, module, _ = SECTIONS[name]
        if name in NEED_NEWTON and not bench.has_method("gauss-newton"):
            print(f"{title}: left out, this build has no method gauss-newton")
            continue
        print(f"{title} ...", flush=True)
        start = time.perf_counter()
        try:
            tables = module.measure(bench)
        except Failed as failure:
            failed = True
            print(f"{title}: not written: {failure}", flush=True)
            continue
        content = {"date": machine.today(), "commit": machine.commit(), "machine": machine.short_words(),
                   "tables": [dataclasses.asdict(table) for table in tables]}
        (results / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        page.update(target, titles, title, tables, blas)
        print(f"{title}: {time.perf_counter() - start:.0f} s", flush=True)
    print(f"The page is {os.path.relpath(target)}.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
