# SPDX-License-Identifier: Apache-2.0
"""Figure 1 at its quick scale, whole: minutes."""
import os
import pathlib
import unittest

import support
from support import DONE, MISSED


class Figure(support.ProgramTest):
    def reproduce(self, *arguments):
        result = self.run_program("reproduce", "allenzhu2019-fig1", "--scale", "quick", "--out", "fig",
                                  "--json", *arguments, timeout=3000)
        self.assertIn(result.code, (DONE, MISSED), result.err)
        return result

    def check(self, result):
        comparisons = result.document["comparisons"]
        self.assertEqual(len(comparisons), 25)  # four criteria at six points, and the last
        met = [comparison for comparison in comparisons if comparison["met"]]
        self.assertEqual(result.code, DONE if len(met) == 25 else MISSED)
        self.assertGreaterEqual(len(met), 20)
        page = (self.folder / "fig/report.html").read_text()
        for epoch in (5, 40, 90, 120, 130, 160):
            self.assertIn(f"epoch {epoch}", page)
        landscape, = (self.folder / "fig").glob("resnet8-*/landscape")
        self.assertEqual(support.read_npy(landscape / "epoch-160/cells.npy")[0], (2, 11, 11))
        again = self.reproduce(*self.images)
        self.assertIn("was trained before", again.err)
        self.assertEqual(again.document["comparisons"], comparisons)

    @unittest.skipUnless(support.TEST_DATA, "OVERPARAM_TEST_DATA is not set")
    def test_cifar(self):
        folder = pathlib.Path(os.path.join(support.TEST_DATA, "cifar-10-batches-bin"))
        self.images = ("--data", folder)
        self.check(self.reproduce(*self.images))

    def test_digits(self):
        self.images = ()
        self.check(self.reproduce())


if __name__ == "__main__":
    support.main()
