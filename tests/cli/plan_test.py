# SPDX-License-Identifier: Apache-2.0
"""`overparam plan`: four answers before any training."""
import signal
import unittest

import support
from support import DATA, DONE, INTERRUPTED, REFUSED, TEST_DATA, USAGE

KEYS = {"schema", "version", "kind", "separation", "duplicates", "conflicting_duplicates",
        "irreducible_objective", "lambda_min", "lambda_max", "kernel_scale", "condition", "width",
        "width_interval", "step_size", "largest_step", "predicted_steps", "finite_width_excess",
        "memory", "seconds_per_step"}
QUESTIONS = ("Can these data be fitted?", "How wide?", "Which step size?", "How long?")


class PlanTest(support.ProgramTest):
    def plan(self, *arguments):
        document = self.expect(DONE, "plan", *arguments, "--threads", 1, "--json",
                               "--quiet").document
        self.assertLessEqual(KEYS, document.keys())
        self.assertEqual(document["kind"], "plan")
        return document

    def check(self, document, samples):
        """What holds between the numbers of any plan for gd on the squared loss."""
        self.assertEqual(document["samples"], samples)
        self.assertAlmostEqual(document["largest_step"], 2 * document["step_size"], delta=1e-12)
        self.assertAlmostEqual(document["condition"] * document["lambda_min"],
                               document["lambda_max"], delta=1e-6 * document["lambda_max"])
        low, high = document["width_interval"]
        self.assertTrue(0 < low <= document["width"] <= high)
        steps = document["predicted_steps"]
        self.assertEqual(steps.keys(), {"gd", "sgd", "gauss-newton"})
        self.assertLess(steps["gauss-newton"], steps["gd"])
        self.assertLessEqual(steps["gd"], steps["sgd"])
        self.assertGreater(document["finite_width_excess"], 0.5)
        self.assertGreater(document["seconds_per_step"], 0)


class Digits(PlanTest):
    NARROW = ("--samples", 16, "--width", 64, "--outputs", 10, "--target-ratio", 0.1)

    def test_numbers(self):
        document = self.plan("digits", *self.NARROW)
        self.check(document, 16)
        self.assertEqual(document["kernel_scale"], 64 / (2 * 10))
        self.assertEqual((document["duplicates"], document["irreducible_objective"]), (0, 0))
        trained = self.train("--data", "digits", *self.NARROW, "--max-steps", 20000)
        over = trained["steps"] / document["predicted_steps"]["gd"]
        self.assertAlmostEqual(document["finite_width_excess"], over, delta=0.15 * over)

    def test_words_and_page(self):
        result = self.expect(DONE, "plan", "sphere", "--samples", 8, "--width", 32, "--out", "page")
        for question in QUESTIONS:
            self.assertIn(question, result.out)
        self.assertIn("lambda_min(K_infinity)", result.out)
        files = self.files_in("page")
        for name in ("report.html", "tables/plan.csv", "figures/spectrum.svg", "figures/width.svg"):
            self.assertIn(name, files)


class Mnist(PlanTest):
    @unittest.skipUnless(TEST_DATA, "OVERPARAM_TEST_DATA does not name a folder with mnist/")
    def test_numbers(self):
        document = self.plan(f"{TEST_DATA}/mnist", "--samples", 16, "--width", 64, "--target-ratio",
                             0.1)
        self.check(document, 16)


class BadInput(PlanTest):
    def test_what_is_not_there(self):
        self.refuse(DATA, ["nowhere", "generators"], "plan", "nowhere", "--json", "--quiet")

    def test_no_room(self):
        self.refuse(REFUSED, ["1.0 MiB", "weights"], "plan", "digits", "--memory", "1MiB", "--quiet")

    def test_wrong_setting(self):
        self.refuse(USAGE, ["tau", "fc"], "plan", "digits", "--tau", "1/L", "--quiet")

    def test_conflicts(self):
        document = self.plan("duplicates", "--samples", 8, "--width", 32, "--target-ratio", 1e-4)
        self.assertEqual(document["lambda_min"], 0)
        self.assertEqual(document["conflicting_duplicates"], 2)
        self.assertIsNone(document["predicted_steps"]["gd"])
        self.assertIn("different targets", document["answers"][QUESTIONS[0]])


class Interrupted(PlanTest):
    def test_ends_with_130_and_no_result(self):
        process = self.start("plan", "digits", "--samples", 60, "--json")
        self.assertIn("data:", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (INTERRUPTED, ""), err)


if __name__ == "__main__":
    support.main()
