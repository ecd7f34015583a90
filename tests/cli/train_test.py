# SPDX-License-Identifier: Apache-2.0
"""The names that scripts rely on: keys of the result, files of a run, tensors in them, settings and
the order of their layers."""
import json
import math
import struct

import support
from support import DONE, MISSED

RESULT_KEYS = {
    "schema", "version", "kind", "initial_objective", "objective", "steps", "train_accuracy",
    "separation", "stopped_by", "reached_target", "step_size", "lambda_max", "predicted_steps",
    "normalisation", "seconds", "certificate", "environment", "settings"}
RUN_FILES = {
    "run.json", "config.toml", "metrics.jsonl", "report.html", "weights-initial.safetensors",
    "weights.safetensors", "arrays/inputs.npy", "arrays/targets.npy", "arrays/outputs.npy"}


class Run(support.ProgramTest):
    """One run, looked at from all sides."""
    N, TEST, M, L, D, DX = 20, 10, 32, 2, 10, 28 * 28 + 1

    def test_run(self):
        document = self.train("--data", "digits", "--samples", self.N, "--test", self.TEST,
                              "--width", self.M, "--depth", self.L, "--max-steps", 5)
        self.check_result(document)
        self.check_files(document)
        self.check_tensors()
        self.check_arrays(document)
        self.check_certificate(document)
        self.check_repetition()

    def check_result(self, document):
        self.assertLessEqual(RESULT_KEYS | {"test_accuracy"}, document.keys())
        self.assertEqual(document["kind"], "train")
        self.assertEqual(document["steps"], 5)
        self.assertEqual(document["stopped_by"], "max_steps")
        self.assertEqual(document["normalisation"], "sphere")
        self.assertLess(document["objective"], document["initial_objective"])
        self.assertAlmostEqual(document["step_size"] * document["lambda_max"], 1, delta=1e-12)
        self.assertGreater(document["separation"], 0)
        for name in ("train_accuracy", "test_accuracy"):
            self.assertTrue(0 <= document[name] <= 1)
        self.assertEqual(document["data"]["samples"], self.N)
        self.assertEqual(document["network"]["width"], self.M)

    def check_files(self, document):
        self.assertLessEqual(RUN_FILES, set(self.files_in("run")))
        stored = json.loads((self.folder / "run/run.json").read_text())
        self.assertEqual(stored, document)
        metrics = self.lines_of("run/metrics.jsonl")
        self.assertEqual([line["step"] for line in metrics], list(range(6)))
        self.assertEqual(metrics[0]["objective"], document["initial_objective"])
        self.assertEqual(metrics[-1]["objective"], document["objective"])
        self.assertIn("</html>", (self.folder / "run/report.html").read_text())

    def check_tensors(self):
        shapes = {"A": (self.M, self.DX), "B": (self.D, self.M)}
        shapes |= {f"W.{layer}": (self.M, self.M) for layer in range(1, self.L + 1)}
        before = support.read_safetensors(self.folder / "run/weights-initial.safetensors")
        after = support.read_safetensors(self.folder / "run/weights.safetensors")
        for tensors in (before, after):
            self.assertEqual({name: tensor[1] for name, tensor in tensors.items()}, shapes)
            self.assertEqual({tensor[0] for tensor in tensors.values()}, {"F32"})
        moved = {name for name in shapes if before[name][2] != after[name][2]}
        self.assertEqual(moved, {"W.1", "W.2"}, "only the hidden layers are trained")

    def check_arrays(self, document):
        shapes = {"inputs": (self.N, self.DX), "targets": (self.N, self.D),
                  "outputs": (self.N, self.D)}
        values = {}
        for name, shape in shapes.items():
            found, kind, data = support.read_npy(self.folder / f"run/arrays/{name}.npy")
            self.assertEqual((found, kind), (shape, "<f4"))
            values[name] = struct.unpack(f"<{math.prod(shape)}f", data)
        for row in range(self.N):
            inputs = values["inputs"][row * self.DX:(row + 1) * self.DX]
            self.assertAlmostEqual(math.fsum(x * x for x in inputs), 1, places=5)
            self.assertAlmostEqual(inputs[-1], math.sqrt(0.5), places=6)
            self.assertEqual(sorted(values["targets"][row * self.D:(row + 1) * self.D]),
                             [0] * (self.D - 1) + [1])
        pairs = zip(values["outputs"], values["targets"])
        objective = math.fsum((y - t) ** 2 for y, t in pairs) / 2
        self.assertAlmostEqual(objective / document["objective"], 1, places=5)

    def check_certificate(self, document):
        certificate = self.expect(DONE, "verify", "run", "--json").document
        self.assertEqual(certificate["certificate"], document["certificate"])
        for line in certificate["certificate"]:
            self.assertLessEqual({"claim", "quantity", "measured", "bound", "holds"}, line.keys())

    def check_repetition(self):
        """config.toml alone gives the same run; `report` gives the same page."""
        self.train("--config", "run/config.toml", out="again")
        for name in ("weights.safetensors", "arrays/outputs.npy"):
            self.assertEqual((self.folder / "again" / name).read_bytes(),
                             (self.folder / "run" / name).read_bytes(), name)
        page = (self.folder / "run/report.html").read_text()
        (self.folder / "run/report.html").unlink()
        self.assertEqual(self.expect(DONE, "report", "run").out, "run/report.html\n")
        document = self.expect(DONE, "report", "run", "--json").document
        self.assertEqual((document["kind"], document["report"]), ("report", "run/report.html"))
        self.assertEqual((self.folder / "run/report.html").read_text(), page)


class Targets(support.ProgramTest):
    SETTINGS = ("--samples", 10, "--width", 64)

    def test_reached_then_missed_in_one_folder(self):
        reached = self.train(*self.SETTINGS, "--target-ratio", 0.5)
        self.assertEqual((reached["stopped_by"], reached["reached_target"]), ("target_ratio", True))
        self.assertLessEqual(reached["objective"], 0.5 * reached["initial_objective"])
        self.assertNotIn("test_accuracy", reached)
        self.refuse(support.USAGE, ["a finished run;", "--overwrite"], "train", "--out", "run",
                    "--quiet", *self.SETTINGS, "--max-steps", 2)
        missed = self.train(*self.SETTINGS, "--target-objective", 1e-9, "--max-steps", 2,
                            "--overwrite", code=MISSED)
        self.assertEqual((missed["stopped_by"], missed["reached_target"]), ("max_steps", False))
        self.refuse(support.USAGE, ["other settings"], "train", "--out", "run", "--quiet",
                    *self.SETTINGS, "--seed", 5)


class Options(support.ProgramTest):
    def test_sgd_cross_entropy_theory(self):
        document = self.train("--samples", 12, "--width", 16, "--depth", 3, "--method", "sgd",
                              "--loss", "cross-entropy", "--labels", "noisy:0.5",
                              "--normalise", "footnote3", "--step", 0.01, "--dtype", "float64",
                              "--max-steps", 3)
        self.assertEqual(document["method"], "sgd")
        self.assertEqual(document["loss"], "cross-entropy")
        self.assertEqual(document["normalisation"], "footnote3")
        self.assertEqual(document["step_size"], 0.01)
        self.assertEqual(document["batch_size"], 12)
        self.assertIsNone(document["predicted_steps"])
        weights = support.read_safetensors(self.folder / "run/weights.safetensors")
        self.assertEqual({tensor[0] for tensor in weights.values()}, {"F64"})
        shape, _, _ = support.read_npy(self.folder / "run/arrays/inputs.npy")
        self.assertEqual(shape, (12, 28 * 28 + 2))
        # The batch was cut to the samples, and config.toml must say so to be run again.
        self.train("--config", "run/config.toml", out="again")
        self.assertEqual((self.folder / "again/weights.safetensors").read_bytes(),
                         (self.folder / "run/weights.safetensors").read_bytes())

    def test_labels_and_theory(self):
        targets = {}
        for labels in ("true", "random"):
            document = self.train("--samples", 12, "--width", 16, "--labels", labels,
                                  "--normalise", "unit", "--step", "theory", "--max-steps", 1,
                                  out=labels)
            n, d, depth, width = 12, 10, 2, 16
            expected = d * document["separation"] / (n ** 4 * depth ** 2 * width)
            self.assertAlmostEqual(document["step_size"] / expected, 1, delta=1e-9)
            path = self.folder / labels / "arrays/targets.npy"
            shape, _, targets[labels] = support.read_npy(path)
            self.assertEqual(shape, (n, d))
        self.assertNotEqual(targets["true"], targets["random"])

    def test_test_part_by_path(self):
        support.write_mnist(self.folder / "images", count=9)
        support.write_mnist(self.folder / "others", count=5)
        document = self.train("--data", "images", "--test", "others", "--width", 16,
                              "--normalise", "none", "--max-steps", 2, "--threads", 2)
        self.assertIn("test_accuracy", document)
        self.assertEqual(document["normalisation"], "none")
        self.assertIn("threads = 2", document["settings"])
        shape, _, data = support.read_npy(self.folder / "run/arrays/inputs.npy")
        self.assertEqual(shape, (9, 16))
        raw = support.pixels(9, 16)
        values = struct.unpack("<144f", data)
        self.assertTrue(all(abs(x - byte / 255) < 1e-7 for x, byte in zip(values, raw)))


class Layers(support.ProgramTest):
    def test_order(self):
        """defaults < file < environment < --set < flags; each layer decides one setting."""
        (self.folder / "my.toml").write_text(
            "[network]\nwidth = 10\ndepth = 1\n[run]\nseed = 1\n[data]\nsamples = 7\n"
            "[train]\nmax_steps = 0\n")
        document = self.train(
            "--config", "my.toml", "--set", "network.width=14", "--set", "network.depth=3",
            "--width", 16,
            env={"OVERPARAM_NETWORK_WIDTH": "12", "OVERPARAM_NETWORK_DEPTH": "2",
                 "OVERPARAM_RUN_SEED": "9"})
        self.assertEqual(document["network"]["width"], 16)   # the flag
        self.assertEqual(document["network"]["depth"], 3)    # --set
        self.assertIn("\nseed = 9\n", document["settings"])  # the environment
        self.assertEqual(document["data"]["samples"], 7)     # the file
        self.assertEqual(document["method"], "gd")           # the default


if __name__ == "__main__":
    support.main()
