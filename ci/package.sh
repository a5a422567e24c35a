#!/usr/bin/env bash
# Every published crate's package has a readme, both licences and what a registry shows.
# `ci/package.sh --dry-run` then packages all of them in the right order and builds each from the
# packages of the others, like `cargo publish` without the upload. That takes about five minutes on
# two CPUs, so run it by hand before a release.
source "$(dirname "$0")/lib.sh"

debian python3=python3

mapfile -t packages < <(cargo metadata --no-deps --format-version 1 --locked |
    python3 -c 'import json, sys; print("\n".join(p["name"] for p in json.load(sys.stdin)["packages"] if p["publish"] != []))')
failed=0
for package in "${packages[@]}"; do
    files=$(cargo package --list --allow-dirty --package "$package")
    for file in README.md LICENSE-MIT LICENSE-APACHE; do
        grep --quiet --line-regexp "$file" <<<"$files" || {
            echo "FAILED: $package has no $file"
            failed=1
        }
    done
done
python3 ci/package/metadata.py "${packages[@]}" || failed=1
echo "packages: ${packages[*]}"
[[ $failed == 0 && ${1-} == --dry-run ]] || exit "$failed"

# Builds packages from one another: cargo takes those that are not on the registry yet from its own
# folder.
cargo publish --dry-run --workspace --locked --allow-dirty 2>&1 | tee "$target/package.log"
if grep --quiet '^error' "$target/package.log"; then
    exit 1
fi
for package in "${packages[@]}"; do
    grep --quiet "Uploading $package " "$target/package.log" || {
        echo "FAILED: $package would not be published"
        exit 1
    }
done
