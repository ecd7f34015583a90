# SPDX-License-Identifier: Apache-2.0
"""A run that was stopped in the middle ends, bit for bit, like one that was not."""
import signal

import support
from support import DONE, INTERRUPTED, TERMINATED

COMMON = ("--samples", 50, "--width", 256, "--threads", 1, "--quiet", "--json")
# A given step size and cross-entropy spare the time that goes into predicting the steps.
GD = (*COMMON, "--step", 0.002, "--max-steps", 200)
SGD = (*COMMON, "--loss", "cross-entropy", "--method", "sgd", "--batch", 10, "--momentum", 0.5,
       "--measure-every", 4, "--max-steps", 400)


class Resuming(support.ProgramTest):
    def stop_after(self, lines, number, *arguments):
        """Starts a run, waits for this many recorded points and sends the signal."""
        process = self.start("train", "--out", "stopped", *arguments)
        self.wait_until(lambda: len(self.lines_of("stopped/metrics.jsonl")) >= lines, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        self.assertNotIn("run.json", self.files_in("stopped"))
        return process.returncode, out, err

    def weights(self, folder):
        return (self.folder / folder / "weights.safetensors").read_bytes()

    def curve(self, folder):
        lines = self.lines_of(f"{folder}/metrics.jsonl")
        return [(line["step"], line["objective"]) for line in lines]

    def finish(self, *arguments):
        """Resumes to the end and compares with the run that was not stopped."""
        document = self.expect(DONE, "train", "--out", "stopped", "--resume", *arguments).document
        self.assertEqual(document["stopped_by"], "max_steps")
        self.assertEqual(self.weights("stopped"), self.weights("whole"))
        self.assertEqual(self.curve("stopped"), self.curve("whole"))
        for name in ("weights-initial.safetensors", "arrays/outputs.npy", "config.toml"):
            self.assertIn(name, self.files_in("stopped"))

    def test_gradient_descent(self):
        """Terminated, then resumed and killed without a chance to save, then resumed again."""
        self.expect(DONE, "train", "--out", "whole", *GD)
        code, out, err = self.stop_after(20, signal.SIGTERM, *GD)
        self.assertEqual(code, TERMINATED)
        self.assertIn('"stopped_by": "interrupted"', out)
        self.assertEqual(err, "")
        saved = len(self.lines_of("stopped/metrics.jsonl"))
        code, out, _ = self.stop_after(saved + 20, signal.SIGKILL, *GD, "--resume",
                                       "--checkpoint-seconds", 0.02)
        self.assertEqual((code, out), (-signal.SIGKILL, ""))
        self.finish(*GD)

    def test_stochastic_gradient_descent(self):
        self.expect(DONE, "train", "--out", "whole", *SGD)
        code, _, _ = self.stop_after(20, signal.SIGINT, *SGD)
        self.assertEqual(code, INTERRUPTED)
        self.finish(*SGD)


if __name__ == "__main__":
    support.main()
