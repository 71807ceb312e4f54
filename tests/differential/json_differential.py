#!/usr/bin/python3
"""json_read against Python's json: the same verdict on 60,000 texts, valid, mutated and nasty."""
import json
import random
import subprocess
import sys

NASTY = [b"", b" ", b"\xef\xbb\xbf{}", b"{}x", b"[1,]", b"[,]", b"{,}", b'{"a"}', b'{"a":}', b"01", b"-01", b"-",
         b"1.", b".1", b"1e", b"1e+", b"+1", b"0x1", b"NaN", b"Infinity", b"-Infinity", b"nul", b"TRUE", b"[", b"]",
         b'"', b'"\\', b'"\\u', b'"\\u12', b'"\\x"', b'"\\u0000"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"',
         b'"\\ud800\\udc00"', b'"\x00"', b'"\x1f"', b'"\x7f"', b'"\t"', b"\x00", b"{}\x00", b"\x0c1", b"\xa01",
         b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xe2\x82"',
         b'"\xc3\xa4"', b'"\xf0\x9f\x98\x80"', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":1}', b'{"a":{"a":1}}',
         b'{"":1,"":2}', b"1 2", b"[1 2]", b'{"a":1 "b":2}', b"'a'", b"{a:1}", b"[1]//x", b"/**/1", b"1e999", b"-0",
         b"-0.0", b"1E+2", b"\r\n\t 1 \r\n", b"\xff\xfe1\x00", b'{"a":1,}', b'["a",', b'{"a":[}', b"[[[[]]]]", b"1\n",
         b'"\\/"', b'"\\a"', b'"\\U0041"', b'"\\u00g0"', b'"a\nb"', b"\xe2\x80\xa8", b"[\xe2\x80\xa81]", b"\v1",
         b'{"\xf0\x9f\x98\x80":1,"\\ud83d\\ude00":2}']
SEEDS = [b'{"name":"caf\xc3\xa9","list":["a","b",1,-2.5e3],"o":{"x":true,"y":null,"z":false},"e":"\\u00e9\\n\\ud83d\\ude00"}',
         b'[0,-1,1.5,1e10,"",{},[],[[]],{"a":{"b":{"c":[]}}}]', b'{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t"}']


class Refused(ValueError):
    pass


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused("duplicate")
    return dict(pairs)


def refuse_constant(name):
    raise Refused(name)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)


def python_accepts(text):
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=no_duplicates,
                           parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return False
    return not any("\0" in s or any(0xD800 <= ord(c) < 0xE000 for c in s) for s in strings(value))


def generated(rng, depth=0):
    kind = rng.randrange(7 if depth < 5 else 4)
    if kind == 0:
        return rng.choice([True, False, None])
    if kind == 1:
        return rng.choice([0, -1, 12345, 1.5, -2e10, 10 ** 20])
    if kind <= 3:
        return "".join(rng.choice("ab\"\\/\n\t\u00e9\u20ac\U0001f600 ") for _ in range(rng.randrange(8)))
    if kind == 4:
        return [generated(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {f"k{i}": generated(rng, depth + 1) for i in range(rng.randrange(6))}


def mutated(rng, text):
    data = bytearray(text)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data) + 1)
        action = rng.randrange(4)
        if action == 0:
            data[at:at] = bytes([rng.randrange(256)])
        elif action == 1 and at < len(data):
            del data[at]
        elif action == 2 and at < len(data):
            data[at] = rng.choice(b'{}[]",:\\u0019-+.eEtfn \n\x00\x80\xc3\xff')
        else:
            end = min(len(data), at + rng.randrange(12))
            data[at:at] = data[at:end]
    return bytes(data)


def main():
    rng = random.Random(20261123)
    texts = list(NASTY)
    while len(texts) < 60000:
        document = json.dumps(generated(rng), ensure_ascii=rng.random() < 0.5).encode()
        base = rng.choice([document, rng.choice(SEEDS)])
        texts += [document] + [mutated(rng, base) for _ in range(4)]
    stdin = b"".join(len(t).to_bytes(4, "little") + t for t in texts)
    verdicts = subprocess.run([sys.argv[1]], input=stdin, capture_output=True, check=True).stdout.split()
    assert len(verdicts) == len(texts)
    wrong = [(t, v) for t, v in zip(texts, verdicts) if (v == b"fine") != python_accepts(t)]
    for text, verdict in wrong[:20]:
        print(f"{text!r}: we say {verdict.decode()}, Python says {python_accepts(text)}")
    accepted = sum(v == b"fine" for v in verdicts)
    print(f"{len(texts)} texts, {accepted} accepted, {len(wrong)} disagreements")
    return 1 if wrong or accepted < 10000 else 0


if __name__ == "__main__":
    sys.exit(main())
