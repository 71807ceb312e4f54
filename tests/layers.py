#!/usr/bin/python3
"""The include table of gateway/ARCHITECTURE.md as a test.

    tests/layers.py               checks gateway/: exit 1 and FILE:LINE for each breach
    tests/layers.py --self-test   plants breaches and checks that they are found
"""
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Which third-party header lives where; the table of ARCHITECTURE.md says so in words.
HOMES = {
    r"cjson/": ["base/json_read.c"],
    r"yaml\.h": ["base/yaml_read.c"],
    r"event2/|evhtp": ["net/"],
    r"openssl/(ssl|bio|x509v3)\.h": ["net/"],
    r"openssl/": ["net/", "audit/", "upstream/credential.c"],
    r"sqlite3\.h": ["audit/index.c"],
    r"libpq": ["audit/ship.c", "guard/"],
}

# Calls that style.md or libraries.md found unsafe.
FORBIDDEN = re.compile(
    r"\b(strcpy|strcat|sprintf|atoi|strtok|gets|evhtp_(request_)?(pause|resume)|evhtp_ssl_init|"
    r"evhtp_use_threads\w*|evhtp_set_cb|evdns_\w+|cJSON_GetObjectItem|cJSON_Print\w*|"
    r"cJSON_Compare)\(|\bEV_CLOSED\b")


def read_table(architecture):
    """folder -> folders it may include; a missing folder may include everything."""
    table = {}
    section = architecture.split("## Include directions")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not re.fullmatch(r"[a-z]+", cells[0]) or cells[0] == "folder":
            continue
        table[cells[0]] = set(re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", cells[1])))
    return table


def breaches(root, table):
    for path in sorted((root / "gateway").rglob("*.[ch]")):
        name = path.relative_to(root / "gateway").as_posix()
        folder = name.split("/")[0] if "/" in name else ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            place = f"gateway/{name}:{number}"
            code = re.sub(r'/\*.*?\*/|"[^"]*"', "", line)
            if FORBIDDEN.search(code):
                yield f"{place}: {FORBIDDEN.search(code).group(0)} must not be used"
            own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if own and folder in table:
                target = own[1].split("/")[0] if "/" in own[1] else ""
                if own[1].endswith(".inc"):
                    continue  # made at build time for the file that includes it
                if target != folder and target not in table[folder]:
                    yield f"{place}: {folder}/ may not include \"{own[1]}\""
            foreign = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            if foreign:
                for pattern, homes in HOMES.items():
                    if re.match(pattern, foreign[1]):
                        if not any(name.startswith(home) for home in homes):
                            yield f"{place}: <{foreign[1]}> has its home in {', '.join(homes)}"
                        break


def self_test(table):
    planted = {"base/a.c": '#include "net/loop.h"\n', "http/b.c": "#include <event2/event.h>\n",
               "campaign/c.c": "#include <cjson/cJSON.h>\n", "net/d.c": "strcpy(a, b);\n",
               "net/e.c": '#include "exchange.h"\n'}
    with tempfile.TemporaryDirectory() as directory:
        for name, text in planted.items():
            path = Path(directory, "gateway", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = list(breaches(Path(directory), table))
    assert len(found) == len(planted), found
    print(f"layers: all {len(planted)} planted breaches were found")


def main():
    table = read_table((ROOT / "gateway/ARCHITECTURE.md").read_text())
    assert {"base", "campaign", "policy", "http", "net", "audit", "upstream"} <= set(table), table
    if "--self-test" in sys.argv:
        return self_test(table)
    found = list(breaches(ROOT, table))
    for line in found:
        print(line)
    if not found:
        print(f"layers: every include goes the right way ({len(table)} folders)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
