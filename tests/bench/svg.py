# SPDX-License-Identifier: BSD-3-Clause
"""svg.py - a plot of the two sides as plain SVG, to be read on light and on dark ground."""
import html
import math

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 20, 56, 46
# All colours stand out on white and on black: a picture does not know which page it is on.
COLOURS = {'cleat': '#3b82f6', 'peer': '#e8862e'}
DASHES = {'cleat': '', 'peer': ' stroke-dasharray="6 4"'}
TITLES = {'cleat': 'Cleat', 'peer': 'DPDK'}
STYLE = ('<style>text{font:12px sans-serif;fill:#7a828c}.head{font-weight:bold}'
         '.grid{stroke:#888888;stroke-opacity:.35}</style>')


def steps(least, most, log):
    """Where the grid lines are."""
    if log:
        powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
        marks = [m * 10.0 ** p for p in powers for m in (1, 2, 5)]
        low = max(m for m in marks if m <= least)
        return [m for m in marks if low <= m <= min(x for x in marks if x >= most)]
    unit = 10.0 ** math.floor(math.log10(most))
    step = next(s * unit for s in (0.1, 0.2, 0.5, 1, 2) if most / (s * unit) <= 6)
    return [step * i for i in range(math.ceil(most / step) + 1)]


class Axes:
    """From values to places on the picture."""

    def __init__(self, places, values, log):
        self.log, self.places = log, places
        self.marks = steps(min(values) * 0.8, max(values) * 1.1, log)

    def x(self, place):
        """Places are as far from each other whatever they are."""
        step = (WIDTH - LEFT - RIGHT) / len(self.places)
        return LEFT + step * (self.places.index(place) + 0.5)

    def y(self, value):
        """Up is more."""
        def scale(v):
            return math.log10(v) if self.log else v
        low, high = scale(self.marks[0]), scale(self.marks[-1])
        return HEIGHT - BOTTOM - (scale(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def text(x, y, what, anchor='middle', more=''):
    """Words."""
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
        x, y, anchor, more, html.escape(what))


def number(value):
    """Short."""
    return '%.0f' % value if value >= 100 else '%.3g' % value


def series(axes, side, points, others):
    """One side: its line, its points with spread and value. `others`: {place: other's value}."""
    colour, out, falls = COLOURS[side], [], points[0][1] > points[-1][1]
    path = ' '.join('%.1f,%.1f' % (axes.x(p), axes.y(v)) for p, v, _ in points)
    out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>' % (
        path, colour, DASHES[side]))
    for place, value, (least, most) in points:
        x, y = axes.x(place), axes.y(value)
        ends = [min(max(axes.y(v), TOP), HEIGHT - BOTTOM) for v in (least, most)]
        out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s"/>' % (
            x, x, ends[0], ends[1], colour))
        if side == 'cleat':
            out.append('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (x, y, colour))
        else:
            out.append('<rect x="%.1f" y="%.1f" width="8" height="8" fill="%s"/>' % (
                x - 4, y - 4, colour))
        above = value >= others.get(place, 0)
        right = above == falls  # beside the line, not on it
        out.append(text(x + (8 if right else -8), y - 7 if above else y + 17, number(value),
                        'start' if right else 'end'))
    return out


def plot(title, x_title, y_title, sides, log=False):
    """
    A whole picture.

    @param sides  {'cleat': [(place, value, (least, most))...], 'peer': the same}; places in order
    """
    places = sorted({p for points in sides.values() for p, _, _ in points})
    axes = Axes(places, [v for points in sides.values() for _, v, _ in points], log)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
           'role="img">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           '<title>%s</title>' % html.escape(title), STYLE,
           text(LEFT, 18, title, 'start', ' class="head"'), text(LEFT, 40, y_title, 'start')]
    for mark in axes.marks:
        y = axes.y(mark)
        out.append('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>' % (
            LEFT, WIDTH - RIGHT, y, y))
        out.append(text(LEFT - 6, y + 4, number(mark), 'end'))
    for place in places:
        out.append(text(axes.x(place), HEIGHT - BOTTOM + 18, str(place)))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_title))
    for i, (side, points) in enumerate(sides.items()):
        x = WIDTH - RIGHT - 150 + 80 * i
        out.append('<line x1="%d" x2="%d" y1="36" y2="36" stroke="%s" stroke-width="2"%s/>' % (
            x, x + 24, COLOURS[side], DASHES[side]))
        out.append(text(x + 30, 40, TITLES[side], 'start'))
        others = {p: v for other, found in sides.items() if other != side for p, v, _ in found}
        out += series(axes, side, points, others)
    return '\n'.join(out + ['</svg>', ''])
