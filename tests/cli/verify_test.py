# SPDX-License-Identifier: Apache-2.0
"""`overparam verify`: what it says of a claim, and that no measurement is made twice or half."""
import signal

import support
from support import DONE, MISSED, TERMINATED

LINE = ("verify", "--scale", "quick", "--threads", 1, "--json", "--quiet")
CLAIM_KEYS = {"id", "verdict", "expected", "reason", "laws", "checks", "inside_window", "seeds",
              "repeat", "statement", "source"}
LAW_KEYS = {"name", "predicted", "bound", "fitted", "low", "high"}


class Verify(support.ProgramTest):
    def rows(self, folder):
        return {line["key"]: line["rows"] for line in self.lines_of(f"{folder}/rows.jsonl")}

    def verify(self, claims, folder):
        """The document, whose verdicts must be what the exit code says."""
        result = self.run_program(*LINE, "--only", claims, "--out", folder)
        document = result.document
        unexpected = [claim["id"] for claim in document["claims"]
                      if claim["verdict"] not in claim["expected"]]
        self.assertEqual(document["all_expected"], not unexpected)
        self.assertEqual(result.code, MISSED if unexpected else DONE, result.err)
        self.assertEqual([claim["id"] for claim in document["claims"]], claims.split(","))
        return document

    def test_verdicts_and_rows(self):
        document = self.verify("thm1-dim,facts", "whole")
        for claim in document["claims"]:
            self.assertLessEqual(CLAIM_KEYS, claim.keys())
            self.assertGreaterEqual(claim["seeds"], 2)
            self.assertEqual(claim["repeat"],
                             f"overparam verify --only {claim['id']} --scale quick")
        dimension, facts = document["claims"]
        self.assertEqual(facts["verdict"], "consistent")
        self.assertEqual(facts["inside_window"], facts["rows"])
        self.assertEqual(dimension["inside_window"], 0)
        self.assertTrue(all(check["holds"] for check in facts["checks"]))
        self.assertGreaterEqual(len(dimension["laws"]), 1)
        for law in dimension["laws"]:
            self.assertLessEqual(LAW_KEYS, law.keys())
            self.assertLessEqual(law["low"], law["fitted"])
            self.assertLessEqual(law["fitted"], law["high"])
        self.assertEqual(document["reused"], 0)
        self.assertEqual(document["measured"], len(self.rows("whole")))
        self.assertLessEqual({"verify.json", "report.html"}, set(self.files_in("whole")))

        again = self.verify("thm1-dim,facts", "whole")
        self.assertEqual((again["measured"], again["reused"]), (0, document["measured"]))
        self.assertEqual(again["claims"], document["claims"])

        self.stop_and_go_on()

    def stop_and_go_on(self):
        """Stopped inside a training, it keeps what was finished and nothing of what was not."""
        process = self.start(*LINE, "--only", "thm1-dim", "--out", "stopped")
        self.wait_until(lambda: len(self.rows("stopped")) >= 2, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (TERMINATED, ""), err)
        whole, kept = self.rows("whole"), self.rows("stopped")
        self.assertEqual(kept, {key: whole[key] for key in kept})

        document = self.verify("thm1-dim", "stopped")
        self.assertEqual(document["reused"], len(kept))
        stopped = self.rows("stopped")
        self.assertEqual(stopped, {key: whole[key] for key in stopped})
        self.assertEqual(len(stopped), document["measured"] + document["reused"])


if __name__ == "__main__":
    support.main()
