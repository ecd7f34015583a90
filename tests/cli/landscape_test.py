# SPDX-License-Identifier: Apache-2.0
"""Landscapes of a run: the command, its files, stopping and going on, and what is refused."""
import json
import math
import signal
import unittest

import support
from support import DATA, DONE, INTERRUPTED, USAGE

TINY = ("--network", "resnet8", "--width", 2, "--samples", 40, "--batch", 20, "--image-size", 7,
        "--epochs", 3, "--snapshots", "1,2")
QUICK = ("--threads", 1, "--products", 8, "--check-products", 4)


class Landscape(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.train(*TINY)

    def test_a_landscape_and_its_page(self):
        result = self.expect(DONE, "landscape", "run", "--grid", "5x3", "--json", *QUICK)
        for said in ("epoch 1: f = ", "most negative curvature: v'Hv = ", "residual", "report "):
            self.assertIn(said, result.err)
        document = result.document
        self.assertEqual(document["kind"], "landscape")
        self.assertEqual([point["name"] for point in document["landscapes"]],
                         ["epoch 1", "epoch 2", "epoch 3"])
        for point in document["landscapes"]:
            self.assertEqual((len(point["x"]), len(point["y"])), (5, 3))
            self.assertGreater(point["criteria"]["drop"], 0)
        folder = self.folder / "run/landscape"
        shape, kind, _ = support.read_npy(folder / "epoch-2/cells.npy")
        self.assertEqual((shape, kind), ((2, 3, 5), "<f8"))
        rows = (folder / "epoch-2/cells.csv").read_text().splitlines()
        self.assertEqual((rows[0], len(rows)), ("x,y,objective,accuracy", 16))
        self.assertEqual(json.loads((folder / "landscapes.json").read_text())["kind"], "landscape")
        for name in ("figures/surfaces.svg", "figures/surfaces-contours.svg"):
            self.assertIn("<svg", (folder / name).read_text())
        page = (folder / "report.html").read_text()
        for part in ("The objective around the weights", "Curvature, with evidence", "epoch 3"):
            self.assertIn(part, page)

        # Again: everything is there. Other settings: nothing is overwritten unasked.
        again = self.expect(DONE, "landscape", "run", "--grid", "5x3", "--json", *QUICK)
        self.assertIn("directions were found before", again.err)
        self.refuse(USAGE, ["other settings", "--fresh"], "landscape", "run", "--grid", 4, "--quiet",
                    *QUICK)

    def test_what_has_no_effect_is_said(self):
        result = self.expect(DONE, "landscape", "run", "--at", "last", "--grid", 2, "--sigma", 0.1,
                             "--check", "lanczos", *QUICK)
        self.assertIn("--sigma: landscape.sigma has no effect", result.err)
        self.assertIn("no second opinion", result.err)

    def test_stopped_and_resumed(self):
        drawn = ("--at", "last", "--axes", "random,random2", "--grid", 61, "--quiet", *QUICK)
        self.expect(DONE, "landscape", "run", "--out", "whole", *drawn)
        process = self.start("landscape", "run", "--out", "parts", *drawn)
        cells = self.folder / "parts/epoch-3"
        self.wait_until(lambda: cells.is_dir() and any(cells.glob("cells*")), process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertFalse((self.folder / "parts/report.html").exists())
        self.assertFalse((cells / "cells.npy").exists())
        self.expect(DONE, "landscape", "run", "--out", "parts", *drawn)
        tensors = [support.read_npy(self.folder / name / "epoch-3/cells.npy")
                   for name in ("whole", "parts")]
        self.assertEqual(*tensors)

    def test_refusals(self):
        def refuse(code, words, *arguments):
            self.refuse(code, words, "landscape", "run", "--quiet", "--out", "refused", *QUICK,
                        *arguments)
            self.assertEqual(self.files_in("refused"), [])
        refuse(USAGE, ["--range", "LOW < HIGH"], "--range", "1:1")
        refuse(USAGE, ["--grid", "at least 2"], "--grid", "1")
        refuse(USAGE, ["--at", 'no point "7"', "epoch 1"], "--at", "7")
        weights = support.read_safetensors(self.folder / "run/weights.safetensors")
        count = sum(math.prod(shape) for name, (_, shape, _) in weights.items()
                    if "running" not in name)
        support.write_npy(self.folder / "zero.npy", [0.0] * count, (count,))
        refuse(USAGE, ["zero.npy", "no length"], "--axes", "file:zero.npy")
        support.write_npy(self.folder / "short.npy", [1.0] * 7, (7,))
        refuse(DATA, ["short.npy", "7 numbers"], "--axes", "file:short.npy")
        (self.folder / "module.pt").write_text("no module")
        support.write_npy(self.folder / "arrays.npz", [1.0], (1,))
        self.refuse(DATA, ["arrays.npz"], "landscape", "module.pt", "--quiet", "--arrays", "arrays.npz")
        self.refuse(USAGE, ["module.pt", "--arrays"], "landscape", "module.pt", "--quiet")
        self.refuse(DATA, ["nowhere"], "landscape", "nowhere", "--quiet")


if __name__ == "__main__":
    support.main()
