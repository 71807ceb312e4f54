"""What judges the manifests and is no Python: node with its packages, promtool, kubectl."""
import contextlib
import fcntl
import json
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def alone():
    """While something is installed: tests run in two processes."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build/kubernetes-tools.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_packages():
    packages, lock = HERE / "node_modules/.package-lock.json", HERE / "package-lock.json"
    if not shutil.which("node") or not shutil.which("npm"):
        run(ROOT / "deploy/install-packages", "nodejs", "npm")
    if not packages.exists() or packages.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", cwd=HERE)
        packages.touch()


def node(script, question):
    """Asks one of the scripts here."""
    with alone():
        install_packages()
    return json.loads(run("node", HERE / script, input=json.dumps(question)))


def promtool(*arguments, **options):
    with alone():
        if not shutil.which("promtool"):
            run(ROOT / "deploy/install-packages", "prometheus")
    return run("promtool", *arguments, **options)


def kubectl():
    """Its path when it knows components as we write them (1.27), otherwise None: it is not in Debian."""
    path = shutil.which("kubectl")
    if not path:
        return None
    said = subprocess.run([path, "version", "--client"], capture_output=True, text=True).stdout
    version = re.search(r"Client Version: v1\.(\d+)", said)
    return path if version and int(version[1]) >= 27 else None
