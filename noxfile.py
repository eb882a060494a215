# SPDX-License-Identifier: GPL-2.0-only
"""The suite against the installed wheel, on every CPython that is found: `make test-all`.

The wheel is made from the sdist, once: one serves all versions. Arguments go on to pytest:
`make test-all ARGS="-s tests-3.12 -- -k trace"`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

DIST = Path("build") / "dist"
SHOW = """
import sys, sysconfig
free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED") or 0
print(sys.implementation.name, sys.version_info.minor, free_threaded, sys.executable)
"""


def found() -> dict[int, Path]:
    """The CPython of each version 3.n from 3.11 on: on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 20))]
    candidates = [path for name in names if (path := shutil.which(name))]
    candidates += sorted(map(str, pyenv.glob("3.*/bin/python3")), reverse=True)
    versions: dict[int, Path] = {}
    for python in candidates:
        # One of pyenv's shims may stand for a version that is not there.
        shown = subprocess.run([python, "-c", SHOW], capture_output=True, text=True, check=False)
        if shown.returncode != 0:
            continue
        name, minor, free_threaded, path = shown.stdout.rstrip("\n").split(" ", 3)
        if name == "cpython" and int(minor) >= 11 and free_threaded == "0":
            versions.setdefault(int(minor), Path(path))
    return dict(sorted(versions.items()))


VERSIONS = found()
os.environ["PATH"] = os.pathsep.join([*(str(path.parent) for path in VERSIONS.values()), os.environ["PATH"]])
nox.options.envdir = "build/nox"
nox.options.error_on_missing_interpreters = True
nox.options.stop_on_first_error = True


def wheel() -> str:
    """The one that package() made."""
    return str(next(DIST.glob("shrinkpy-*-cp311-abi3-*.whl")).resolve())


@nox.session
def package(session: nox.Session) -> None:
    """Make the sdist, and from it the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--outdir", str(DIST), silent=True)
    session.log(", ".join(sorted(path.name for path in DIST.iterdir())))


@nox.session
def bare(session: nox.Session) -> None:
    """Run the main job where nothing but the wheel and what it asks for is installed."""
    session.install(wheel())
    session.chdir(session.create_tmp())
    session.run("shrinkpy", "run")


@nox.session(python=[f"3.{minor}" for minor in VERSIONS])
def tests(session: nox.Session) -> None:
    """Run plain pytest: the checkout is not on its path, the installed package is."""
    session.install(f"{wheel()}[test]")
    session.run("pytest", "--numprocesses", "auto", *session.posargs)
