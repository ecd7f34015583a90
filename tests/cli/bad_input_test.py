# SPDX-License-Identifier: Apache-2.0
"""Broken data files: one message that names the file and the place, code 3, nothing written."""
import support
from support import DATA


class BadIdx(support.ProgramTest):
    IMAGES = "t10k-images-idx3-ubyte"
    LABELS = "t10k-labels-idx1-ubyte"

    def setUp(self):
        super().setUp()
        support.write_mnist(self.folder)

    def refuse_folder(self, words):
        return self.refuse_train(DATA, words, "--data", self.folder)

    def test_truncated(self):
        path = self.folder / self.IMAGES
        path.write_bytes(path.read_bytes()[:-5])
        self.refuse_folder([self.IMAGES, "cut short at byte 107", "6 x 4 x 4 = 96 bytes",
                            "found 91"])

    def test_wrong_magic(self):
        support.write_idx(self.folder / self.IMAGES, (6, 4, 4), support.pixels(6, 16),
                          magic=b"\x89PNG")
        self.refuse_folder([self.IMAGES, "not an IDX file", "89 50 4e 47", "00 00 08 03"])

    def test_gzip_cut_short(self):
        (self.folder / self.IMAGES).unlink()
        path = self.folder / (self.IMAGES + ".gz")
        support.write_idx(path, (6, 4, 4), support.pixels(6, 16))
        path.write_bytes(path.read_bytes()[:-20])
        self.refuse_folder([self.IMAGES + ".gz", "the gzip data are cut short"])


class BadCifar(support.ProgramTest):
    def test_wrong_length(self):
        path = self.folder / "data_batch_1.bin"
        path.write_bytes(support.cifar_rows([0, 1, 2])[:-100])
        self.refuse_train(DATA, ["data_batch_1.bin", "9119 bytes", "3073", "2 rows and 2973 bytes"],
                          "--data", path)

    def test_label_out_of_range(self):
        path = self.folder / "data_batch_1.bin"
        path.write_bytes(support.cifar_rows([0, 1, 12]))
        self.refuse_train(DATA, ["data_batch_1.bin", "row 2 (byte 6146)", "label 12", "0 to 9"],
                          "--data", path)


class BadCsv(support.ProgramTest):
    def refuse_table(self, text, words, *arguments):
        (self.folder / "table.csv").write_text(text)
        self.refuse_train(DATA, ["table.csv", *words], "--data", "table.csv", *arguments)

    def test_ragged_row(self):
        self.refuse_table("a,b,label\n1,2,0\n3,1\n", ["line 3", "2 fields, expected 3"])

    def test_no_number(self):
        self.refuse_table("a,b,label\n1,2,0\n3,many,1\n", ["line 3", "column 1", '"b"', '"many"'])

    def test_not_a_number(self):
        self.refuse_table("a,b,label\n1,2,0\nnan,2,1\n", ["line 3", "column 0", "not finite"])


class NoData(support.ProgramTest):
    def test_missing_file(self):
        self.refuse_train(DATA, ["sphera", 'did you mean "sphere"'], "--data", "sphera")

    def test_certificate_of_no_run(self):
        self.refuse(DATA, ["nowhere", "run.json"], "verify", "nowhere", "--json")

    def test_damaged_record(self):
        (self.folder / "run").mkdir()
        (self.folder / "run/run.json").write_text("{")
        self.refuse(DATA, ["run.json", "damaged"], "report", "run")


if __name__ == "__main__":
    support.main()
