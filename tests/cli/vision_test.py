# SPDX-License-Identifier: Apache-2.0
"""Networks of images: a run, its folder, stopping and going on, and what is refused."""
import json
import math
import os
import signal
import unittest

import support
from support import DATA, DIVERGED, DONE, INTERRUPTED, MISSED, USAGE

TINY = ("--network", "resnet8", "--width", 2, "--samples", 60, "--batch", 20)


class Training(support.ProgramTest):
    def test_a_run_and_its_page(self):
        result = self.expect(DONE, "train", "--out", "run", "--threads", 1, "--json", *TINY,
                             "--test", 30, "--epochs", 3, "--snapshots", "1,3,90",
                             "--labels", "noisy:0.3")
        document = result.document
        for said in ("recipe: SGD in batches of 20, step size 0.1", "but for network.width",
                     "memory training", "an epoch is 3 steps", "epoch 1/3", "epoch 3/3", "report "):
            self.assertIn(said, result.err)
        self.assertEqual(document["kind"], "vision-run")
        self.assertEqual(document["stopped_by"], "epochs")
        self.assertEqual((document["epochs"], document["snapshots"]), (3, [1, 3]))
        self.assertEqual(document["network"]["name"], "resnet8")
        self.assertEqual(document["recipe"]["weight_decay"], 1e-4)
        self.assertTrue(5 <= document["data"]["changed_labels"] <= 30)

        lines = self.lines_of("run/metrics.jsonl")
        self.assertEqual([line["epoch"] for line in lines], [1, 2, 3])
        for line in lines:
            for name in ("objective", "accuracy", "test_objective", "test_accuracy", "radius",
                         "step_linear", "step_gap", "step_length", "seconds"):
                self.assertTrue(math.isfinite(line[name]), name)
        self.assertGreater(lines[0]["squared_gradient"], 0)
        self.assertNotIn("squared_gradient", lines[1])

        tensors = support.read_safetensors(self.folder / "run/snapshots/epoch-003.safetensors")
        self.assertEqual(tensors["conv1.weight"][:2], ("F32", (2, 1, 3, 3)))
        self.assertEqual(tensors["layer3.0.bn2.running_var"][:2], ("F32", (8,)))
        shape, kind, _ = support.read_npy(self.folder / "run/arrays/labels.npy")
        self.assertEqual((shape, kind), ((60,), "<i8"))

        page = (self.folder / "run/report.html").read_text()
        for part in ("resnet8 on images", "Gradient over loss", "Theorem 4", "Snapshots"):
            self.assertIn(part, page)
        (self.folder / "run/report.html").unlink()
        self.assertIn("report.html", self.expect(DONE, "report", "run").out)
        self.assertEqual((self.folder / "run/report.html").read_text(), page)
        self.refuse(DATA, ["run.json", "network of images", "landscape"], "verify", "run")

    def test_stopped_and_resumed(self):
        arguments = (*TINY, "--epochs", 25, "--snapshots", "", "--threads", 1, "--quiet", "--json")
        self.expect(DONE, "train", "--out", "whole", *arguments)
        process = self.start("train", "--out", "parts", *arguments)
        self.wait_until(lambda: len(self.lines_of("parts/metrics.jsonl")) >= 3, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (INTERRUPTED, ""))
        self.assertEqual(json.loads(out)["stopped_by"], "interrupted")
        self.assertNotIn("run.json", self.files_in("parts"))
        self.expect(DONE, "train", "--out", "parts", "--resume", *arguments)
        for name in ("weights.safetensors", "checkpoint/state.safetensors"):
            # Checkpoints hold the wall time, which has as many digits as it likes.
            tensors = [support.read_safetensors(self.folder / run / name) for run in ("whole", "parts")]
            self.assertEqual(*tensors)
        curves = [[{**line, "seconds": 0} for line in self.lines_of(f"{run}/metrics.jsonl")]
                  for run in ("whole", "parts")]
        self.assertEqual(*curves)

    def test_exit_codes(self):
        short = (*TINY, "--epochs", 1)
        document = self.train(*short, "--step", 1e30, code=DIVERGED)
        self.assertEqual(document["stopped_by"], "not_finite")
        self.assertIsNone(document["objective"])
        document = self.train(*short, "--target-accuracy", 1, code=MISSED, out="missed")
        self.assertEqual(document["stopped_by"], "epochs")

    def test_settings_of_images_are_told_to_others(self):
        result = self.expect(DONE, "train", "--out", "fc", "--samples", 8, "--width", 16, "--step",
                             0.01, "--max-steps", 2, "--threads", 1, "--quiet", "--epochs", 3)
        self.assertIn("--epochs: train.epochs has no effect with --network fc", result.err)


class Refusals(support.ProgramTest):
    def test_unknown_network(self):
        self.refuse_train(USAGE, ["--network", '"resnet33"', 'did you mean "resnet32"'],
                          "--network", "resnet33")

    def test_images_that_are_not_square(self):
        support.write_idx(self.folder / "t10k-images-idx3-ubyte", (6, 4, 6), support.pixels(6, 24))
        support.write_idx(self.folder / "t10k-labels-idx1-ubyte", (6,), [0, 1, 2, 0, 1, 2])
        self.refuse_train(USAGE, ["4 x 6", "square"], "--network", "resnet8", "--data", ".")

    def test_settings_of_other_networks(self):
        self.refuse_train(USAGE, ["--depth", "network.depth", "resnet8", '"2"'], *TINY, "--depth", 2)
        self.refuse_train(USAGE, ["--method", "must be sgd", '"gd"'], *TINY, "--method", "gd")

    def test_a_network_for_larger_images(self):
        self.refuse_train(USAGE, ["vgg19", "32 x 32", "28 x 28"], "--network", "vgg19")

    def test_other_commands(self):
        said = ["--network", "resnet20 is a network of images", "train and landscape take it"]
        self.refuse(USAGE, said, "plan", "--network", "resnet20")
        self.refuse(USAGE, said, "ntk", "--network", "resnet20")
        self.refuse(USAGE, said, "sweep", "--network", "resnet20", "--over", "seed=0..1",
                    "--out", "swept")
        self.assertEqual(self.files_in("swept"), [])

    def test_a_run_that_is_damaged(self):
        (self.folder / "run").mkdir()
        (self.folder / "run/run.json").write_text('{"kind": "vision-run"}')
        self.refuse(DATA, ["run.json", "damaged"], "report", "run")


@unittest.skipUnless(support.TEST_DATA, "OVERPARAM_TEST_DATA is not set")
class Cifar(support.ProgramTest):
    def test_one_epoch(self):
        document = self.train("--network", "resnet8", "--epochs", 1, "--samples", 200, "--test", 100,
                              "--data", os.path.join(support.TEST_DATA, "cifar-10-batches-bin"))
        self.assertEqual(document["data"]["mean"], [0.4914, 0.4822, 0.4465])
        self.assertEqual(document["network"]["width"], 16)
        self.assertEqual(document["data"]["channels"], 3)


if __name__ == "__main__":
    support.main()
