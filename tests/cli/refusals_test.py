# SPDX-License-Identifier: Apache-2.0
"""What does not fit, cannot be written, cannot be resumed or diverges: the right exit code, one
message, and a folder without half a result."""
import resource
import shutil
import subprocess

import support
from support import DATA, DIVERGED, REFUSED, USAGE

SMALL = ("--samples", 10, "--width", 16)


class NoRoom(support.ProgramTest):
    def test_memory(self):
        self.refuse_train(REFUSED, ["1.0 MiB", "allowed", "weights", "features"], "--memory", "1MiB")

    def test_network_beyond_64_bits(self):
        self.refuse_train(REFUSED, ["would not fit", "4000000000"], "--width", 4_000_000_000)

    def test_data_beyond_memory(self):
        self.refuse_train(REFUSED, ["memory"], "--samples", 1_000_000_000_000, "--width", 8)

    def test_numbers_beyond_64_bits(self):
        self.refuse(REFUSED, ["sphere", "would not fit"], "data", "sphere", "--samples",
                    1_000_000_000, "--dim", 8_000_000_000_000_000)

    def test_disk(self):
        """A limit on file sizes stands for a full disk: the weights are larger than it."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        self.refuse(REFUSED, ["cannot write", "weights-initial.safetensors", "File too large"],
                    "train", "--out", "run", "--quiet", "--json", *SMALL, preexec_fn=limit)
        self.assertEqual(self.files_in("run"), ["config.toml"])

    def test_standard_output(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([support.PROGRAM, "info", "--json"], env=support.environment(),
                                  stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, REFUSED)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("standard output", done.stderr)

    def test_folder_below_a_file(self):
        (self.folder / "file").write_text("")
        self.refuse(USAGE, ["file/run", "Not a directory"], "train", "--out", "file/run", "--quiet",
                    *SMALL)


class Divergence(support.ProgramTest):
    def test_names_the_step(self):
        result = self.expect(DIVERGED, "train", "--out", "run", "--quiet", "--json", "--step", 1000,
                             "--max-steps", 50, *SMALL)
        self.assertEqual(result.document["stopped_by"], "diverged")
        self.assertEqual(result.err.count("\n"), 1, result.err)
        steps = result.document["steps"]
        for word in (f"diverged at step {steps}:", "step size 1000 is too large", "lambda_max"):
            self.assertIn(word, result.err)
        self.assertLess(steps, 50)
        self.assertEqual(self.lines_of("run/metrics.jsonl")[-1]["step"], steps)


class Resuming(support.ProgramTest):
    def content(self, folder):
        return {name: (self.folder / folder / name).read_bytes() for name in self.files_in(folder)}

    def refuse_to_resume(self, code, words, folder, *arguments):
        """The folder must stay as it was."""
        before = self.content(folder)
        self.refuse(code, words, "train", "--out", folder, "--resume", "--quiet", "--json",
                    *arguments)
        self.assertEqual(self.content(folder), before)

    def test_without_checkpoint(self):
        self.refuse_train(DATA, ["cannot resume", "refused/checkpoint/state.safetensors"],
                          "--resume", *SMALL)

    def test_wrong_checkpoint(self):
        self.train("--max-steps", 3, *SMALL)
        self.refuse_to_resume(USAGE, ["run", "other settings", "--overwrite"], "run",
                              *SMALL, "--seed", 1)

        checkpoint = self.folder / "run/checkpoint/state.safetensors"
        whole = checkpoint.read_bytes()
        checkpoint.write_bytes(whole[:-100])
        self.refuse_to_resume(DATA, ["state.safetensors", "outside the file"], "run", *SMALL)

        # Another run's checkpoint in the place of ours.
        self.train("--max-steps", 3, "--samples", 10, "--width", 8, out="narrow")
        shutil.copy(self.folder / "narrow/checkpoint/state.safetensors", checkpoint)
        self.refuse_to_resume(DATA, ["state.safetensors", "a run with other settings"], "run", *SMALL)


if __name__ == "__main__":
    support.main()
