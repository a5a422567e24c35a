#!/usr/bin/env bash
# Tests the page. node runs its logic; then headless Chromium opens it from a file and from a
# running program's endpoint. The table must match the JSON. Sorting, filter and details work by
# click and by key, hostile names are text, nothing is fetched from elsewhere, and the console is
# silent. Screenshots are in target/page/ for you to look at.
source "$(dirname "$0")/lib.sh"

command -v npm >/dev/null || debian node=nodejs npm=npm
debian chromium=chromium

scratch
ci/vendor-page.sh --check
node --test ci/page/*.test.mjs

cp ci/page/*.json ci/page/*.mjs "$work"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error

programs
node "$work/snapshots.mjs" "$work"
cp crates/nexus-lockprof-export/tests/golden/rich.json "$work"
for name in demo hostile empty many rich; do
    "$target/debug/examples/convert" html "$work/$name.json" >"$work/$name.html"
    echo "$name.html: $(wc --bytes <"$work/$name.html") bytes, of $(wc --bytes <"$work/$name.json") of JSON"
done

shots=$target/page
mkdir -p "$shots"
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
PAGE_SOURCE=$PWD/ci/page node "$work/page.mjs" "$work" "$shots" "$target/debug/scraped" "$port"
echo "screenshots: $shots/"
