# SPDX-License-Identifier: Apache-2.0
"""A sweep measures each point once, however often it is stopped."""
import signal

import support
from support import DONE, MISSED, TERMINATED

LINE = ("sweep", "--over", "width=32,64,128", "--over", "seed=0..3", "--samples", 20,
        "--loss", "cross-entropy", "--max-steps", 200, "--threads", 1, "--out", "sweep")
POINTS = 12


class Sweep(support.ProgramTest):
    def rows(self):
        return self.lines_of("sweep/rows.jsonl")

    def test_stopped_half_way(self):
        process = self.start(*LINE, "--json", "--quiet")
        self.wait_until(lambda: len(self.rows()) >= 3, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (TERMINATED, ""), err)
        kept = self.rows()
        self.assertTrue(3 <= len(kept) < POINTS, len(kept))
        # What a machine that lost its power leaves behind.
        with open(self.folder / "sweep/rows.jsonl", "a", encoding="utf-8") as file:
            file.write('{"key": "cut sho')

        document = self.expect(DONE, *LINE, "--json", "--quiet").document
        self.assertEqual((document["reused"], document["run"]), (len(kept), POINTS - len(kept)))
        self.assertEqual(self.rows()[:len(kept)], kept)
        self.check_rows(document)

        again = self.expect(DONE, *LINE, "--json", "--quiet").document
        self.assertEqual((again["reused"], again["run"]), (POINTS, 0))
        self.assertEqual(again["rows"], document["rows"])
        self.assertEqual(len(self.rows()), POINTS)

    def test_report(self):
        """`report` names the command that writes the page."""
        for name, command in (("sweep.json", "overparam sweep"), ("verify.json", "overparam verify"),
                              ("rows.jsonl", "unfinished")):
            folder = self.folder / f"holds-{name}"
            folder.mkdir()
            (folder / name).write_text("{}\n")
            self.refuse(support.USAGE, [f"holds-{name}", command, "--out"], "report",
                        f"holds-{name}")

    def check_rows(self, document):
        self.assertEqual(len({row["key"] for row in self.rows()}), POINTS)
        self.assertEqual(len(self.rows()), POINTS)
        self.assertEqual([row["settings"] for row in document["rows"]],
                         [{"network.width": str(width), "run.seed": str(seed)}
                          for width in (32, 64, 128) for seed in range(4)])
        for row in document["rows"]:
            self.assertEqual((row["stopped_by"], row["numbers"]["steps"]), ("max_steps", 200))
            self.assertLess(row["numbers"]["ratio"], 1)
        laws = {(fit["x"], fit["y"]) for fit in document["fits"]}
        self.assertIn(("network.width", "lambda_max"), laws)
        # Every run was cut off, so nothing is known about the steps to a target.
        self.assertNotIn(("network.width", "steps"), laws)
        for fit in document["fits"]:
            self.assertEqual((fit["points"], fit["left_out"]), (POINTS, 0), fit)
        self.assertLessEqual({"sweep.json", "sweep.csv", "report.html"},
                             set(self.files_in("sweep")))
        table = (self.folder / "sweep/sweep.csv").read_text().splitlines()
        self.assertEqual(len(table), POINTS + 1)

    def test_failures(self):
        """One point that cannot run costs that point; a mistake in all of them is one message."""
        arguments = ("sweep", "--samples", 10, "--width", 8, "--max-steps", 1, "--quiet", "--json",
                     "--threads", 1, "--out", "sweep")
        result = self.expect(MISSED, *arguments, "--over", "outputs=3,10")
        self.assertEqual(len(result.document["rows"]), 1)
        self.assertEqual(len(result.document["failures"]), 1)
        self.assertIn("3 outputs for 10 classes", result.document["failures"][0])
        self.assertEqual(result.err, f"warning: {result.document['failures'][0]}\n")
        self.refuse(support.DATA, ["nowhere"], "sweep", "--data", "nowhere", "--over", "width=4,8",
                    "--out", "none", "--quiet", "--json")


if __name__ == "__main__":
    support.main()
