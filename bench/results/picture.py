"""The picture of epochs a second: bars for every library, a group for each number of threads."""
from xml.sax.saxutils import escape

from result_file import LAMELLA

WIDTH, MARGIN = 760, 28
BARS = 206       # where bars start; names stand to the left
ROW, BAR = 27, 17
HEAD, GROUP, GAP, FOOT = 86, 22, 16, 38

# Room to the right of a bar, for lamella's value, that of others, and the first of each, which has
# the unit in words.
ROOM = {"ours": 50, "ours, in words": 106, "peer": 86, "peer, in words": 152}

STYLE = """\
text { font-family: -apple-system, BlinkMacSystemFont, "Segoe UI", "Noto Sans", Helvetica, Arial,
       sans-serif; font-size: 13px; fill: #1f2328; }
.card { fill: #ffffff; stroke: #d1d9e0; }
.title { font-size: 17px; font-weight: 600; }
.muted, .muted tspan { fill: #59636e; font-size: 12px; font-weight: 400; }
.group { font-size: 12px; font-weight: 600; fill: #59636e; }
.ours { font-weight: 600; }
.value { font-variant-numeric: tabular-nums; }
.axis { stroke: #d1d9e0; }
.bar { fill: #8c959f; }
.bar.ours { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .card { fill: #0d1117; stroke: #3d444d; }
  .muted, .muted tspan, .group { fill: #9198a1; }
  .axis { stroke: #3d444d; }
  .bar { fill: #59636e; }
  .bar.ours { fill: #4493f8; }
}"""

COUNTS = {1: "One thread", 2: "Two threads", 4: "Four threads", 8: "Eight threads"}


def number(value):
    """Three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _text(x, y, classes, content, anchor="start"):
    """`content` is text or, if it starts with a tag, SVG."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" class="{classes}"{where}>{content}</text>'


def _bar(x, y, width, classes):
    """Square on the left, where it stands on the axis, and round on the right."""
    radius = min(3, width / 2)
    return (f'<path class="{classes}" d="M{x} {y}h{width - radius:.1f}q{radius} 0 {radius} {radius}'
            f'v{BAR - 2 * radius}q0 {radius} -{radius} {radius}h-{width - radius:.1f}z"/>')


def _room(speed, in_words):
    return ROOM[("ours" if speed.peer == LAMELLA else "peer") + (", in words" if in_words else "")]


def _row(y, speed, ours, scale, in_words):
    middle = y + ROW / 2
    mine = speed.peer == LAMELLA
    width = max(scale * speed.epochs_per_second, 1)
    value = number(speed.epochs_per_second)
    if mine:
        value += " epochs/s" if in_words else ""
    else:
        value += f'<tspan class="muted" dx="8">{100 * speed.epochs_per_second / ours:.0f} %' \
                 f'{" of lamella" if in_words else ""}</tspan>'
    strong = " ours" if mine else ""
    remark = f'<tspan class="muted" dx="6">{escape(speed.remark)}</tspan>'
    return [_text(MARGIN, middle + 4.5, f"name{strong}", escape(speed.name) + remark),
            _bar(BARS, middle - BAR / 2, width, f"bar{strong}"),
            _text(f"{BARS + width + 8:.1f}", middle + 4.5, f"value{strong}", value)]


def _description(groups, subtitle):
    """The figures as a sentence for those who cannot see the bars."""
    parts = []
    for threads, speeds in groups:
        figures = ", ".join(f"{speed.name} {number(speed.epochs_per_second)}" for speed in speeds)
        parts.append(f"{COUNTS.get(threads, f'{threads} threads')}: {figures}.")
    return f"{subtitle}. " + " ".join(parts)


def picture(title, subtitle, footer, groups):
    """SVG; groups: [(threads, speeds)]. All bars have one scale."""
    explained = set()  # the first of lamella and the first peer say what their figures are
    rows = []
    for threads, speeds in groups:
        for speed in speeds:
            mine = speed.peer == LAMELLA
            rows.append((threads, speed, mine not in explained))
            explained.add(mine)
    scale = min((WIDTH - MARGIN - BARS - _room(speed, in_words)) / speed.epochs_per_second
                for _, speed, in_words in rows)
    lines, y = [], HEAD
    for threads, speeds in groups:
        ours = next(speed.epochs_per_second for speed in speeds if speed.peer == LAMELLA)
        lines.append(_text(MARGIN, y + 12, "group", COUNTS.get(threads, f"{threads} threads")))
        top = y = y + GROUP
        for _, speed, in_words in (row for row in rows if row[0] == threads):
            lines += _row(y, speed, ours, scale, in_words)
            y += ROW
        lines.append(f'<path class="axis" d="M{BARS - 0.5} {top}V{y}"/>')
        y += GAP
    height = y + FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title description">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(_description(groups, subtitle))}</desc>',
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(MARGIN, 38, "title", escape(title)),
        _text(MARGIN, 60, "muted", escape(subtitle)),
        *lines,
        _text(MARGIN, height - 22, "muted", escape(footer)),
        "</svg>", ""])
