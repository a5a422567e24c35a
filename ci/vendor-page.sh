#!/usr/bin/env bash
# Remakes the page's vendored assets from the npm packages that ci/page/package-lock.json pins by
# checksum: uPlot's own build, and one file with d3-flame-graph and the parts of d3 that it needs.
# `--check` changes nothing, and fails unless they equal the repository's files byte for byte.
source "$(dirname "$0")/lib.sh"

assets=crates/nexus-lockprof-export/src/html/assets/vendor
command -v npm >/dev/null || debian npm=npm
scratch
cp ci/page/package.json ci/page/package-lock.json ci/page/flame.mjs "$work"
# Packages' scripts do not run: none is needed.
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error

modules=$work/node_modules
out=$work/out
mkdir "$out"
# Keeps its banner, which lacks a line end.
cp "$modules/uplot/dist/uPlot.iife.min.js" "$out/uplot.min.js"
cp "$modules/uplot/dist/uPlot.min.css" "$out/uplot.min.css"
# Keeps names, since d3-flame-graph looks at one of them. The style is the page's own, so that it
# follows the theme.
(cd "$work" && node_modules/.bin/esbuild flame.mjs --bundle --minify --keep-names --format=iife --global-name=d3flame --target=es2022 \
    --charset=utf8 --loader:.css=empty --metafile=meta.json --outfile=out/flame.min.js --log-level=warning)
# Nothing may end the script element that contains it.
if grep --ignore-case --fixed-strings -e '</script' -e '</style' -e '<!--' "$out"/*; then
    echo "FAILED: a vendored file would end its element"
    exit 1
fi
# The licence of each package in the files.
{
    echo "What is vendored here, and under which licences. Written by ci/vendor-page.sh."
    {
        echo uplot
        node -e '
            const inputs = Object.keys(JSON.parse(require("fs").readFileSync(process.argv[1])).inputs);
            const names = inputs.map((file) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(file)?.[1]).filter(Boolean);
            console.log([...new Set(names)].sort().join("\n"));
        ' "$work/meta.json"
    } | while read -r name; do
        printf '\n================ '
        node -p 'const { name, version, license } = require(process.argv[1]); `${name} ${version}, ${license}`' "$modules/$name/package.json"
        cat "$modules/$name/LICENSE"
    done
} >"$out/LICENSES.txt"

if [[ ${1-} == --check ]]; then
    diff --brief --recursive "$out" "$assets"
    echo "the vendored assets are what their packages make"
else
    cp "$out"/* "$assets"
fi
wc --bytes "$assets"/*
