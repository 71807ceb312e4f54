"""
Documents that are played: their shell blocks are run in order, as they stand, where a reader would run them.

    ```sh                       is run; it must end with 0
    ```sh exit 1                is run; it must end with 1
    ```sh cluster               needs a cluster: only its syntax is looked at
    ```text                     behind a block: what it prints, line by line; … stands for anything
    ```yaml                     behind <!-- file: NAME -->: is written to this file
    <!-- given: WORDS -->       the test makes this so, by its own means; a reader does not see it

Absolute paths and host names of the document are replaced by those of the test.
"""
import os
import re
import subprocess
from dataclasses import dataclass

import pytest

from harness import ROOT

PIECES = re.compile(r"^```([a-z]*)(?: ([^\n]*))?\n(.*?)^```$|^<!-- (given|file): (.*?) -->$", re.M | re.S)


@dataclass
class Step:
    kind: str       # sh, text, yaml, … or given, file
    info: str       # what stands behind the kind
    text: str
    line: int


def steps(page):
    text = (ROOT / page).read_text()
    found = []
    for match in PIECES.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match[4]:
            found.append(Step(match[4], match[5], "", line))
        else:
            found.append(Step(match[1], match[2] or "", match[3], line))
    return found


def lines_are_in(expected, output):
    """Each line of `expected`, in order, is a line of `output`; others may stand between."""
    rest = output.splitlines()
    for line in filter(str.strip, expected.splitlines()):
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        while rest and not re.fullmatch(pattern, rest[0].strip()):
            rest.pop(0)
        if not rest:
            return line
        rest.pop(0)
    return None


class Play:
    def __init__(self, page, directory, replacements, givens, environment):
        self.page, self.directory = page, directory
        self.replacements, self.givens = replacements, givens
        self.environment = dict(os.environ, **environment)
        self.output = ""

    def as_here(self, text):
        for old, new in self.replacements.items():
            text = text.replace(old, str(new))
        return text

    def as_written(self, text):
        """The other way, so that what is printed can be compared with the page."""
        for old, new in self.replacements.items():
            text = text.replace(str(new), old) if str(new) else text
        return text

    def run(self):
        played, file = 0, None
        for step in steps(self.page):
            where = f"{self.page}:{step.line}"
            if step.kind == "given":
                self.givens[step.info]()
            elif step.kind == "file":
                file = step.info
            elif step.kind == "yaml":
                assert file, f"{where}: nobody knows the name of this file"
                path = self.directory / self.as_here(file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.as_here(step.text))
                file = None
            elif step.kind == "sh":
                self.shell(step, where)
                played += 1
            elif step.kind == "text":
                missing = lines_are_in(step.text, self.output)
                assert missing is None, f"{where}: not printed: {missing}\n--- but:\n{self.output}"
            else:
                pytest.fail(f"{where}: a block in {step.kind or 'no language'}")
        return played

    def shell(self, step, where):
        if step.info == "cluster":
            subprocess.run(["bash", "-n"], input=step.text, text=True, check=True)
            return
        expected = int(re.fullmatch(r"exit (\d)", step.info)[1]) if step.info else 0
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.as_here(step.text)], cwd=self.directory,
                              env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        self.output = self.as_written(done.stdout)
        assert done.returncode == expected, f"{where}: exit {done.returncode}\n{step.text}---\n{self.output}"
