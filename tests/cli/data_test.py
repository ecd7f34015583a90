# SPDX-License-Identifier: Apache-2.0
"""`overparam data`: every generator, and a tiny file of every format."""
import math

import support
from support import DONE

KEYS = {"schema", "version", "name", "source", "samples", "test_samples", "shape", "classes",
        "class_counts", "outputs", "normalisation", "separation", "closest_pair", "duplicates",
        "conflicting_duplicates", "normalisations"}
HALF = math.sqrt(0.5)


def smallest_distance(rows):
    """Over all pairs, by definition."""
    return min(math.dist(a, b) for i, a in enumerate(rows) for b in rows[:i])


def on_sphere(rows):
    """Each row scaled to norm 1/sqrt 2, 1/sqrt 2 appended."""
    return [[HALF * x / math.hypot(*row) for x in row] + [HALF] for row in rows]


def by_footnote3(rows):
    """The longest row scaled to 1/sqrt 2, each row filled up to that, 1/sqrt 2 appended."""
    longest = max(math.hypot(*row) for row in rows)
    scaled = [[HALF * x / longest for x in row] for row in rows]
    return [row + [math.sqrt(max(0, 0.5 - math.hypot(*row) ** 2)), HALF] for row in scaled]


class DataTest(support.ProgramTest):
    def summary(self, *arguments):
        document = self.expect(DONE, "data", *arguments, "--json", "--quiet").document
        self.assertLessEqual(KEYS, document.keys())
        self.assertEqual(document["kind"], "data")
        return document


class Generators(DataTest):
    def test_digits(self):
        document = self.summary("digits", "--samples", 30, "--test", 5)
        self.assertEqual((document["samples"], document["test_samples"]), (30, 5))
        self.assertEqual((document["shape"], document["classes"]), ([28, 28], 10))
        self.assertEqual(sum(document["class_counts"]), 30)
        self.assertEqual(document["normalisation"], "sphere")
        self.assertEqual(document["duplicates"], 0)

    def test_sphere(self):
        document = self.summary("sphere", "--samples", 8, "--set", "data.separation=0.125",
                                "--set", "data.dim=5", "--dtype", "float64")
        self.assertEqual(document["shape"], [5])
        self.assertAlmostEqual(document["separation"], 0.125, delta=1e-12)

    def test_teacher(self):
        document = self.summary("teacher", "--samples", 8, "--outputs", 3)
        self.assertEqual(document["outputs"], 3)
        self.assertGreater(document["separation"], 0)

    def test_clusters(self):
        document = self.summary("clusters", "--samples", 12, "--set", "data.classes=4",
                                "--set", "data.dim=6")
        self.assertEqual((document["shape"], document["classes"]), ([6], 4))
        self.assertEqual(len(document["class_counts"]), 4)

    def test_circle(self):
        document = self.summary("circle", "--samples", 9)
        self.assertEqual((document["samples"], document["shape"]), (9, [2]))

    def test_duplicates(self):
        document = self.summary("duplicates", "--samples", 8)
        self.assertEqual(document["separation"], 0)
        self.assertGreater(document["duplicates"], 0)
        self.assertGreater(document["conflicting_duplicates"], 0)
        self.assertGreater(document["irreducible_objective"], 0)


class Files(DataTest):
    def test_mnist_with_test_files_alone(self):
        support.write_mnist(self.folder / "mnist", count=6, suffix=".gz")
        document = self.summary("mnist")
        self.assertEqual((document["samples"], document["test_samples"]), (6, 0))
        self.assertEqual((document["shape"], document["classes"]), ([4, 4], 3))
        self.assertEqual(document["class_counts"], [2, 2, 2])
        self.assertEqual(document["normalisation"], "sphere")
        raw = support.pixels(6, 16)
        rows = on_sphere([raw[16 * i:16 * i + 16] for i in range(6)])
        self.assertAlmostEqual(document["separation"], smallest_distance(rows), delta=1e-6)

    def test_mnist_with_both_parts(self):
        support.write_mnist(self.folder / "mnist", count=4)
        support.write_mnist(self.folder / "mnist", part="train", count=7)
        document = self.summary("mnist")
        self.assertEqual((document["samples"], document["test_samples"]), (7, 4))

    def test_cifar_of_any_number_of_rows(self):
        (self.folder / "data_batch_1.bin").write_bytes(support.cifar_rows([3]))
        (self.folder / "data_batch_2.bin").write_bytes(support.cifar_rows([9, 0]))
        document = self.summary("data_batch_1.bin", "--normalise", "none")
        self.assertEqual((document["samples"], document["shape"]), (1, [3, 32, 32]))
        self.assertIsNone(document["separation"])
        document = self.summary(".")
        self.assertEqual((document["samples"], document["classes"]), (3, 10))
        self.assertEqual([document["class_counts"][label] for label in (0, 3, 9)], [1, 1, 1])

    def test_csv(self):
        rows = [[1, 2], [3, -1], [0.5, 4], [-2, -2]]
        labels = ["blue", "red", "red", "blue"]
        (self.folder / "table.csv").write_text("size;colour;weight\n" + "".join(
            f"{row[0]};{label};{row[1]}\n" for row, label in zip(rows, labels)))
        document = self.summary("table.csv", "--label-column", "colour", "--dtype", "float64")
        self.assertEqual((document["samples"], document["shape"]), (4, [2]))
        self.assertEqual(document["class_counts"], [2, 2])
        self.assertEqual(document["normalisation"], "footnote3")
        for name, normalise in (("footnote3", by_footnote3), ("sphere", on_sphere)):
            self.assertAlmostEqual(document["normalisations"][name]["separation"],
                                   smallest_distance(normalise(rows)), delta=1e-12)
        self.assertAlmostEqual(document["normalisations"]["none"]["separation"],
                               smallest_distance(rows), delta=1e-12)

    def test_npy(self):
        rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [4.0, 5.0, 7.0]]
        support.write_npy(self.folder / "X.npy", sum(rows, []), (3, 3))
        support.write_npy(self.folder / "y.npy", [0.5, 1, 2, 1.5, 2, 1], (3, 2))
        document = self.summary(".", "--out", "page")
        self.assertEqual((document["samples"], document["shape"], document["outputs"]), (3, [3], 2))
        self.assertEqual((document["duplicates"], document["conflicting_duplicates"]), (1, 2))
        # The best common output of the pair is its mean target (2, 1.25).
        self.assertAlmostEqual(document["irreducible_objective"], 0.5 * 2 * 0.25 ** 2, delta=1e-12)
        self.assertEqual(self.files_in("page"), ["report.html", "tables/summary.csv"])


if __name__ == "__main__":
    support.main()
