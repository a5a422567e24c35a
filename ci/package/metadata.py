"""Checks what a registry shows of each package: description, licence, keywords, categories, readme, docs.rs features."""

import json
import subprocess
import sys

metadata = json.loads(
    subprocess.run(
        ["cargo", "metadata", "--no-deps", "--format-version", "1", "--locked"], capture_output=True, check=True, text=True
    ).stdout
)
failed = False
for package in metadata["packages"]:
    if package["name"] not in sys.argv[1:]:
        continue
    missing = [
        key
        for key in ("description", "license", "keywords", "categories", "readme", "rust_version")
        if not package[key]
    ]
    features = set(package["features"]) - {"default"}
    docs = ((package["metadata"] or {}).get("docs") or {}).get("rs") or {}
    if features - set(package["features"].get("default", [])) and not docs:
        missing.append("package.metadata.docs.rs")
    for dependency in package["dependencies"]:
        if dependency.get("path") and dependency["req"] == "*" and dependency["kind"] != "dev":
            missing.append(f"version of {dependency['name']}")
    if missing:
        print(f"FAILED: {package['name']} has no {', '.join(missing)}")
        failed = True
sys.exit(failed)
