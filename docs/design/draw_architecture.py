#!/usr/bin/env python3
"""Draws architecture.svg: the rooms of the library as boxes, and who includes whom as arrows.

Usage: draw_architecture.py [--check]. Reads every #include of the sources, by the functions of
tests/structure/include_directions.py, which holds them to the allowed directions. Without --check
it writes the figure beside this script; with it, exits 1 if the figure there is another one.

An arrow is left out if a way along other arrows says the same, and so are those from the rooms
below include/lamella/ to it, since all may include it. The places of the boxes are given here: a
room without a place, a place without a room and an arrow that points upwards are errors.
"""
import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "structure"))
import include_directions  # noqa: E402

PUBLIC = "include/lamella"
CONTRACT = "backends/*.h"  # kernel_table.h, executor.h, adaptive_threading.h
FACTORY = "backends/*.cpp"  # driver_backend, kernel_tables

# room: (row, left edge and width in columns, what it is for)
PLACES = {
    "tools": (0, 0.0, 3.75, "the lamella program"),
    "examples": (0, 3.95, 3.75, "programs of users"),
    "cblas": (0, 7.9, 3.75, "six BLAS routines"),
    "bench": (0, 11.85, 3.75, "benchmarks, peaks"),
    PUBLIC: (1, 0.0, 15.6, "what users see: no other library's types, nothing that depends on flags"),
    "core/c_api": (2, 0.0, 1.6, "the C interface"),
    "core/model": (2, 1.8, 1.5, "model files"),
    "core/training": (2, 3.5, 4.1, "epochs, evaluation"),
    "core/data": (3, 3.5, 1.9, "data sets, files"),
    "core/network": (3, 5.6, 2.0, "steps as plans"),
    "core/selection": (3, 7.8, 1.9, "which backend"),
    FACTORY: (3, 10.0, 5.6, "puts kernels and threads together"),
    "core/kernels": (4, 4.4, 2.2, "checked calls, defaults"),
    "backends/threading": (4, 10.0, 2.0, "how many threads"),
    "backends/openmp": (5, 6.1, 1.8, "starts threads"),
    "backends/tbb": (5, 8.1, 1.7, "starts threads"),
    "backends/driver": (5, 10.0, 2.0, "blocking, packing"),
    "backends/simd": (5, 12.2, 1.6, "vectors"),
    "backends/scalar": (5, 14.0, 1.6, "plain loops"),
    "core/platform": (6, 3.5, 4.2, "processor, limits, forks"),
    CONTRACT: (6, 8.1, 7.5, "the contract: kernel table, executor"),
    "core/base": (7, 0.0, 7.7, "errors, text, files, random numbers"),
}
COLUMNS, COLUMN, ROW, HEIGHT, MARGIN = 15.6, 74, 96, 52, 20
COLOURS = {"include": "#fff2cc", "core": "#dae8fc", "backends": "#d5e8d4"}
OTHER_COLOUR = "#f0f0f0"  # programs on top of the library


def room_of(file):
    top, *rest = file.split("/")
    if top == "include":
        return PUBLIC
    if top == "backends" and len(rest) == 1:
        # The header of the factory belongs to it.
        factory = file.endswith(".cpp") or file == "backends/driver_backend.h"
        return FACTORY if factory else CONTRACT
    return f"{top}/{rest[0]}" if top in ("core", "backends") else top


def arrows(tree):
    """The pairs (room, room it includes a file of), and all rooms."""
    pairs, rooms = set(), set()
    for file in include_directions.sources(tree):
        if file.startswith("tests/"):
            continue
        here = room_of(file)
        rooms.add(here)
        for include in include_directions.INCLUDE.findall((tree / file).read_text()):
            target = include_directions.resolve(tree, file, include)
            if target is not None and room_of(target) != here:
                pairs.add((here, room_of(target)))
    return pairs, rooms


def reaches(pairs, start, goal):
    """Whether a way of two arrows or more leads from start to goal."""
    seen, todo = set(), [b for a, b in pairs if a == start and b != goal]
    while todo:
        room = todo.pop()
        if room == goal:
            return True
        if room not in seen:
            seen.add(room)
            todo += [b for a, b in pairs if a == room]
    return False


def shown(pairs):
    below = {pair for pair in pairs if pair[1] != PUBLIC or PLACES[pair[0]][0] == 0}
    # Programs use public headers; the few other files that they share stand in the text.
    below = {pair for pair in below if PLACES[pair[0]][0] != 0 or pair[1] == PUBLIC}
    return sorted(pair for pair in below if not reaches(below, *pair))


def box(room):
    row, left, width, _ = PLACES[room]
    return MARGIN + left * COLUMN, MARGIN + row * ROW, width * COLUMN, HEIGHT


def line(source, target):
    """From the lower edge of one box to the upper edge of the other, or from side to side."""
    x1, y1, w1, h1 = box(source)
    x2, y2, w2, h2 = box(target)
    if y1 == y2:
        return (x1 + w1, y1 + h1 / 2, x2, y2 + h2 / 2) if x1 < x2 else (x1, y1 + h1 / 2, x2 + w2, y2 + h2 / 2)
    overlap = max(x1, x2), min(x1 + w1, x2 + w2)
    if overlap[0] < overlap[1]:  # straight down
        x = sum(overlap) / 2
        return x, y1 + h1, x, y2
    near = x2 + w2 - 16 if x1 > x2 else x2 + 16
    far = x1 + 16 if x1 > x2 else x1 + w1 - 16
    return far, y1 + h1, near, y2


def svg(tree):
    pairs, rooms = arrows(tree)
    if rooms != set(PLACES):
        raise ValueError(f"rooms and places differ: {sorted(rooms ^ set(PLACES))}")
    drawn = shown(pairs)
    for source, target in drawn:
        if PLACES[source][0] > PLACES[target][0]:
            raise ValueError(f"{source} includes {target}, which stands above it")
    width = round(COLUMNS * COLUMN + 2 * MARGIN)
    height = 7 * ROW + HEIGHT + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
           f'height="{height}" font-family="sans-serif">')
    yield "<!-- Made by docs/design/draw_architecture.py; the test docs.architecture compares. -->"
    yield "<title>The rooms of lamella, and who includes whom</title>"
    yield ('<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
           'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>')
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    for source, target in drawn:
        x1, y1, x2, y2 = (f"{value:g}" for value in line(source, target))
        yield (f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#555" stroke-width="1.3" '
               f'marker-end="url(#tip)"><title>{escape(source)} includes {escape(target)}</title></line>')
    for room, (_, _, _, purpose) in PLACES.items():
        x, y, w, h = box(room)
        colour = COLOURS.get(re.match(r"\w+", room)[0], OTHER_COLOUR)
        yield (f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="5" fill="{colour}" '
               'stroke="#555"/>')
        middle = f"{x + w / 2:g}"
        yield (f'<text x="{middle}" y="{y + 22:g}" text-anchor="middle" font-size="13" '
               f'font-weight="bold">{escape(room)}</text>')
        yield (f'<text x="{middle}" y="{y + 40:g}" text-anchor="middle" font-size="12">'
               f'{escape(purpose)}</text>')
    yield "</svg>"


def main():
    figure = HERE / "architecture.svg"
    try:
        drawn = "\n".join(svg(ROOT)) + "\n"
    except ValueError as error:
        print(f"{Path(__file__).name}: {error}")
        return 1
    if "--check" not in sys.argv[1:]:
        figure.write_text(drawn)
    elif not figure.exists() or figure.read_text() != drawn:
        print(f"{figure.name} is not what the sources say; run docs/design/draw_architecture.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
