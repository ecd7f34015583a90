# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md: sections that are replaced one by one, the others stay as they are."""

import re

import machine

INTRODUCTION = """# Benchmarks

Written by `make bench`, which measures everything here again but the long runs (`make bench-long`).
Every comparison runs in turns with its other side, and a ratio is taken within a turn, so that a busy
machine slows both; numbers are medians, with the least and the largest of all rounds in brackets.
PyTorch is Debian's, in eager mode, with the same number type and threads. Where it matters how OpenMP
threads wait, PyTorch gets the better of the default and the passive way.
"""

_STATUS = re.compile(r"^Measured on (.*?) at commit (.*?) on .*?\. (.*?)$", re.MULTILINE)


def markdown(table):
    lines = [f"### {table.title}", ""]
    if table.note:
        lines += [*_folded(table.note), ""]
    lines.append("| " + " | ".join(table.columns) + " |")
    lines.append("|" + "---|" * len(table.columns))
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    return "\n".join(lines) + "\n"


def section(tables):
    """The text below a section's heading."""
    verdicts = [verdict for table in tables for verdict in table.verdicts]
    met = f"{sum(verdicts)} of {len(verdicts)} targets met." if verdicts else "No targets."
    status = f"Measured on {machine.today()} at commit {machine.commit()} on {machine.short_words()}. {met}"
    return status + "\n\n" + "\n".join(markdown(table) for table in tables)


def update(path, titles, title, tables, blas):
    """Replaces one section of the page, and the summary above. `titles` gives the order."""
    sections = _read(path)
    sections[title] = section(tables)
    sections["Machine and versions"] = _table(("", "in the latest run"), machine.description(blas))
    order = ["Machine and versions", *titles]
    summary = [
        (name, found[3], found[1])
        for name in titles
        if name in sections and (found := _STATUS.search(sections[name]))
    ]
    text = INTRODUCTION + "\n" + _table(("section", "targets", "measured"), summary)
    for name in order:
        if name in sections:
            text += f"\n## {name}\n\n{sections[name].strip()}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _read(path):
    """Text by heading."""
    if not path.exists():
        return {}
    parts = re.split(r"^## (.*)$", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def _table(head, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


def _folded(text, width=100):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return lines + [line]
