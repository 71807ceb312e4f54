"""News for operators become a section of the changelog, once."""
import re
import shutil
import subprocess

import pytest

from harness import ROOT


def changes():
    """None right after a release."""
    return sorted((ROOT / "deploy/changes").glob("*"))


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/changes").mkdir()
    for path in changes():
        shutil.copy(path, tmp_path / "deploy/changes")
    (tmp_path / "deploy/changes/a-topic.md").write_text("Something else.\n\nAnd more of it.\n")
    for each in ("deploy/release-notes", "deploy/CHANGELOG.md", "CMakeLists.txt"):
        shutil.copy(ROOT / each, tmp_path / each)
    return tmp_path


def release_notes(tree, *options):
    return subprocess.run([tree / "deploy/release-notes", *options], capture_output=True, text=True)


def version(tree):
    return re.search(r"VERSION (\d+\.\d+\.\d+)", (tree / "CMakeLists.txt").read_text())[1]


def raise_version(tree, to):
    path = tree / "CMakeLists.txt"
    path.write_text(path.read_text().replace(f"VERSION {version(tree)}", f"VERSION {to}"))


def test_what_is_not_released_is_printed_and_stays(tree):
    files = sorted((tree / "deploy/changes").iterdir())
    done = release_notes(tree)
    assert done.returncode == 0 and done.stdout.startswith("## Not released yet\n")
    assert all(file.read_text() in done.stdout for file in files)
    assert sorted((tree / "deploy/changes").iterdir()) == files


def test_a_release_takes_the_news_into_the_changelog(tree):
    news = [file.read_text() for file in (tree / "deploy/changes").iterdir()]
    raise_version(tree, "0.7.0")
    assert release_notes(tree, "--release").returncode == 0
    text = (tree / "deploy/CHANGELOG.md").read_text()
    assert re.search(r"^## 0\.7\.0 \(\d{4}-\d\d-\d\d\)$", text, re.M) and all(each in text for each in news)
    assert list((tree / "deploy/changes").iterdir()) == []


def test_the_newest_release_comes_first_and_the_others_stay(tree):
    raise_version(tree, "0.7.0")
    release_notes(tree, "--release")
    first = (tree / "deploy/CHANGELOG.md").read_text()
    raise_version(tree, "0.8.0")
    (tree / "deploy/changes/more.md").write_text("More of it.\n")
    assert release_notes(tree, "--release").returncode == 0
    text = (tree / "deploy/CHANGELOG.md").read_text()
    introduction, _, earlier = first.partition("## ")
    assert text.startswith(introduction) and text.endswith("\n\n## " + earlier)
    assert text.index("## 0.8.0") < text.index("More of it.") < text.index("## 0.7.0")


def test_a_version_is_released_once(tree):
    raise_version(tree, "0.7.0")
    release_notes(tree, "--release")
    (tree / "deploy/changes/more.md").write_text("More of it.\n")
    before = (tree / "deploy/CHANGELOG.md").read_text()
    done = release_notes(tree, "--release")
    assert done.returncode == 2 and "raise the version in CMakeLists.txt first" in done.stderr
    assert (tree / "deploy/CHANGELOG.md").read_text() == before and (tree / "deploy/changes/more.md").exists()


def test_without_news_there_is_no_release(tree):
    shutil.rmtree(tree / "deploy/changes")
    for options in ([], ["--release"]):
        done = release_notes(tree, *options)
        assert done.returncode == 1 and "no news" in done.stderr


def test_its_usage(tree):
    assert release_notes(tree, "--help").stdout.startswith("News for operators.")
    assert release_notes(tree, "--realease").returncode == 2


def test_news_are_text_that_can_be_joined():
    for path in changes():
        text = path.read_text()
        assert path.suffix == ".md" and re.fullmatch(r"[a-z0-9-]+", path.stem), path
        assert text.endswith("\n") and text.strip() and not re.search(r"^#|\n\n\n", text, re.M), path
