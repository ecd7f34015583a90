# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: running it as a user would, a folder of their own, tiny data
files, and readers of the formats it writes.

By hand: OVERPARAM_TEST_PROGRAM=build/release/bin/overparam python3 tests/cli/train_test.py
"""
import ast
import gzip
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(
    os.environ.get("OVERPARAM_TEST_PROGRAM", ROOT / "build/release/bin/overparam")).absolute()
TEST_DATA = os.environ.get("OVERPARAM_TEST_DATA", "")
SKIPPED = 77  # what CTest takes for "skipped"

DONE, MISSED, USAGE, DATA, DIVERGED, REFUSED = 0, 1, 2, 3, 4, 5
INTERRUPTED, TERMINATED = 130, 143


class Result:
    """What one call of the program left behind."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def document(self):
        """The one JSON document on stdout; fails for anything before or after it."""
        return json.loads(self.out)


def environment(**settings):
    """Ours, without settings of the program that a user may have exported."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OVERPARAM_")}
    return {**clean, **settings}


class ProgramTest(unittest.TestCase):
    """A test in a folder of its own, which is also where the program runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="overparam-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_program(self, *arguments, env=None, timeout=100, **options):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder,
                              env=environment(**(env or {})), timeout=timeout,
                              capture_output=True, text=True, check=False, **options)
        return Result(done.returncode, done.stdout, done.stderr)

    def expect(self, code, *arguments, **options):
        """Runs the program and demands this exit code."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.code, code, f"{arguments}\n{result.err}{result.out}")
        return result

    def train(self, *arguments, code=DONE, out="run", **options):
        """A quiet training run on one core."""
        result = self.expect(code, "train", "--out", out, "--threads", 1, "--quiet", "--json",
                             *arguments, **options)
        return result.document

    def refuse(self, code, words, *arguments, **options):
        """Runs the program and demands one message with all the words, and no result."""
        result = self.expect(code, *arguments, **options)
        self.assertEqual(result.out, "", arguments)
        spoken = [line for line in result.err.splitlines() if not line.startswith("  ")]
        self.assertEqual(len(spoken), 1, f"{arguments}: more than one message\n{result.err}")
        self.assertTrue(result.err.startswith("overparam: "), result.err)
        for trace in ("frame #", "terminate called", "what():", "Exception raised from"):
            self.assertNotIn(trace, result.err)
        for word in words:
            self.assertIn(word, result.err, arguments)
        return result.err

    def refuse_train(self, code, words, *arguments, **options):
        """The same for a training run, which may leave nothing in its folder."""
        message = self.refuse(code, words, "train", "--out", "refused", "--quiet", "--json",
                              *arguments, **options)
        self.assertEqual(self.files_in("refused"), [], arguments)
        return message

    def files_in(self, folder):
        base = self.folder / folder
        return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())

    def start(self, *arguments):
        """The program in the background, killed at the latest when the test ends."""
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder,
                                   env=environment(), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def end():
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.addCleanup(end)
        return process

    def wait_until(self, condition, process, seconds=60):
        """Until the condition holds while the process still runs."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertIsNone(process.poll(), "the program ended before it could be stopped")
            self.assertLess(time.monotonic(), deadline, "waited in vain")
            time.sleep(0.01)

    def lines_of(self, path):
        """Finished lines of a JSON lines file, none where there is no file."""
        path = self.folder / path
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def write_idx(path, sizes, elements, magic=None):
    """Bytes as an IDX file; packed where the name ends in .gz."""
    header = magic if magic is not None else bytes([0, 0, 8, len(sizes)])
    content = header + b"".join(struct.pack(">I", size) for size in sizes) + bytes(elements)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def pixels(count, size):
    """Images of which no two are equal or zero."""
    return bytes((7 * i * i + 3 * i * (i // size + 1) + 1) % 256 for i in range(count * size))


def write_mnist(folder, part="t10k", count=6, labels=None, suffix=""):
    """Images of 4 x 4 and their labels, under the distributed names."""
    labels = list(labels) if labels is not None else [i % 3 for i in range(count)]
    write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", (count, 4, 4), pixels(count, 16))
    write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", (len(labels),), labels)


def cifar_rows(labels):
    """Rows of CIFAR-10: a label and 3,072 pixels."""
    body = pixels(len(labels), 3072)
    return b"".join(bytes([label]) + body[3072 * i:3072 * (i + 1)]
                    for i, label in enumerate(labels))


def write_npy(path, values, shape, kind="<f8"):
    """A .npy file of version 1."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    code = {"<f8": "d", "<f4": "f", "<i8": "q"}[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                     struct.pack(f"<{len(values)}{code}", *values))


def read_npy(path):
    """Shape, kind and raw data of a .npy file of version 1."""
    content = pathlib.Path(path).read_bytes()
    assert content[:8] == b"\x93NUMPY\x01\x00", path
    end = 10 + struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10:end].decode())
    assert not header["fortran_order"]
    data = content[end:]
    assert len(data) == int(header["descr"][2:]) * math.prod(header["shape"]), path
    return header["shape"], header["descr"], data


def read_safetensors(path):
    """Name to (dtype, shape, raw data): u64 length of the header, JSON header, data."""
    content = pathlib.Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert start + end <= len(content), path
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), content[start + begin:start + end])
    return tensors


class _Result(unittest.TextTestResult):
    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.stream.writeln(f"skipped: {test.id().split('.', 1)[-1]}: {reason}")


def main():
    """Runs the calling file's cases; the exit code tells CTest whether all of them were skipped."""
    if not PROGRAM.exists():
        sys.exit(f"there is no program {PROGRAM}; name it in OVERPARAM_TEST_PROGRAM")
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=_Result)
    ended = unittest.main(module="__main__", testRunner=runner, exit=False).result
    skipped = len(ended.skipped)
    script = pathlib.Path(sys.argv[0]).stem
    print(f"{script}: {ended.testsRun - skipped} cases ran, {skipped} skipped")
    if not ended.wasSuccessful() or ended.testsRun == 0:
        sys.exit(1)
    sys.exit(SKIPPED if skipped == ended.testsRun else 0)
