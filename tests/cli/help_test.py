# SPDX-License-Identifier: Apache-2.0
"""What the program says of itself: every option in the help of every command that takes it."""
import re

import support
from support import DONE

COMMANDS = ("demo", "train", "verify", "sweep", "reproduce", "data", "plan", "report", "ntk", "landscape",
            "info")


class Help(support.ProgramTest):
    def help_of(self, *command):
        result = self.expect(DONE, *command, "--help")
        self.assertEqual(result.err, "")
        return result.out

    def options(self):
        """Section of settings -> flags, from the table that `info` prints."""
        table = self.expect(DONE, "info", "--options").out
        sections = {}
        for section, flag in re.findall(r"^\| `(\w+)\.\w+` \| `(--[\w-]+)` \|", table, re.MULTILINE):
            sections.setdefault(section, []).append(flag)
        return sections

    def assert_names(self, text, names, command):
        for name in names:
            self.assertRegex(text, rf"(^|\s|,){re.escape(name)}\b", command)

    def test_every_option_is_named(self):
        sections = self.options()
        self.assertEqual(sections.keys(), {"data", "network", "train", "run", "ntk", "landscape", "verify"})
        self.assertGreater(sum(map(len, sections.values())), 35)
        run = sections["data"] + sections["network"] + sections["train"] + sections["run"]
        self.assert_names(self.help_of(), COMMANDS, "overparam")
        self.assert_names(self.help_of("train"),
                          run + ["--config", "--set", "--json", "--quiet", "--resume", "--overwrite"],
                          "train")
        self.assert_names(self.help_of("sweep"), run + ["--over", "--config", "--set", "--json"],
                          "sweep")
        self.assert_names(self.help_of("verify"),
                          sections["verify"] + ["RUN", "--seed", "--threads", "--out", "--fresh"],
                          "verify")
        self.assert_names(self.help_of("reproduce"),
                          ["NAME", "--list", "--scale", "--data", "--seed", "--threads", "--out", "--fresh",
                           "--json"],
                          "reproduce")
        self.assert_names(self.help_of("data"),
                          sections["data"] + ["DATA", "--seed", "--dtype", "--out", "--outputs"],
                          "data")
        self.assert_names(self.help_of("ntk"),
                          sections["data"] + sections["network"] + sections["ntk"] +
                          ["--seed", "--dtype", "--memory", "--out", "--fresh", "--json"],
                          "ntk")
        self.assert_names(self.help_of("landscape"),
                          sections["landscape"] + ["RUN", "--data", "--seed", "--device", "--out", "--fresh"],
                          "landscape")
        self.assertIn("Usage: overparam landscape", self.help_of("landscape"))
        self.assertIn("runs/demo", self.help_of("demo"))
        self.assert_names(self.help_of("plan"), run + ["DATA", "--config", "--set", "--json"], "plan")
        self.assert_names(self.help_of("demo"), ["--seed", "--threads", "--out", "--json"], "demo")
        self.assert_names(self.help_of("report"), ["RUN", "--json", "--quiet"], "report")
        self.assert_names(self.help_of("info"),
                          ["--options", "--theory", "--kernels", "--manual", "--json"], "info")

    def test_the_manual_page(self):
        page = self.expect(DONE, "info", "--manual").out
        self.assertTrue(page.startswith(".TH OVERPARAM 1 "))
        plain = page.replace("\\-", "-")
        for name in COMMANDS:
            self.assertIn(f"\\fB{name}\\fR", plain)
        for flags in self.options().values():
            for flag in flags:
                self.assertIn(f"\\fB{flag}\\fR", plain)
        written = (support.ROOT / "docs" / "settings.md").read_text()
        codes = re.findall(r"^\| (\d+) \| (.*) \|$", written, re.MULTILINE)
        self.assertEqual(len(codes), plain.split(".SH EXIT STATUS")[1].count(".TP"))
        for code, meaning in codes:
            self.assertIn(f"\\fB{code}\\fR\n{meaning}\n", plain)

    def test_the_documented_settings_are_those_of_the_program(self):
        written = support.ROOT / "docs" / "settings.md"
        table = self.expect(DONE, "info", "--options").out
        self.assertTrue(written.read_text().endswith("\n\n" + table),
                        "write docs/settings.md again: its table is `overparam info --options`")

    def test_the_theory_page_is_that_of_the_catalogue(self):
        written = support.ROOT / "docs" / "theory.md"
        page = self.expect(DONE, "info", "--theory").out
        self.assertEqual(written.read_text(), page,
                         "write docs/theory.md again: it is `overparam info --theory`")

    def test_the_kernels_page_holds_the_catalogue(self):
        written = support.ROOT / "docs" / "kernels.md"
        tables = self.expect(DONE, "info", "--kernels").out
        self.assertIn(tables, written.read_text(),
                      "write docs/kernels.md again: its tables are `overparam info --kernels`")

    def test_info(self):
        document = self.expect(DONE, "info", "--json").document
        self.assertEqual(document["kind"], "info")
        self.assertLessEqual({"overparam", "libtorch", "blas", "cores"},
                             document["environment"].keys())
        text = str(document)
        for name in ("fc", "squared", "cross-entropy", "digits", "sphere", "clusters", "teacher",
                     "circle", "duplicates", "idx", "cifar", "csv", "npy", "thm1", "facts",
                     "du2018-fig1"):
            self.assertIn(f"'{name}'", text)
        version = self.expect(DONE, "--version").out
        self.assertEqual(version, f"overparam {document['version']}\n")


if __name__ == "__main__":
    support.main()
