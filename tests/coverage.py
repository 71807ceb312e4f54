#!/usr/bin/env python3
"""Says how much of gateway/ ran: lines per folder, and what the pure folders left out.

  tests/coverage.py BUILD_DIR     reads what a build of the coverage preset has counted

Fails when a file of a pure folder lies under the bar: there is no I/O there to hide behind, so
each of its lines can be reached by a test.
"""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PURE = ("base", "campaign", "policy", "http", "identity")
BAR = 95.0     # percent of a file's lines; what is left is memory that malloc itself refuses


def counts(build):
    """File below gateway/ -> {line: how often it ran}."""
    report = subprocess.run(
        ["gcovr", "--root", ROOT, "--filter", f"{ROOT}/gateway/",
         "--exclude", ".*/zone_offsets_table.c",    # runs while building; its product is tested
         "--json", "-", build],
        check=True, stdout=subprocess.PIPE).stdout
    return {file["file"].removeprefix("gateway/"):
            {line["line_number"]: line["count"] for line in file["lines"]
             if not line.get("gcovr/noncode")}
            for file in json.loads(report)["files"]}


def percent(lines):
    return 100.0 * sum(1 for count in lines if count) / len(lines) if lines else 100.0


def folder_of(name):
    return name.split("/")[0] if "/" in name else "(root)"


def ranges(numbers):
    """[3, 4, 5, 9] -> "3-5, 9"."""
    parts = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in parts)


def main(build):
    files = counts(build)
    folders = defaultdict(list)
    for name, lines in files.items():
        folders[folder_of(name)] += lines.values()
    for folder in sorted(folders, key=lambda f: (f not in PURE, f)):
        ran = sum(1 for count in folders[folder] if count)
        print(f"{folder:10} {percent(folders[folder]):6.1f} %  {ran:5} of {len(folders[folder]):5}")
    low = [name for name in sorted(files)
           if folder_of(name) in PURE and percent(list(files[name].values())) < BAR]
    for name in low:
        missed = [number for number, count in sorted(files[name].items()) if not count]
        print(f"under {BAR:.0f} %: gateway/{name} {percent(list(files[name].values())):.1f} %, "
              f"never ran: {ranges(missed)}")
    return 1 if low else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
