"""Tables of text, and the mean of ratios."""
import math
import statistics


def table(header, rows):
    """Lines of a table, the first column to the left, the others to the right. None is a dash."""
    cells = [[("-" if cell is None else str(cell)) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        first, rest = row[0].ljust(widths[0]), [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return lines


def number(value, digits=2):
    return None if value is None else f"{value:.{digits}f}"


def geometric_mean(ratios):
    """None if there are none."""
    return None if not ratios else math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
