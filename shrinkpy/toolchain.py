# SPDX-License-Identifier: GPL-2.0-only
"""The C compiler, shrinkpy's own sources, and objects that are compiled once.

What is the same for every driver, or for every kernel tree, takes seconds to compile. It is kept in the
user's cache under a hash of all that goes in, so that it is never stale; a folder appears there whole,
by a rename.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .errors import BuildError

__all__ = ["Unit", "compile_all", "compiler", "csrc", "kept", "run", "scratch"]

_UNUSED = 30 * 24 * 3600.0  # seconds

Unit = tuple[Path, Sequence[str | os.PathLike[str]]]
"""A source file, and the options that it is compiled with."""


def csrc() -> Path:
    """The folder with include/, core/, kernel/ …: in the package of a wheel, above it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "_csrc"
    return inside if inside.is_dir() else package.parent / "csrc"


def compiler() -> list[str]:
    """The C compiler's command: CC of the environment, or cc. Raises BuildError where there is none."""
    try:
        command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    except ValueError as error:
        raise BuildError(f"CC in the environment cannot be split into words: {error}") from None
    if shutil.which(command[0]) is None:
        raise BuildError(
            f"no C compiler {command[0]}: on Debian or Ubuntu, apt-get install -y build-essential "
            "(CC in the environment names another one)"
        )
    return command


def run(command: Sequence[str | os.PathLike[str]], explain: Callable[[str], str] | None = None) -> str:
    """Run the compiler; what it printed. Raises BuildError, with one line that explain() makes of that."""
    # Its messages are read: in English.
    done = subprocess.run(
        list(command), env=dict(os.environ, LC_ALL="C"), capture_output=True, text=True, errors="replace"
    )
    log = done.stdout + done.stderr
    if done.returncode != 0:
        raise BuildError(explain(log) if explain else log.strip() or "the compiler failed", log)
    return log


def compile_all(
    units: Iterable[Unit], where: Path, explain: Callable[[str], str] | None = None
) -> list[Path]:
    """The objects of some files, in a folder, as many at a time as there are processors."""
    command = compiler()

    def compile_one(unit: Unit) -> Path:
        source, options = unit
        made = where / f"{source.parent.name}-{source.stem}.o"
        run([*command, *options, "-c", source, "-o", made], explain)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile_one, units))


@functools.cache
def scratch() -> Path:
    """A folder of this process, removed at its end."""
    path, owner = Path(tempfile.mkdtemp(prefix="shrinkpy-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not a child of fork
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "shrinkpy"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    except OSError:
        pass
    return scratch()


def _prune(cache: Path) -> None:
    """Remove what no build has used for a month: of other contents, and half made."""
    for folder in cache.glob("*-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _UNUSED:
                shutil.rmtree(folder, ignore_errors=True)


def kept(
    name: str,
    inputs: Iterable[Path],
    options: Iterable[str],
    make: Callable[[Path], None],
) -> Path:
    """A folder that make(folder) fills, made now or found in the cache.

    Its key is the compiler, the options, and the contents of the inputs. Where no cache can be written it
    goes with the process.
    """
    command = compiler()
    key = hashlib.sha256("\0".join([*command, run([*command, "--version"]), *options]).encode())
    for path in inputs:
        key.update(f"\0{path.name}\0".encode())
        key.update(path.read_bytes())
    made = _cache() / f"{name}-{key.hexdigest()[:32]}"
    if not made.is_dir():
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=made.parent))
        try:
            make(making)
            try:
                making.rename(made)
            except OSError:  # another process was quicker
                if not made.is_dir():
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
        _prune(made.parent)
    with contextlib.suppress(OSError):  # a cache of somebody else's
        os.utime(made)
    return made
