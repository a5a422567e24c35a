#!/usr/bin/env bash
# Compares what the model expects of changes to locks with what they bring, and rewrites the table
# of docs/explanation/what-if.md. Takes three minutes; leave the machine idle meanwhile.
source "$(dirname "$0")/lib.sh"

scratch
page=docs/explanation/what-if.md
cargo bench --quiet --package nexus-lockprof-benches --bench what_if --no-run
cargo bench --quiet --package nexus-lockprof-benches --bench what_if | section "$page" what-if
