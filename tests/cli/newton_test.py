# SPDX-License-Identifier: Apache-2.0
"""Gauss-Newton: to the minimum where there is one, an honest end where there is none, and on from
where it was stopped."""
import signal

import support
from support import DONE, INTERRUPTED, MISSED, USAGE

NEWTON = ("--method", "gauss-newton", "--threads", 1, "--quiet", "--json")
DOUBLE = (*NEWTON, "--dtype", "float64")


class Minimum(support.ProgramTest):
    def test_reaches_it(self):
        """To 1e-20 of the start, with a word on the step size that the method does not have."""
        result = self.expect(DONE, "train", "--out", "run", *DOUBLE, "--samples", 20, "--width", 128,
                             "--target-ratio", 1e-20, "--step", 0.1)
        self.assertIn("--step: train.step has no effect with --method gauss-newton", result.err)
        document = result.document
        self.assertEqual((document["method"], document["stopped_by"]),
                         ("gauss-newton", "target_ratio"))
        self.assertLessEqual(document["objective"], 1e-20 * document["initial_objective"])
        self.assertEqual(document["train_accuracy"], 1)
        self.assertLess(document["steps"], 30)
        start, *steps = self.lines_of("run/metrics.jsonl")
        self.assertNotIn("predicted", start)
        self.assertEqual(len(steps), document["steps"])
        for line in steps:
            self.assertLessEqual({"predicted", "iterations", "residual", "lambda", "length"},
                                 line.keys())
        self.assertEqual(steps[-1]["objective"], document["objective"])
        page = (self.folder / "run/report.html").read_text()
        for words in ("Each step, predicted and real", "Why it works"):
            self.assertTrue(words in page, words)  # no dump of a long page

    def test_rounding_ends_single_precision(self):
        result = self.expect(MISSED, "train", "--out", "run", *NEWTON, "--samples", 10,
                             "--width", 64, "--target-ratio", 1e-20)
        self.assertEqual(result.document["stopped_by"], "no_descent")
        self.assertLess(result.document["objective"], 1e-9 * result.document["initial_objective"])
        for words in ("no step lowers F", "the rounding of float32", "--dtype float64 goes on"):
            self.assertIn(words, result.err)


class NoMinimum(support.ProgramTest):
    def test_conflicting_labels(self):
        result = self.expect(MISSED, "train", "--out", "run", *DOUBLE, "--data", "duplicates",
                             "--samples", 20, "--width", 128, "--target-ratio", 1e-12)
        floor = result.document["data"]["irreducible_objective"]
        self.assertGreater(floor, 0)
        self.assertEqual(result.document["stopped_by"], "stationary")
        self.assertAlmostEqual(result.document["objective"] / floor, 1, places=4)
        for words in (f"F cannot fall below {floor:.6g}", "a least-squares answer",
                      f"conflicting samples alone force {floor:.6g}"):
            self.assertIn(words, result.err)

    def test_too_narrow(self):
        result = self.expect(MISSED, "train", "--out", "run", *DOUBLE, "--samples", 60,
                             "--width", 8, "--depth", 1, "--target-ratio", 1e-12)
        self.assertEqual(result.document["stopped_by"], "stationary")
        self.assertLess(result.document["objective"], result.document["initial_objective"])
        self.assertFalse(result.document["reached_target"])
        for words in ("too narrow for certainty: 600 outputs to fit with 64 trained weights",
                      "a least-squares answer"):
            self.assertIn(words, result.err)

    def test_momentum(self):
        self.refuse_train(USAGE, ["gauss-newton", "momentum"], "--method", "gauss-newton",
                          "--momentum", 0.5, "--samples", 10, "--width", 16)


class Resuming(support.ProgramTest):
    SETTINGS = (*DOUBLE, "--samples", 60, "--width", 512, "--target-ratio", 1e-20)

    def test_goes_on_to_the_same_bits(self):
        self.expect(DONE, "train", "--out", "whole", *self.SETTINGS)
        process = self.start("train", "--out", "stopped", *self.SETTINGS)
        self.wait_until(lambda: len(self.lines_of("stopped/metrics.jsonl")) >= 2, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED, err)
        self.assertIn('"stopped_by": "interrupted"', out)
        self.assertNotIn("run.json", self.files_in("stopped"))
        self.expect(DONE, "train", "--out", "stopped", "--resume", *self.SETTINGS)
        curves = [[(line["step"], line["objective"], line.get("predicted"))
                   for line in self.lines_of(f"{folder}/metrics.jsonl")]
                  for folder in ("whole", "stopped")]
        self.assertEqual(curves[0], curves[1])
        self.assertEqual((self.folder / "whole/weights.safetensors").read_bytes(),
                         (self.folder / "stopped/weights.safetensors").read_bytes())


if __name__ == "__main__":
    support.main()
