# SPDX-License-Identifier: Apache-2.0
"""Tangent kernels from the command line: files, blocks, limits, budgets, interrupts, refusals."""
import math
import signal
import struct

import support
from support import DATA, DONE, INTERRUPTED, REFUSED, USAGE

SMALL = ("--data", "digits", "--samples", 12, "--width", 32, "--depth", 2, "--outputs", 10)


def read_npy(path):
    """Shape and numbers of a .npy file of float64 or float32."""
    shape, kind, data = support.read_npy(path)
    letter = {"<f8": "d", "<f4": "f"}[kind]
    return shape, struct.unpack(f"<{math.prod(shape)}{letter}", data)


class Kernels(support.ProgramTest):
    def ntk(self, *arguments, code=DONE, **options):
        return self.expect(code, "ntk", "--threads", 1, "--quiet", "--json", *arguments,
                           **options).document

    def test_blocks_of_outputs_are_those_of_the_whole(self):
        n, d = 12, 10
        full = self.ntk(*SMALL, "--out", "full.npy")
        self.assertEqual(full["shape"], [n * d, n * d])
        self.assertEqual(self.files_in(".")[:2], ["full-report/figures/kernel.svg",
                                                  "full-report/figures/spectrum.svg"])
        shape, whole = read_npy(self.folder / "full.npy")
        self.assertEqual(shape, (n * d, n * d))
        at = lambda i, a, j, b: whole[(i * d + a) * n * d + j * d + b]
        self.ntk(*SMALL, "--block", "diagonal", "--out", "diagonal.npy")
        shape, diagonal = read_npy(self.folder / "diagonal.npy")
        self.assertEqual(shape, (d, n, n))
        trace = self.ntk(*SMALL, "--block", "trace", "--out", "trace.npy")
        shape, mean = read_npy(self.folder / "trace.npy")
        self.assertEqual(shape, (n, n))
        self.ntk(*SMALL, "--block", "output:3", "--out", "third.npy")
        third = read_npy(self.folder / "third.npy")[1]
        for i, j in ((0, 0), (3, 7), (11, 2)):
            self.assertAlmostEqual(at(i, 3, j, 3), third[i * n + j], delta=1e-9)
            self.assertAlmostEqual(at(i, 3, j, 3), diagonal[3 * n * n + i * n + j], delta=1e-9)
            self.assertAlmostEqual(sum(at(i, a, j, a) for a in range(d)) / d, mean[i * n + j],
                                   delta=1e-9)
        # The whole kernel's least eigenvalue lies below that of the mean over outputs.
        self.assertLess(full["lambda_min"], trace["lambda_min"])

    def test_the_limit_has_its_scale(self):
        document = self.ntk(*SMALL, "--kind", "infinite", "--test", 8, "--out", "limit.npy")
        self.assertEqual(document["kernel_scale"], 32 / (2 * 10))
        self.assertEqual(document["shape"], [12, 12])
        shape, theta = read_npy(self.folder / "limit.npy")
        self.assertEqual(shape, (12, 12))
        for i in range(12):
            self.assertAlmostEqual(theta[13 * i], 2, delta=2e-6)  # L |x|^2
        self.assertGreater(document["lambda_min"], 0)
        self.assertEqual(document["regression"]["train_accuracy"], 1)
        conjugate = self.ntk(*SMALL, "--kind", "conjugate")
        self.assertEqual(conjugate["kernel_scale"], 1)
        self.assertAlmostEqual(conjugate["mean_diagonal"], 1 / 10, delta=1e-6)

    def test_the_read_out_is_apart(self):
        hidden = self.ntk(*SMALL, "--kind", "infinite", "--trained", "hidden")
        everything = self.ntk(*SMALL, "--kind", "infinite", "--trained", "all")
        self.assertAlmostEqual(everything["mean_diagonal"] - hidden["mean_diagonal"], 1, delta=1e-6)
        self.assertAlmostEqual(everything["read_out"]["mean_diagonal"], 1, delta=1e-6)

    def test_weights_of_a_run(self):
        self.train("--data", "digits", "--samples", 12, "--width", 32, "--depth", 2, "--max-steps", 3)
        start = self.ntk(*SMALL, "--block", "trace")
        same = self.ntk(*SMALL, "--block", "trace", "--weights", "run/weights-initial.safetensors")
        moved = self.ntk(*SMALL, "--block", "trace", "--weights", "run/weights.safetensors")
        self.assertAlmostEqual(same["lambda_max"] / start["lambda_max"], 1, delta=1e-5)
        self.assertNotAlmostEqual(moved["lambda_max"] / start["lambda_max"], 1, delta=1e-4)
        self.refuse(DATA, ["weights.safetensors", "tensor A", "(48, 785)"], "ntk", "--quiet", *SMALL[:4],
                    "--width", 48, "--weights", "run/weights.safetensors")

    def test_duplicates_are_named(self):
        result = self.expect(DONE, "ntk", "--quiet", "--data", "duplicates", "--samples", 12,
                             "--kind", "infinite", "--normalise", "unit")
        self.assertRegex(result.out, r"lambda_min +.*repeat an earlier one, so it is 0")

    def test_bad_input(self):
        for code, words, arguments in (
                (USAGE, ["ntk.ridge", "-1"], ["--ridge", -1]),
                (USAGE, ["ntk.block", "half"], ["--block", "half"]),
                (USAGE, ["no output 10"], ["--block", "output:10"]),
                (USAGE, ["ntk.kind", "finite"], ["--kind", "finite"]),
                (USAGE, [".npy", "kernel.txt"], ["--out", "kernel.txt"]),
                (USAGE, ["rnn", "more than once"],
                 ["--kind", "infinite", "--network", "rnn", "--normalise", "unit", "--data", "sphere",
                  "--dim", 8]),
                (DATA, ["nowhere.safetensors"], ["--weights", "nowhere.safetensors"]),
                (REFUSED, ["would not fit", "tangent kernel", "kernel"],
                 ["--samples", 4000, "--memory", "50MiB"]),
                (REFUSED, ["would not fit", "infinite kernel"],
                 ["--samples", 4000, "--memory", "50MiB", "--kind", "infinite"])):
            self.refuse(code, words, "ntk", "--quiet", *SMALL, *arguments)
            self.assertEqual(self.files_in("."), [], arguments)

    def test_an_interrupted_kernel_goes_on(self):
        program = self.ntk("--data", "digits", "--samples", 700, "--width", 8, "--block",
                           "trace")["peak_memory"]
        limit = program + 60_000_000
        arguments = ("ntk", "--data", "digits", "--samples", 700, "--width", 512, "--depth", 3,
                     "--threads", 1, "--memory", limit, "--block", "trace",
                     "--out", "k.npy")
        log = self.folder / "k.npy.tiles"
        process = self.start(*arguments)
        self.wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 3, process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, INTERRUPTED)
        done = len(log.read_text().splitlines()) - 2
        self.assertFalse((self.folder / "k.npy").exists())
        message = self.refuse(USAGE, ["unfinished", "--fresh"], *arguments, "--quiet", "--seed", 1)
        self.assertIn("k.npy", message)
        # With more memory too: the tiles stay those of the first start.
        more = [program + 300_000_000 if word == limit else word for word in arguments]
        result = self.expect(DONE, *more)
        self.assertIn(f"going on after {done} of", result.err)
        self.assertFalse(log.exists())
        resumed = read_npy(self.folder / "k.npy")[1]
        other = self.expect(DONE, *arguments[:-1], "whole.npy", "--quiet", "--json").document
        self.assertGreater(other["tiles"], 2)
        self.assertLessEqual(other["peak_memory"], limit)
        whole = read_npy(self.folder / "whole.npy")[1]
        self.assertLess(max(abs(a - b) for a, b in zip(resumed, whole)), 1e-9 * max(whole))


if __name__ == "__main__":
    support.main()
