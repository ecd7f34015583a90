# SPDX-License-Identifier: Apache-2.0
"""`overparam reproduce`: its list, what it refuses, what it writes, and that a killed one goes on."""
import csv
import signal

import support
from support import DATA, DONE, MISSED, TERMINATED, USAGE

RECIPES = {"allenzhu2019-fig1", "allenzhu2019-resnet", "allenzhu2019-table", "du2018-fig1",
           "ghorbani2019", "goodfellow2015", "liliang2018"}
CHEAPEST = "ghorbani2019"
LINE = ("reproduce", CHEAPEST, "--scale", "quick", "--threads", 1, "--json", "--quiet")
KEYS = {"schema", "version", "kind", "recipe", "source", "scale", "seed", "comparisons", "met",
        "findings", "measured", "reused", "seconds", "environment", "report"}
COMPARISON_KEYS = {"group", "quantity", "against", "published", "measured", "low", "high",
                   "criterion", "met"}


class Reproduce(support.ProgramTest):
    def rows(self, folder):
        return {line["key"]: line["rows"] for line in self.lines_of(f"{folder}/rows.jsonl")}

    def test_the_list(self):
        text = self.expect(DONE, "reproduce", "--list").out
        document = self.expect(DONE, "reproduce", "--list", "--json").document
        self.assertEqual(document["kind"], "recipes")
        self.assertLessEqual(RECIPES, {recipe["name"] for recipe in document["recipes"]})
        for recipe in document["recipes"]:
            self.assertIn(recipe["name"], text)
            self.assertIn("quick", recipe["cost"])
            self.assertTrue(recipe["source"])

    def test_what_it_refuses(self):
        self.refuse(USAGE, ["NAME is missing", "--list"], "reproduce")
        self.refuse(USAGE, ['no recipe "du2018-fig2"', 'did you mean "du2018-fig1"'],
                    "reproduce", "du2018-fig2")
        self.refuse(USAGE, ["--scale", "quick, standard, full"],
                    "reproduce", "du2018-fig1", "--scale", "tiny")
        self.refuse(USAGE, ["--list", "du2018-fig1"], "reproduce", "du2018-fig1", "--list")
        self.refuse(USAGE, ["--device", "runs on the CPU", "cuda"],
                    "reproduce", "du2018-fig1", "--device", "cuda")
        self.refuse(USAGE, ["--width"], "reproduce", "du2018-fig1", "--width", 3)
        self.refuse(USAGE, ["--data", "du2018-fig1 reads no images"],
                    "reproduce", "du2018-fig1", "--data", "photos")
        self.refuse(DATA, ["photos"], "reproduce", "liliang2018", "--data", "photos")
        for recipe in ("liliang2018", "goodfellow2015"):
            self.refuse(DATA, ["sphere", "classes"], "reproduce", recipe, "--data", "sphere")
        self.assertEqual(self.files_in("."), [])

    def test_a_reproduction(self):
        result = self.run_program(*LINE, "--out", "whole")
        document = result.document
        self.assertEqual(document.keys(), KEYS)
        self.assertEqual((document["kind"], document["recipe"], document["scale"]),
                         ("reproduce", CHEAPEST, "quick"))
        for comparison in document["comparisons"]:
            self.assertEqual(comparison.keys(), COMPARISON_KEYS)
        met = all(comparison["met"] is not False for comparison in document["comparisons"])
        self.assertEqual(document["met"], met)
        self.assertEqual(result.code, DONE if met else MISSED, result.err)
        self.assertGreater(document["measured"], 0)
        self.assertEqual(document["measured"], len(self.rows("whole")))
        written = self.files_in("whole")
        self.assertLessEqual({"reproduce.json", "data.csv", "report.html", "rows.jsonl"},
                             set(written))
        self.assertTrue(any(name.startswith("figures/") for name in written), written)
        with open(self.folder / "whole/data.csv", newline="", encoding="utf-8") as file:
            self.assertGreater(len(list(csv.DictReader(file))), 10)
        self.refuse(USAGE, ["a reproduction", "overparam reproduce"], "report", "whole")

        again = self.run_program(*LINE, "--out", "whole").document
        self.assertEqual((again["measured"], again["reused"]), (0, document["measured"]))
        self.assertEqual(again["comparisons"], document["comparisons"])

        self.stop_and_go_on(document)

    def stop_and_go_on(self, whole):
        """Stopped in the middle, it keeps what was finished and nothing of what was not."""
        process = self.start(*LINE, "--out", "stopped")
        self.wait_until(lambda: len(self.rows("stopped")) >= 2, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (TERMINATED, ""), err)
        self.assertNotIn("reproduce.json", self.files_in("stopped"))
        kept = len(self.rows("stopped"))
        self.refuse(USAGE, ["unfinished"], "report", "stopped")

        document = self.run_program(*LINE, "--out", "stopped").document
        self.assertEqual(document["reused"], kept)
        self.assertEqual(document["comparisons"], whole["comparisons"])
        self.assertEqual(self.rows("stopped"), self.rows("whole"))


if __name__ == "__main__":
    support.main()
