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
    r"utf8proc\.h": ["policy/text.c"],
    r"pcre2\.h": ["policy/pattern.c"],
    r"event2/|event\.h|evhtp": ["net/"],
    r"openssl/(ssl|bio|x509v3)\.h": ["net/"],
    r"openssl/": ["net/", "audit/", "upstream/credential.c"],
    r"sqlite3\.h": ["audit/index_db.c"],
    r"seccomp\.h": ["sandbox_calls.c"],
    r"(postgresql/)?libpq": ["audit/central.c", "guard/"],
}

# Calls that style.md or libraries.md found unsafe.
FORBIDDEN = re.compile(
    r"\b(strcpy|strcat|sprintf|atoi|strtok|gets|evhtp_(request_)?(pause|resume)|evhtp_ssl_init|"
    r"evhtp_use_threads\w*|evhtp_set_cb|evdns_\w+|cJSON_GetObjectItem|cJSON_Print\w*|"
    r"cJSON_Compare)\s*\(|\bEV_CLOSED\b")


def read_table(architecture):
    """folder -> what it may include, a folder ("base/") or one file of it ("campaign/violation").

    A folder that is missing may include everything."""
    table = {}
    section = architecture.split("## Include directions")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not re.fullmatch(r"[a-z]+", cells[0]) or cells[0] == "folder":
            continue
        allowed = re.findall(r"([a-z]+)(?: \(([a-z]+?)s? only\))?", cells[1])
        table[cells[0]] = {f"{target}/{file}" for target, file in allowed}
    strange = {way for ways in table.values() for way in ways if way.split("/")[0] not in table}
    assert not strange, f"the include table names folders it has no row for: {strange}"
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
            include = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not include:
                continue
            target = include[2]
            # <net/loop.h> would find our header as well as "net/loop.h" does
            ours = include[1] == '"' or (root / "gateway" / target).is_file()
            foreign = home_of(target)
            if foreign:
                if not any(name.startswith(home) for home in foreign):
                    yield f"{place}: {target} has its home in {', '.join(foreign)}"
            elif ours and folder in table and not re.fullmatch(r"\w+\.inc", target):
                # an .inc without a folder is made at build time for the file that includes it
                if not any(target.startswith(way) for way in {f"{folder}/"} | table[folder]):
                    yield f"{place}: {folder}/ may not include \"{target}\""


def home_of(header):
    """Where a third-party header may be included; None when it has no home of its own."""
    return next((homes for pattern, homes in HOMES.items() if re.match(pattern, header)), None)


def self_test(table):
    planted = {"base/a.c": '#include "net/loop.h"\n', "http/b.c": "#include <event2/event.h>\n",
               "campaign/c.c": "#include <cjson/cJSON.h>\n", "net/d.c": "strcpy(a, b);\n",
               "net/e.c": '#include "exchange.h"\n', "http/f.c": '#include "campaign/campaign.h"\n',
               "base/g.c": "#include <net/loop.h>\n", "cli/h.c": '#include "event2/event.h"\n',
               "audit/i.c": "#include <postgresql/libpq-fe.h>\n", "net/j.c": "sprintf (a, b);\n",
               "policy/k.c": "#include <utf8proc.h>\n", "net/s.c": "#include <seccomp.h>\n"}
    rightful = {"net/loop.h": "", "http/k.c": '#include "campaign/violation.h"\n#include <net/if.h>\n',
                "net/l.c": '#include "net/loop.h"\n#include <event2/event.h>\n',
                "cli/m.c": '#include "net/loop.h"\n', "base/n.c": '#include "zones_table.inc"\n'}
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (planted | rightful).items():
            path = Path(directory, "gateway", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = list(breaches(Path(directory), table))
    places = sorted(line.split(": ")[0] for line in found)
    assert places == sorted(f"gateway/{name}:1" for name in planted), found
    print(f"layers: all {len(planted)} planted breaches were found, and nothing else")


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
