#!/usr/bin/env bash
# Renews ci/advisories from a checkout of https://github.com/rustsec/advisory-db: `ci/advisories.sh
# FOLDER`. Run it by hand, with a network. ci/deny.sh checks the copy without one. It has only the
# advisories of the packages in Cargo.lock.
: "${1:?the folder of the checkout}"
database=$(realpath "$1")
source "$(dirname "$0")/lib.sh"

to=ci/advisories
rm -rf "$to"
mkdir -p "$to/crates"
dependencies >"$to/packages"
while read -r package; do
    if [[ -d $database/crates/$package ]]; then
        mkdir "$to/crates/$package"
        for advisory in "$database/crates/$package"/*.md; do
            # Keep only the checked part and the title. The text is on the page that the number
            # leads to.
            awk '{ print } /^```$/ { exit }' "$advisory" >"$to/crates/$package/$(basename "$advisory")"
            grep -m 1 '^# ' "$advisory" >>"$to/crates/$package/$(basename "$advisory")"
        done
    fi
done <"$to/packages"
cat >"$to/README.md" <<END
The advisories of [RustSec](https://rustsec.org) about the packages in \`packages\`, which are those of \`Cargo.lock\`: a copy of
rustsec/advisory-db at $(git -C "$database" log -1 --format='%h of %cs'), in the public domain (CC0). Written by \`ci/advisories.sh\`.
END
cat "$to/README.md"
