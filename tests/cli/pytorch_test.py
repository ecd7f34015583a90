# SPDX-License-Identifier: Apache-2.0
"""Runs agree with an independent implementation in PyTorch at every step."""
import pathlib

import support

try:
    import pytorch_oracle
except ImportError as missing:
    pytorch_oracle = None
    REASON = f"the oracle needs numpy and torch: {missing}"

STEPS = 20
# Of float32 sums of some thousand terms, over 20 steps.
FLOAT32_TOLERANCE = 1e-4


class Agreement(support.ProgramTest):
    def setUp(self):
        super().setUp()
        if pytorch_oracle is None:
            self.skipTest(REASON)

    def compare(self, *arguments, tolerance=1e-6, images=None):
        self.train(*arguments, "--outputs", 10, "--method", "gd", "--max-steps", STEPS)
        found = pytorch_oracle.compare(self.folder / "run", STEPS, tolerance, images)
        print(f"{self.id().rsplit('.', 1)[-1]}: "
              + ", ".join(f"{name} {value:.1e}" for name, value in found.items()))


class Digits(Agreement):
    COMMON = ("--data", "digits", "--samples", 40, "--width", 128, "--depth", 2,
              "--step", "critical")

    def test_squared(self):
        self.compare(*self.COMMON, "--loss", "squared", "--dtype", "float64")

    def test_cross_entropy(self):
        self.compare(*self.COMMON, "--loss", "cross-entropy", "--dtype", "float64", "--depth", 3)

    def test_float32(self):
        self.compare(*self.COMMON, "--loss", "squared", "--dtype", "float32",
                     tolerance=FLOAT32_TOLERANCE)


class Mnist(Agreement):
    def test_squared(self):
        folder = pathlib.Path(support.TEST_DATA).absolute() / "mnist"
        if not support.TEST_DATA:
            self.skipTest("OVERPARAM_TEST_DATA is not set")
        found = [folder / f"{part}-images-idx3-ubyte{suffix}"
                 for part in ("train", "t10k") for suffix in ("", ".gz")]
        images = next((path for path in found if path.exists()), None)
        if images is None:
            self.skipTest(f"there are no images in {folder}")
        self.compare("--data", folder, "--samples", 200, "--width", 1024, "--depth", 2,
                     "--loss", "squared", "--step", "critical", "--dtype", "float64", images=images)


if __name__ == "__main__":
    support.main()
