# SPDX-License-Identifier: Apache-2.0
"""Convolutional, residual and two-layer networks reach 1e-6 of their starting objective on a hundred
images, with critical steps."""
import pathlib

import support
from support import DONE

# Name: arguments, width on real images and on drawn digits.
NETWORKS = {
    "cnn": (("--network", "cnn", "--image-size", 14), 8, 4),
    "unshared": (("--network", "cnn", "--filters", "unshared", "--image-size", 14), 4, 4),
    "resnet": (("--network", "resnet"), 1024, 256),
    "two-layer": (("--network", "two-layer"), 2048, 512),
}


class Minimum(support.ProgramTest):
    def reach(self, name, *arguments):
        document = self.expect(DONE, "train", "--out", "run", "--overwrite", "--quiet", "--json",
                               "--target-ratio", 1e-6, "--max-steps", 60_000, *arguments,
                               timeout=3600).document
        self.assertTrue(document["reached_target"], document["stopped_by"])
        self.assertLessEqual(document["objective"], 1e-6 * document["initial_objective"])
        self.assertEqual(document["train_accuracy"], 1)
        print(f"{name}: {document['steps']} steps, {document['seconds']:.0f} s")

    def images(self, folder):
        if not support.TEST_DATA:
            self.skipTest("OVERPARAM_TEST_DATA is not set")
        path = pathlib.Path(support.TEST_DATA).absolute() / folder
        if not path.exists():
            self.skipTest(f"there is no {path}")
        return path


class Mnist(Minimum):
    def test_every_network(self):
        data = self.images("mnist")
        for name, (arguments, width, _) in NETWORKS.items():
            with self.subTest(name):
                self.reach(f"MNIST, {name}", "--data", data, "--samples", 100, *arguments,
                           "--width", width)


class Cifar(Minimum):
    def test_a_convolutional_network(self):
        self.reach("CIFAR-10, cnn", "--data", self.images("cifar-10-batches-bin"), "--samples", 100,
                   "--network", "cnn", "--image-size", 16, "--width", 8)


class Digits(Minimum):
    """The same on drawn digits, smaller."""
    def test_every_network(self):
        for name, (arguments, _, width) in NETWORKS.items():
            with self.subTest(name):
                self.reach(f"digits, {name}", "--data", "digits", "--samples", 30, *arguments,
                           "--width", width)


if __name__ == "__main__":
    support.main()
