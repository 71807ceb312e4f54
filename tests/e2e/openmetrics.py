"""A reader of OpenMetrics 1.0 and of Prometheus' format 0.0.4 that forgives nothing: every rule is an assertion."""
import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|Inf)|NaN"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ({NUMBER})")
BOUND = re.compile(r"[0-9]+\.[0-9]+|[0-9](?:\.[0-9]+)?e[-+][0-9]{2}|\+Inf")
SUFFIXES = {"counter": ["_total"], "gauge": [""], "info": ["_info"], "histogram": ["_bucket", "_count", "_sum"]}
ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass
class Family:
    name: str
    type: str
    unit: str = ""
    help: str = ""
    samples: dict = field(default_factory=dict)      # (suffix, ((label, value), ...)) -> number

    def labels(self):
        return {name for _, labels in self.samples for name, _ in labels} - {"le"}


def read_labels(text):
    labels, rest = [], text or ""
    while rest:
        match = LABEL.match(rest)
        assert match, f"not a label: {rest!r}"
        labels.append((match[1], re.sub(r"\\.", lambda escape: ESCAPED[escape[0]], match[2])))
        rest = rest[match.end():]
        assert bool(rest) == (match[3] == ","), f"a comma too many or too few: {text!r}"
    names = [name for name, _ in labels]
    assert len(names) == len(set(names)), f"a label is given twice: {text!r}"
    return tuple(labels)


def check_histogram(family):
    series = {}
    for (suffix, labels), value in family.samples.items():
        rest = tuple(label for label in labels if label[0] != "le")
        series.setdefault(rest, {}).setdefault(suffix, []).append((dict(labels).get("le"), value))
    for labels, parts in series.items():
        assert set(parts) == {"_bucket", "_count", "_sum"}, f"{family.name}{labels} is not complete"
        assert all(BOUND.fullmatch(bound) for bound, _ in parts["_bucket"]), f"bounds of {family.name}"
        bounds = [float(bound) for bound, _ in parts["_bucket"]]
        counts = [count for _, count in parts["_bucket"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), f"bounds of {family.name}"
        assert counts == sorted(counts), f"the buckets of {family.name}{labels} are not cumulative"
        assert parts["_count"] == [(None, counts[-1])], f"+Inf of {family.name}{labels} is not its count"
        assert len(parts["_sum"]) == 1


def check_family(family, openmetrics):
    assert family.help, f"{family.name} is not explained"
    assert all(value >= 0 for (suffix, _), value in family.samples.items() if suffix not in ("", "_sum"))
    if family.unit:
        assert openmetrics and family.name.endswith("_" + family.unit), f"the unit of {family.name}"
    if openmetrics and re.search(r"_(seconds|bytes)$", family.name):
        assert family.unit, f"{family.name} tells no unit"
    if family.type == "histogram":
        check_histogram(family)
    if family.type == "info":
        assert set(family.samples.values()) <= {1}


def read_comment(line, families, openmetrics):
    match = re.fullmatch(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)", line)
    assert match, f"not a line of a family: {line!r}"
    kind, name, value = match.groups()
    if kind == "TYPE":
        assert name not in families, f"{name} is told of twice"
        assert value in (SUFFIXES if openmetrics else ("counter", "gauge", "histogram")), line
        families[name] = Family(name, value)
        return
    family = list(families.values())[-1]
    assert family.name == name and not family.samples, f"out of place: {line!r}"
    assert not getattr(family, kind.lower()), f"given twice: {line!r}"
    setattr(family, kind.lower(), value)


def read(text, openmetrics):
    """name -> Family."""
    families, seen = {}, set()
    assert text.endswith("\n") and "\r" not in text
    lines = text[:-1].split("\n")
    if openmetrics:
        assert lines.pop() == "# EOF"
    for line in lines:
        if line.startswith("#"):
            read_comment(line, families, openmetrics)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line!r}"
        family = list(families.values())[-1]
        suffixes = SUFFIXES[family.type] if openmetrics or family.type == "histogram" else [""]
        suffix = match[1].removeprefix(family.name)
        assert match[1].startswith(family.name) and suffix in suffixes, f"{line!r} is not of {family.name}"
        labels = read_labels(match[2])
        assert (match[1], frozenset(labels)) not in seen, f"told twice: {line!r}"
        seen.add((match[1], frozenset(labels)))
        family.samples[suffix, labels] = float(match[3])
    for family in families.values():
        check_family(family, openmetrics)
        if not openmetrics:
            assert (family.type == "counter") == family.name.endswith("_total"), family.name
    return families
