"""Turns the `sh` blocks of a Markdown page into a shell script: `blocks.py PAGE FOLDER [--long]`.

Each block starts in FOLDER. A page is one shell, so a later block can use `$!` of an earlier one. The
line before a block may be a comment that says how it is run:

    <!-- not run: WHY -->
    <!-- run: KEY, KEY -->

Keys: `in NAME` starts in the folder NAME beside FOLDER; `twice`; `may exit with 1`; `long` is only for `--long`.
"""

import pathlib
import re
import shlex
import sys


def blocks(text):
    lines = text.splitlines()
    comment = ""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None:
            if line.strip() == "```sh":
                start = number
            elif line.startswith("<!--"):
                comment = line
            else:
                comment = ""
        elif line.strip() == "```":
            yield start + 1, comment, lines[start : number - 1]
            start, comment = None, ""


def main():
    page, folder, *flags = sys.argv[1:]
    print("set -o pipefail")
    for number, comment, lines in blocks(pathlib.Path(page).read_text(encoding="utf-8")):
        where = f"{page}:{number}"
        if why := re.match(r"<!-- not run: (.+) -->", comment):
            print(f"echo {shlex.quote(f'--- {where}: not run: {why[1]}')}")
            continue
        keys = re.match(r"<!-- run: (.+) -->", comment)
        keys = [key.strip() for key in keys[1].split(",")] if keys else []
        if "long" in keys and "--long" not in flags:
            print(f"echo {shlex.quote(f'--- {where}: only with --long')}")
            continue
        start = folder
        for key in keys:
            if key.startswith("in "):
                start = str(pathlib.Path(folder).parent / key[3:])
        for _ in range(2 if "twice" in keys else 1):
            print(f"echo {shlex.quote(f'--- {where}')}")
            print(f"at={shlex.quote(where)}")
            print(f"cd {shlex.quote(start)}")
            if lines and lines[0].startswith("#!"):
                # A separate script.
                print("cat >../block <<'END-OF-BLOCK'")
                print("\n".join(lines))
                print("END-OF-BLOCK")
                allowed = 1 if "may exit with 1" in keys else 0
                print(f"code=0; bash ../block || code=$?; ((code <= {allowed}))")
            else:
                print("set -x")
                print("\n".join(lines))
                print("{ set +x; } 2>/dev/null")


main()
