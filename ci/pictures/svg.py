"""Draws a terminal's screen as SVG, from the output of `tmux capture-pane -e -p`: `svg.py COLUMNS TITLE <SCREEN`."""

import re
import sys
import unicodedata
from html import escape

WIDTH, HEIGHT, PAD, BAR = 7.25, 17, 12, 26
BACKGROUND, FOREGROUND = "#1e1f29", "#d8dae6"
COLOURS = ["#4b4d5e", "#ff6b70", "#7bd88f", "#f5c86a", "#6aa8ff", "#c792ea", "#5fd7d7", "#d8dae6"]
BRIGHT = ["#777a91", "#ff8c90", "#9bf0ad", "#ffdc8f", "#8fc0ff", "#dbb3f5", "#85ecec", "#ffffff"]


def colour(codes, at):
    """The colour code at `at`, in one of its three forms, and the index of its last number."""
    code = codes[at]
    if code % 10 == 8 and code < 50:
        if codes[at + 1] == 2:
            return "#%02x%02x%02x" % tuple(codes[at + 2 : at + 5]), at + 4
        index = codes[at + 2]
        if index < 16:
            return (COLOURS + BRIGHT)[index], at + 2
        if index >= 232:
            grey = 8 + 10 * (index - 232)
            return "#%02x%02x%02x" % (grey, grey, grey), at + 2
        levels = [0, 95, 135, 175, 215, 255]
        index -= 16
        return "#%02x%02x%02x" % (levels[index // 36], levels[index // 6 % 6], levels[index % 6]), at + 2
    if code >= 90:
        return BRIGHT[code % 10], at
    return COLOURS[code % 10], at


def columns_of(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cells(line, style):
    """Yields (text, columns, style) for each run of one style. Updates `style`, which the next line continues."""
    for part in re.split(r"(\x1b\[[0-9;]*m|\x0e|\x0f)", line):
        if match := re.match(r"\x1b\[([0-9;]*)m", part):
            codes = [int(code or 0) for code in match[1].split(";")]
            at = 0
            while at < len(codes):
                code = codes[at]
                if code == 0:
                    style.clear()
                elif code in (1, 2, 4, 7):
                    style[code] = True
                elif code == 22:
                    style.pop(1, None), style.pop(2, None)
                elif code in (24, 27):
                    style.pop(code - 20, None)
                elif code in (39, 49):
                    style.pop("fg" if code == 39 else "bg", None)
                elif 30 <= code <= 38 or 90 <= code <= 97:
                    value, at = colour(codes, at)
                    style["fg"] = value
                elif 40 <= code <= 48 or 100 <= code <= 107:
                    value, at = colour(codes, at)
                    style["bg"] = value
                at += 1
        elif part and part not in "\x0e\x0f":
            yield part, columns_of(part), dict(style)


def main():
    columns, title = int(sys.argv[1]), sys.argv[2]
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width = columns * WIDTH + 2 * PAD
    height = len(lines) * HEIGHT + 2 * PAD + BAR
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
    ]
    for i, dot in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        out.append(f'<circle cx="{PAD + 8 + 18 * i}" cy="{PAD + 6}" r="5" fill="{dot}"/>')
    out.append(
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="12" fill="{FOREGROUND}">'
    )
    current = {}
    for row, line in enumerate(lines):
        y = PAD + BAR + row * HEIGHT
        column = 0
        for text, wide, style in cells(line, current):
            foreground, background = style.get("fg"), style.get("bg")
            if 7 in style:
                foreground, background = background or BACKGROUND, foreground or FOREGROUND
            x = PAD + column * WIDTH
            if background:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{wide * WIDTH:.1f}" height="{HEIGHT}" fill="{background}"/>')
            attributes = f' fill="{foreground}"' if foreground else ""
            if 1 in style:
                attributes += ' font-weight="bold"'
            if 2 in style:
                attributes += ' opacity="0.6"'
            if 4 in style:
                attributes += ' text-decoration="underline"'
            # Word by word, so that each begins in its column with any font.
            for word in re.finditer(r"\S+", text):
                x = PAD + (column + columns_of(text[: word.start()])) * WIDTH
                out.append(f'<text x="{x:.1f}" y="{y + 13}"{attributes}>{escape(word[0])}</text>')
            column += wide
    out += ["</g>", "</svg>"]
    print("\n".join(out))


main()
