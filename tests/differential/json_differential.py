#!/usr/bin/python3
"""json_read against Python's json, made as strict as json_read.h promises to be.

The same verdict on 60,000 texts: hand-written nasty ones, generated documents, and mutations of
those and of the fuzz corpus. Where a text is refused, everything before the offset named must still
be the beginning of some JSON text.

    json_differential.py JSON_VERDICT
"""
import json
import pathlib
import random
import subprocess
import sys

TEXTS = 60000
DEPTH = 32  # LIMIT_JSON_DEPTH
CORPUS = pathlib.Path(__file__).parent.parent / "fuzz" / "corpus"

NASTY = [
    # nothing, and what stands around a value
    b"", b" ", b"\n", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b" \xef\xbb\xbf{}", b"{}x", b"{}{}", b"[][]", b"1 2", b"{} ",
    b"\r\n\t 1 \r\n", b"1\n", b"\x0c1", b"\v1", b"\xa01", b"\xc2\xa01", b"\xe2\x80\xa8", b"[\xe2\x80\xa81]", b"\x00",
    b"{}\x00", b"\x00{}", b"1\x00", b"[1]//x", b"/**/1", b"[1]#", b"<a>", b"\xff\xfe1\x00", b"1\x1a", b"\xe2\x81\xa01",
    # structure
    b"[", b"]", b"{", b"}", b"[[", b"[1", b"[1,", b"[1,]", b"[,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1:2]", b"[1}", b"[}",
    b"{,}", b"{]", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{"a":1,,"b":2}', b'{"a" 1}', b'{"a"::1}', b'{"a":1:2}',
    b'{"a":1 "b":2}', b'{"a":1,"b"}', b'{"a":[}', b'["a",', b'["a":1]', b"{a:1}", b"{'a':1}", b"'a'", b"{1:1}", b"{null:1}",
    b"{[]:1}", b'{"a":1', b'{"a":', b'{"a"', b'{"a', b"[[[[]]]]", b'{"a":{"a":1}}', b"[{}]", b"[[],[[]]]", b"[] ]",
    b"[" * 32 + b"]" * 32, b"[" * 33 + b"]" * 33, b"[" * 33, b'{"a":' * 32 + b"1" + b"}" * 32, b'{"a":' * 33 + b"1",
    # duplicate keys
    b'{"a":1,"a":1}', b'{"a":1,"\\u0061":1}', b'{"":1,"":2}', b'{"a":1,"A":2}', b'{"\xf0\x9f\x98\x80":1,"\\ud83d\\ude00":2}',
    b'{"a":{"b":1,"b":2}}', b'[{"a":1},{"a":2}]', b'{"\\/":1,"/":2}', b'{"\\n":1,"\\u000a":2}', b'{"\\u00E9":1,"\\u00e9":2}',
    b'{"a":1,"b":{"a":2},"a":3}', b'{"e\xcc\x81":1,"\xc3\xa9":2}',
    b"{" + b",".join(b'"k%d":0' % i for i in range(40)) + b',"k7":1}',
    # words and numbers
    b"nul", b"nulL", b"TRUE", b"True", b"truefalse", b"true1", b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"undefined", b"0",
    b"-0", b"-0.0", b"00", b"01", b"-01", b"-", b"--1", b"-a", b"+1", b"1.", b"1.e1", b".1", b"-.1", b"1e", b"1e+", b"1e-",
    b"1e1.5", b"1E+2", b"1e02", b"1e999", b"-1e-999", b"0x1", b"0b1", b"1_000", b"1,000", b"1.5.5", b"0e", b"0e+1", b"0.0e0",
    b"9" * 62, b"9" * 63, b"9" * 64, b"[" + b"9" * 200 + b"]", b"[0." + b"1" * 300 + b"]", b"[1e" + b"0" * 80 + b"1]",
    b"\xef\xbc\x91", b"\xd9\xa1", b"1\xc2\xb2", b"[-]", b"[1e]", b"[1.]",
    # strings and escapes
    b'"', b'"a', b'"\\', b'"\\"', b'"\\u', b'"\\u1', b'"\\u12', b'"\\u123', b'"\\u123"', b'"\\x"', b'"\\x41"', b'"\\a"', b'"\\0"',
    b'"\\\'"', b'"\\U0041"', b'"\\u00g0"', b'"\\u+041"', b'"\\u 041"', b'"\\u0x41"', b'"\\u00_1"', b'"\\u0000"', b'"a\\u0000b"',
    b'"\\ud800"', b'"\\udbff"', b'"\\udc00"', b'"\\udfff"', b'"\\ud800\\u0041"', b'"\\ud800\\ud800"', b'"\\ud800x"',
    b'"\\ud800\\n"', b'"\\ud800\\udc00"', b'"\\uDBFF\\uDFFF"', b'"\\udc00\\ud800"', b'"\\ud800', b'"\\ud800\\', b'"\\ud800\\u',
    b'"\\ud800\\udc0', b'"\\ud83d\\ude00\\ude00"', b'"\\/"', b'"\\\\"', b'"\\\\\\""', b'"\\\n"', b'"\x00"', b'"\x01"', b'"\x1f"',
    b'"\x7f"', b'"\t"', b'"\n"', b'"\r"', b'"a\nb"', b'"\xe2\x80\xa8"', b'{"\x00":1}', b'{"\\u0000":1}', b'{"\n":1}', b'{"\\ud800":1}',
    # UTF-8
    b'"\x80"', b'"\xbf"', b'"\xff"', b'"\xfe"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xe0\x80\xaf"', b'"\xe0\x9f\xbf"',
    b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xed\xa0\xbd\xed\xb8\x80"', b'"\xf0\x80\x80\xaf"', b'"\xf0\x8f\xbf\xbf"',
    b'"\xf4\x8f\xbf\xbf"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xc3"', b'"\xe2\x82"',
    b'"\xf0\x9f\x98"', b'"\xc3', b'"\xe2\x82', b'"\xc3\xa4"', b'"\xf0\x9f\x98\x80"', b'"\xef\xbf\xbe"', b'"\xef\xbf\xbf"',
    b'"\xef\xbb\xbf"', b'"\xe4"', b'{"\xff":1}', b"\xc3\xa4", b'"\xc3\x28"', b'"12345678\xff"', b'"1234567\x01"',
]
GRAMMAR = [b'{"name":"caf\xc3\xa9","list":["a","b",1,-2.5e3],"o":{"x":true,"y":null,"z":false},"e":"\\u00e9\\n\\ud83d\\ude00"}',
           b'[0,-1,1.5,1e10,"",{},[],[[]],{"a":{"b":{"c":[]}}}]', b'{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t"}',
           b"[" * 31 + b"]" * 31]


class Refused(ValueError):
    pass


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused("duplicate")
    return dict(pairs)


def refuse_constant(name):
    raise Refused(name)


def check_value(value, depth=0):
    """What json_read.h refuses beyond RFC 8259: depth, U+0000, halves of surrogate pairs."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise Refused("character")
        return
    if not isinstance(value, (list, dict)):
        return
    if depth == DEPTH:
        raise Refused("depth")
    for item in value:
        check_value(item if isinstance(value, list) else value[item], depth + 1)
    if isinstance(value, dict):
        for key in value:
            check_value(key)


def python_accepts(text):
    try:
        check_value(json.loads(text.decode("utf-8"), object_pairs_hook=no_duplicates,
                               parse_constant=refuse_constant))
    except (ValueError, RecursionError):
        return False
    return True


def generated(rng, depth=0):
    kind = rng.randrange(7 if depth < 5 else 4)
    if kind == 0:
        return rng.choice([True, False, None])
    if kind == 1:
        return rng.choice([0, -1, 12345, 1.5, -2e10, 10 ** 20, 10 ** 90])
    if kind <= 3:
        return "".join(rng.choice("ab\"\\/\n\t\u00e9\u20ac\U0001f600 ") for _ in range(rng.randrange(24)))
    if kind == 4:
        return [generated(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {f"k{i}": generated(rng, depth + 1) for i in range(rng.randrange(6))}


def mutated(rng, text):
    data = bytearray(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        action = rng.randrange(5)
        if action == 0:
            data[at:at] = bytes([rng.randrange(256)])
        elif action == 1 and at < len(data):
            del data[at]
        elif action == 2 and at < len(data):
            data[at] = rng.choice(b'{}[]",:\\u0019-+.eEtfn \n\x00\x80\xc3\xff')
        elif action == 3:
            data[at:at] = rng.choice(NASTY)
        else:
            end = min(len(data), at + rng.randrange(12))
            data[at:at] = data[at:end]
    return bytes(data)


def all_texts(rng):
    corpus = [path.read_bytes() for name in ("json", "decode") for path in sorted((CORPUS / name).iterdir())]
    bases = GRAMMAR + [text for text in corpus if len(text) <= 2048]
    texts = NASTY + GRAMMAR + corpus
    while len(texts) < TEXTS:
        document = json.dumps(generated(rng), ensure_ascii=rng.random() < 0.5).encode()
        texts += [document, mutated(rng, document), mutated(rng, rng.choice(NASTY))]
        texts += [mutated(rng, rng.choice(bases)) for _ in range(2)]
    return texts


def verdicts_of(program, texts):
    stdin = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    lines = subprocess.run([program], input=stdin, capture_output=True, check=True).stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return [(code, int(offset)) for code, offset in map(str.split, lines)]


def disagreements(texts, verdicts):
    for text, (code, offset) in zip(texts, verdicts):
        if (code == "fine") != python_accepts(text):
            yield f"{text!r}: we say {code}, Python says {python_accepts(text)}"
        if offset > len(text):
            yield f"{text!r}: {code} at {offset}, behind the text"


def late_offsets(program, texts, verdicts):
    """Texts whose bad byte stands before the offset we named: what precedes it is refused, too."""
    refused = [(text, *verdict) for text, verdict in zip(texts, verdicts)
               if verdict[0] not in ("fine", "json-byte-order-mark")]
    prefixes = verdicts_of(program, [text[:offset] for text, _, offset in refused])
    for (text, code, offset), (before, _) in zip(refused, prefixes):
        if before not in ("fine", "json-truncated", "json-empty"):
            yield f"{text!r}: {code} at {offset}, but {before} before it"


def main():
    program = sys.argv[1]
    texts = all_texts(random.Random(20261123))
    verdicts = verdicts_of(program, texts)
    wrong = [*disagreements(texts, verdicts), *late_offsets(program, texts, verdicts)]
    print(*wrong[:20], sep="\n", end="\n" if wrong else "")
    accepted = sum(code == "fine" for code, _ in verdicts)
    print(f"{len(texts)} texts ({len(NASTY)} by hand), {accepted} accepted, {len(wrong)} disagreements")
    return 1 if wrong or accepted < TEXTS // 5 else 0


if __name__ == "__main__":
    sys.exit(main())
