# SPDX-License-Identifier: Apache-2.0
"""Settings that cannot work: one message that names the setting and where it came from, exit code 2,
nothing written."""
import support
from support import USAGE


class CommandLine(support.ProgramTest):
    def test_no_command(self):
        self.refuse(USAGE, ["a command is missing", "--help"])

    def test_unknown_flag(self):
        self.refuse_train(USAGE, ['"--widht"', 'did you mean "--width"', "train --help"],
                          "--widht", 5)

    def test_unknown_claim(self):
        self.refuse(USAGE, ['"thm7"', 'did you mean "thm', "lemA-sep"], "verify", "--only", "thm7")

    def test_unknown_axis(self):
        self.refuse(USAGE, ['"widht"', 'did you mean "width"'], "sweep", "--over", "widht=1,2")


class Values(support.ProgramTest):
    def test_width_zero(self):
        self.refuse_train(USAGE, ["--width", "at least 1", '"0"'], "--width", 0)

    def test_negative_step(self):
        self.refuse_train(USAGE, ["step", "positive number", '"-1"'], "--step", "-1")


class Origins(support.ProgramTest):
    """Each way to give a setting, and what it says of one that does not exist."""

    def test_set(self):
        self.refuse_train(USAGE, ["--set", '"network.widht"', 'did you mean "network.width"'],
                          "--set", "network.widht=5")

    def test_file(self):
        (self.folder / "my.toml").write_text('[data]\nsource = "sphere"\n\n[network]\n  widht = 5\n')
        self.refuse_train(USAGE, ["my.toml:5:3", '"network.widht"', 'did you mean "network.width"'],
                          "--config", "my.toml")

    def test_missing_file(self):
        self.refuse_train(USAGE, ["nowhere.toml"], "--config", "nowhere.toml")

    def test_environment(self):
        self.refuse_train(USAGE, ["OVERPARAM_NETWORK_WIDHT",
                                  'did you mean "OVERPARAM_NETWORK_WIDTH"'],
                          env={"OVERPARAM_NETWORK_WIDHT": "5"})


if __name__ == "__main__":
    support.main()
