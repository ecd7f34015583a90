# SPDX-License-Identifier: Apache-2.0
"""More broken files and settings, held to the same rules as the common ones of bad_input_test.py and
bad_settings_test.py. Apart from those because each case starts the program once."""
import math

import support
from support import DATA, DONE, USAGE


class BadIdx(support.ProgramTest):
    IMAGES = "t10k-images-idx3-ubyte"
    LABELS = "t10k-labels-idx1-ubyte"

    def setUp(self):
        super().setUp()
        support.write_mnist(self.folder)

    def refuse_folder(self, words):
        return self.refuse_train(DATA, words, "--data", self.folder)

    def test_header_cut_short(self):
        path = self.folder / self.IMAGES
        path.write_bytes(path.read_bytes()[:9])
        self.refuse_folder([self.IMAGES, "cut short at byte 9", "header of 16 bytes"])

    def test_images_where_labels_belong(self):
        support.write_idx(self.folder / self.LABELS, (6, 4, 4), support.pixels(6, 16))
        self.refuse_folder([self.LABELS, "2051", "2049"])

    def test_more_than_promised(self):
        path = self.folder / self.LABELS
        path.write_bytes(path.read_bytes() + b"\0")
        self.refuse_folder([self.LABELS, "more data than the header promises", "byte 14"])

    def test_counts_differ(self):
        support.write_mnist(self.folder, labels=[0, 1, 2])
        self.refuse_folder(["6 images", "3 labels", self.IMAGES, self.LABELS])

    def test_labels_missing(self):
        (self.folder / self.LABELS).unlink()
        self.refuse_folder([self.IMAGES, "labels"])

    def test_label_beyond_the_outputs(self):
        support.write_mnist(self.folder, labels=[0, 1, 2, 3, 4, 250])
        self.refuse_train(USAGE, ["10 outputs for 251 classes"], "--data", self.folder,
                          "--outputs", 10)


class BadCifar(support.ProgramTest):
    def test_empty(self):
        path = self.folder / "data_batch_1.bin"
        path.write_bytes(b"")
        self.refuse_train(DATA, ["data_batch_1.bin", "empty"], "--data", path)

    def test_python_version(self):
        (self.folder / "data_batch_1").write_bytes(b"\x80")
        self.refuse_train(DATA, ["Python version", "binary version"], "--data", self.folder)


class BadCsv(support.ProgramTest):
    def refuse_table(self, text, words, *arguments):
        (self.folder / "table.csv").write_text(text)
        self.refuse_train(DATA, ["table.csv", *words], "--data", "table.csv", *arguments)

    def test_label_missing(self):
        self.refuse_table("a,b,label\n1,2,\n", ["line 2", "label is missing"])

    def test_label_not_utf8(self):
        (self.folder / "table.csv").write_bytes("a,label\n1,rot\n2,grün\n".encode("latin-1"))
        self.refuse_train(DATA, ["table.csv", "line 3", "not UTF-8"], "--data", "table.csv")

    def test_header_alone(self):
        self.refuse_table("a,b,label\n", ["no rows follow"])

    def test_empty(self):
        self.refuse_table("", ["empty"])

    def test_label_column_misspelt(self):
        (self.folder / "table.csv").write_text("size,weight,colour\n1,2,0\n2,1,1\n")
        self.refuse_train(USAGE, ["colr", 'did you mean "colour"'], "--data", "table.csv",
                          "--label-column", "colr")


class BadArrays(support.ProgramTest):
    def test_not_finite(self):
        support.write_npy(self.folder / "X.npy", [1, 2, 3, math.inf], (2, 2))
        support.write_npy(self.folder / "y.npy", [0, 1], (2,))
        self.refuse_train(DATA, ["training sample 1", "coordinate 1", "inf"], "--data", "X.npy")

    def test_cut_short(self):
        support.write_npy(self.folder / "X.npy", [1, 2, 3, 4], (2, 2))
        support.write_npy(self.folder / "y.npy", [0, 1], (2,))
        path = self.folder / "X.npy"
        path.write_bytes(path.read_bytes()[:-3])
        self.refuse_train(DATA, ["X.npy", "shape (2, 2)", "29 bytes"], "--data", "X.npy")

    def test_targets_missing(self):
        support.write_npy(self.folder / "X.npy", [1, 2, 3, 4], (2, 2))
        self.refuse_train(DATA, ["X", "no labels or targets"], "--data", "X.npy")

    def test_zero_on_the_sphere(self):
        support.write_npy(self.folder / "X.npy", [1, 2, 0, 0], (2, 2))
        support.write_npy(self.folder / "y.npy", [0, 1], (2,))
        self.refuse_train(DATA, ["training sample 1 is zero"], "--data", "X.npy",
                          "--normalise", "sphere")


class NoData(support.ProgramTest):
    def test_missing_test_file(self):
        support.write_mnist(self.folder / "images")
        self.refuse_train(DATA, ["nowhere"], "--data", "images", "--test", "nowhere")

    def test_nothing_recognised(self):
        (self.folder / "notes.doc").write_bytes(b"\xd0\xcf\x11\xe0\0\0\0\0")
        self.refuse_train(DATA, ["notes.doc", "not recognised", "idx", "cifar", "csv", "npy"],
                          "--data", "notes.doc")

    def test_more_samples_than_there_are(self):
        support.write_mnist(self.folder / "images")
        self.refuse_train(USAGE, ["7 training", "it has 6"], "--data", "images", "--samples", 7)

    def test_generator_setting_for_a_file(self):
        support.write_mnist(self.folder / "images")
        self.refuse_train(USAGE, ["data.separation", "--separation"], "--data", "images",
                          "--separation", 0.1)

    def test_design_settings_for_a_run(self):
        self.refuse(USAGE, ["--only", "verify.only"], "verify", "run", "--only", "thm1")
        self.refuse(USAGE, ["--fresh"], "verify", "run", "--fresh")
        self.refuse(USAGE, ["--seed", "run.seed"], "verify", "run", "--seed", 3)

    def test_a_test_file_for_generated_data(self):
        self.refuse_train(USAGE, ["--test", "number of samples", '"nosuch"'], "--data", "sphere",
                          "--test", "nosuch")

    def test_a_label_column_where_there_are_none(self):
        support.write_mnist(self.folder / "images")
        self.refuse_train(USAGE, ["images", "idx", "label column"], "--data", "images",
                          "--label-column", 0)

    def test_data_named_twice(self):
        self.refuse(USAGE, ["--data", '"digits"', '"sphere"'], "data", "sphere", "--data", "digits")

    def test_two_kinds_of_answer(self):
        self.refuse(USAGE, ["--options", "--json"], "info", "--options", "--json")

    def test_report_of_no_run(self):
        self.refuse(DATA, ["nowhere", "run.json"], "report", "nowhere")


class CommandLine(support.ProgramTest):
    def test_unknown_command(self):
        self.refuse(USAGE, ['"trian"', 'did you mean "train"', "sweep"], "trian")

    def test_flag_of_another_command(self):
        self.refuse(USAGE, ['"--width"', "data --help"], "data", "sphere", "--width", 5)

    def test_unexpected_argument(self):
        self.refuse_train(USAGE, ["unexpected argument", '"more"'], "more")

    def test_flag_without_value(self):
        self.refuse_train(USAGE, ["--width"], "--width")

    def test_run_missing(self):
        self.refuse(USAGE, ["RUN is missing"], "report")

    def test_nothing_to_vary(self):
        self.refuse(USAGE, ["--over"], "sweep")


class Values(support.ProgramTest):
    def test_device(self):
        self.refuse_train(USAGE, ["--device", "cuda:N", '"gpu"'], "--device", "gpu")

    def test_batch(self):
        self.refuse_train(USAGE, ["batch", "20 samples", "50"], "--samples", 20, "--width", 8,
                          "--method", "sgd", "--batch", 50)

    def test_width_no_number(self):
        self.refuse_train(USAGE, ["--width", "whole number", '"wide"'], "--width", "wide")

    def test_step_zero(self):
        self.refuse_train(USAGE, ["step", "positive number", '"0"'], "--step", 0)

    def test_infinite_number(self):
        self.refuse_train(USAGE, ["--target-ratio", "a number", '"inf"'], "--target-ratio", "inf")

    def test_choice(self):
        self.refuse_train(USAGE, ["--loss", "squared", "cross-entropy", '"square"',
                                  'did you mean "squared"'], "--loss", "square")

    def test_noise(self):
        self.refuse_train(USAGE, ["labels", "noisy:P", '"noisy:2"'], "--labels", "noisy:2")

    def test_schedule(self):
        self.refuse_train(USAGE, ["schedule", '"5"'], "--schedule", "5")

    def test_memory(self):
        self.refuse_train(USAGE, ["--memory", "4GiB", '"much"'], "--memory", "much", "--width", 8)

    def test_outputs(self):
        self.refuse_train(USAGE, ["3 outputs for 10 classes"], "--outputs", 3)

    def test_nothing_to_train(self):
        self.refuse_train(USAGE, ["train", "hidden"], "--depth", 0)

    def test_cross_entropy_of_numbers(self):
        (self.folder / "table.csv").write_text("a,b,y\n1,2,0.5\n2,1,1.5\n")
        self.refuse_train(DATA, ["cross-entropy"], "--data", "table.csv",
                          "--loss", "cross-entropy")


class Origins(support.ProgramTest):
    """Each way to give a setting, and what it says of one that does not exist."""

    def test_set_without_value(self):
        self.refuse_train(USAGE, ["--set", '"network.width"', "section.name=value"],
                          "--set", "network.width")

    def test_set_of_another_command(self):
        self.refuse(USAGE, ["--set", "data does not use train.step"], "data", "sphere",
                    "--set", "train.step=1")

    def test_value_in_file(self):
        (self.folder / "my.toml").write_text("[network]\nwidth = 0\n")
        self.refuse_train(USAGE, ["my.toml:2", "network.width", "at least 1"], "--config", "my.toml")

    def test_syntax_of_file(self):
        (self.folder / "my.toml").write_text("[network]\nwidth = = 5\n")
        self.refuse_train(USAGE, ["my.toml:2"], "--config", "my.toml")

    def test_value_in_environment(self):
        self.refuse_train(USAGE, ["OVERPARAM_NETWORK_WIDTH", "whole number", '"x"'],
                          env={"OVERPARAM_NETWORK_WIDTH": "x"})

    def test_names_for_tests_are_no_settings(self):
        self.expect(DONE, "info", env={"OVERPARAM_TEST_DATA": "anywhere"})


if __name__ == "__main__":
    support.main()
