"""How figures look on the page of the benchmarks: numbers, spreads, goals."""

import re


def number(value, decimals=2):
    """A number with a true minus sign and commas between thousands."""
    return f"{value:,.{decimals}f}".replace("-", "−")


def percent(share):
    """A share as a percentage without its sign."""
    return number(100 * share)


def judged(text, reached):
    """Bold where a goal is reached, crossed where it is missed, as it is where there is none."""
    if reached is None:
        return text
    return f"**{text}**" if reached else f"{text} ✗"


def spread(summary, decimals=None, reached=None):
    """Median, judged, and least to greatest in brackets."""
    if decimals is None:
        decimals = 0 if summary["median"] >= 100 else 1 if summary["median"] >= 10 else 2
    median, least, greatest = (number(summary[name], decimals) for name in ("median", "least", "greatest"))
    return f"{judged(median, reached)} ({least} to {greatest})"


def seconds(summary):
    """The median of some times, in the unit that fits."""
    value, unit = summary["median"], "s"
    for smaller in ("ms", "µs"):
        if value < 0.1:
            value, unit = 1e3 * value, smaller
    return f"{number(value, 2 if value < 1 else 1 if value < 100 else 0)} {unit}"


def cells(values):
    """Cells of a row, from the first to the last, without the bars at its ends."""
    return " | ".join(map(str, values)).replace("|  |", "| |").replace("|  |", "| |").strip()


def rows(lines):
    """Rows of a table."""
    return "\n".join(f"| {cells(line)} |".replace("|  |", "| |") for line in lines)


def slug(name):
    """The name of a placeholder: lower case, everything else an underscore."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
