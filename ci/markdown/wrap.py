"""Wraps the prose of Markdown files, and the comments of Rust files, at 100 columns: `wrap.py --check FILE...` or
`wrap.py --write FILE...`.

Code, tables, headings, HTML and what lies between the marks of a generated section stay as they are. So do paragraphs of
comments without a line that is too long. A word, a link's address or a span of code that is longer than a line has a
line of its own.
"""

import pathlib
import re
import sys

WIDTH = 100
ITEM = re.compile(r"^( *)([-*+]|\d+[.)]) +")
# Words with another meaning at the beginning of a line.
MARKUP = re.compile(r"([-+*>|=]|#{1,6}|\d+[.)]|~~~.*|```.*)$")


def blocks(lines):
    """Yields (is_prose, lines): paragraphs and items of lists, and everything else line by line."""
    fence = None
    generated = False
    comment = False
    current = []
    for line in lines:
        mark = re.match(r" *(`{3,}|~{3,})", line)
        stripped = line.strip()
        if fence is not None:
            if mark and mark[1].startswith(fence):
                fence = None
            plain = False
        elif comment or generated or mark or not stripped:
            if mark:
                fence = mark[1]
            plain = False
        else:
            plain = not re.match(r"(#{1,6} |<|\||>|\[[^]]+\]:|(---|\*\*\*)$)", stripped)
        if fence is None and not mark:
            if re.match(r"<!-- [\w, -]+: begin", stripped):
                generated = True
            elif re.match(r"<!-- [\w, -]+: end", stripped):
                generated = False
            elif stripped.startswith("<!--"):
                comment = True
            if comment and "-->" in stripped:
                comment = False
        if plain:
            if ITEM.match(line) and current:
                yield True, current
                current = []
            current.append(line)
            if line.endswith("  ") or line.endswith("\\"):
                yield True, current
                current = []
        else:
            if current:
                yield True, current
                current = []
            yield False, [line]
    if current:
        yield True, current


def wrap(lines, width=WIDTH):
    first = lines[0]
    item = ITEM.match(first)
    if item:
        indent, hang = item[0], " " * len(item[0])
        first = first[len(item[0]) :]
    else:
        indent = hang = re.match(" *", first)[0]
    end = "  " if lines[-1].endswith("  ") else ""
    text = " ".join([first.strip()] + [line.strip() for line in lines[1:]])
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda code: code[0].replace(" ", "\0"), text)
    rows, row = [], ""
    for word in text.split(" "):
        if not word:
            continue
        prefix = hang if rows else indent
        if not row:
            row = word
        elif len(prefix) + len(row) + 1 + len(word) <= width or MARKUP.match(word):
            row += " " + word
        else:
            rows.append(prefix + row)
            row = word
    rows.append((hang if rows else indent) + row)
    rows = [row.replace("\0", " ") for row in rows]
    rows[-1] += end
    return rows


def too_long(lines, width=WIDTH):
    """Whether a line is longer than necessary."""
    best = wrap(lines, width)
    return max(map(len, lines)) > max(width, max(map(len, best)))


COMMENT = re.compile(r"^( *)(//[/!]?)( |$)")


def comments(lines):
    """Yields (mark, lines): what stands before the text of each run of comments, and its lines; `None` for code."""
    run, mark = [], None
    for line in lines:
        match = COMMENT.match(line)
        this = match[1] + match[2] if match else None
        if this != mark and run:
            yield mark, run
            run = []
        mark = this
        run.append(line)
    if run:
        yield mark, run


def rust(name, text, write):
    """The file with its comments wrapped, and which lines begin a paragraph that is too long."""
    out, found = [], []
    for mark, lines in comments(text.splitlines()):
        if mark is None:
            out += lines
            continue
        width = WIDTH - len(mark) - 1
        for is_prose, block in blocks([line[len(mark) + 1 :] for line in lines]):
            if is_prose and not block[0].startswith("    ") and too_long(block, width):
                found.append(f"{name}:{len(out) + 1}: longer than {WIDTH} columns: {block[0][:60]}")
                if write:
                    block = wrap(block, width)
            out += [f"{mark} {line}".rstrip() if line.strip() else mark for line in block]
    return "\n".join(out) + "\n", found


def main():
    what, *names = sys.argv[1:]
    failed = False
    for name in names:
        path = pathlib.Path(name)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".rs":
            new, found = rust(name, text, what == "--write")
            if what == "--write":
                if found:
                    path.write_text(new, encoding="utf-8")
            else:
                failed = failed or bool(found)
                print("".join(line + "\n" for line in found), end="")
            continue
        out = []
        for is_prose, lines in blocks(text.splitlines()):
            if is_prose and what == "--check" and too_long(lines):
                print(f"{name}:{len(out) + 1}: longer than {WIDTH} columns: {lines[0][:60]}")
                failed = True
            out += wrap(lines) if is_prose and what == "--write" else lines
        if what == "--write":
            path.write_text("\n".join(out) + "\n", encoding="utf-8")
    if failed:
        print("ci/prose.sh --wrap FILE... wraps them")
    sys.exit(1 if failed else 0)


main()
