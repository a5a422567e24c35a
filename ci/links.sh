#!/usr/bin/env bash
# Every relative link in Markdown leads to a file and a heading. Every page of docs/ that the source
# names exists.
source "$(dirname "$0")/lib.sh"

debian python3=python3
python3 ci/markdown/links.py
