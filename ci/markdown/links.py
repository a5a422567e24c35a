"""Checks the links of every Markdown file, and every path below docs/ that another file names.

A relative link must lead to a file of this repository and, with `#anchor`, to a heading in it. Links to other
sites are not followed.
"""

import pathlib
import re
import subprocess
import sys

HEADING = re.compile(r"^#{1,6} +(.*?) *#*$")
LINK = re.compile(r"(?<!\\)\]\(<?([^)<>\s]+)>?(?:\s+\"[^\"]*\")?\)")
# Paths in comments. `NNNN` or `*` in a path stands for many.
NAMED = re.compile(r"(?<![\w/.-])((?:\.\./)*docs/[\w./-]+\.(?:md|svg|png|yml|json|jsonl))")


def tracked():
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True, text=True
    ).stdout
    return [pathlib.Path(name) for name in names.split("\0") if name and pathlib.Path(name).is_file()]


def prose(text):
    """Yields the lines outside code blocks with their numbers. Spans of code stay."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if fence is None and mark:
            fence = mark[1]
        elif fence is not None:
            if mark and mark[1].startswith(fence):
                fence = None
        else:
            yield number, line


def slug(heading):
    """The anchor that GitHub gives a heading."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = re.sub(r"[^\w\- ]", "", heading.lower())
    return heading.replace(" ", "-")


def anchors(path, known={}):
    if path not in known:
        found = {}
        for _, line in prose(path.read_text(encoding="utf-8")):
            if heading := HEADING.match(line):
                name = slug(heading[1])
                count = found.get(name, 0)
                found[name] = count + 1
                if count:
                    found[f"{name}-{count}"] = 1
            for name in re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line):
                found[name] = 1
        known[path] = set(found)
    return known[path]


def main():
    files = tracked()
    known = {path.resolve() for path in files}
    root = pathlib.Path.cwd()
    errors = []
    count = 0
    for path in files:
        if path.suffix == ".md":
            for number, line in prose(path.read_text(encoding="utf-8")):
                line = re.sub(r"`[^`]*`", lambda code: "`" * len(code[0]), line)
                for link in LINK.findall(line):
                    if re.match(r"[a-z][a-z0-9+.-]*:", link):
                        continue
                    count += 1
                    name, _, anchor = link.partition("#")
                    target = (path.parent / name).resolve() if name else path.resolve()
                    if target not in known and not (target.is_dir() and target.is_relative_to(root)):
                        errors.append(f"{path}:{number}: {link}: no such file")
                    elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                        errors.append(f"{path}:{number}: {link}: no such heading")
        elif path.suffix in (".rs", ".toml", ".sh", ".py", ".mjs", ".js", ".html", ".yml") or path.name == "all":
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(text.splitlines(), 1):
                for name in NAMED.findall(line):
                    count += 1
                    if (root / re.sub(r"^(\.\./)+", "", name)).resolve() not in known:
                        errors.append(f"{path}:{number}: {name}: no such file")
    print(f"{count} links in {len(files)} files")
    for error in errors:
        print(error)
    sys.exit(1 if errors else 0)


main()
