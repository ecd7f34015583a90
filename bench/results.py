# SPDX-License-Identifier: Apache-2.0
"""Tables of measured numbers, the statistics in them, and the sections that keep them."""

import dataclasses
import math
import statistics

# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom
STUDENT = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13]


@dataclasses.dataclass
class Table:
    """Rows of text, and beside them the numbers they were made of."""

    title: str
    columns: list
    note: str = ""
    rows: list = dataclasses.field(default_factory=list)
    numbers: list = dataclasses.field(default_factory=list)
    verdicts: list = dataclasses.field(default_factory=list)  # one a target: was it met

    def add(self, *cells, **numbers):
        if len(cells) != len(self.columns):
            raise ValueError(f"{self.title}: {len(cells)} cells for {len(self.columns)} columns")
        self.rows.append([str(cell) for cell in cells])
        self.numbers.append(numbers)

    def judge(self, value, least=None, most=None, words="{:g}"):
        """The cells `target` and `met` of a number, which counts towards the section's targets."""
        if least is None and most is None:
            return "", ""
        met = value is not None and (least is None or value >= least) and (most is None or value <= most)
        self.verdicts.append(met)
        bound = f"at least {words.format(least)}" if most is None else f"at most {words.format(most)}"
        return bound, "yes" if met else "**no**"


class Section:
    """A section of the page that is one case of what makes its tables."""

    def __init__(self, tables_of, *case):
        self.tables_of, self.case = tables_of, case

    def measure(self, bench):
        return self.tables_of(bench, self.case)


def spread(values, form="{:.2f}"):
    """Median (least to largest)."""
    middle, least, largest = (
        form.format(f(values)) for f in (statistics.median, min, max)
    )
    return middle if len(values) == 1 else f"{middle} ({least} to {largest})"


def milliseconds(seconds):
    return f"{1e3 * statistics.median(seconds):.4g}"


def exponent(sizes, values):
    """The slope of log values in log sizes, and the half-width of its 95 % interval."""
    x, y = ([math.log(v) for v in column] for column in (sizes, values))
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    square = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / square
    free = len(x) - 2
    if free < 1:
        return slope, math.inf
    left = sum((b - mean_y - slope * (a - mean_x)) ** 2 for a, b in zip(x, y))
    quantile = STUDENT[free - 1] if free <= len(STUDENT) else 1.96
    return slope, quantile * math.sqrt(left / free / square)
