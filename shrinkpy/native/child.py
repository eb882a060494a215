# SPDX-License-Identifier: GPL-2.0-only
"""Functions run in a child process under a sanitizer: run_sanitized()."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from ..toolchain import compiler
from .compile import _check_sanitize
from .errors import BuildError, SanitizerError

__all__ = ["is_loaded", "run_sanitized"]

P = ParamSpec("P")
T = TypeVar("T")

_LIBRARIES = {"address": "libasan.so", "undefined": "libubsan.so"}
_CHILD = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    sys.path[:] = pickle.load(file)
    function, args, kwargs = pickle.load(file)
try:
    outcome = (True, function(*args, **kwargs))
except BaseException as error:
    outcome = (False, error)
    error.add_note("(in the child of run_sanitized())")
try:
    data = pickle.dumps(outcome)
    pickle.loads(data)
except Exception as error:
    data = pickle.dumps((False, TypeError(f"the outcome cannot be pickled: {outcome[1]!r}: {error}")))
with open(sys.argv[2], "wb") as file:
    file.write(data)
"""
_SUMMARY = re.compile(
    r"^SUMMARY: (.+)$|^(\S+:\d+:\d+: runtime error: .+)$|ERROR: (\w+Sanitizer.*)$", re.MULTILINE
)


def is_loaded(sanitizer: str) -> bool:
    """Is the runtime of a sanitizer in this process?"""
    stem = _LIBRARIES[sanitizer]
    return any(f"/{stem}" in line for line in Path("/proc/self/maps").read_text().splitlines())


def _libraries(sanitize: str) -> list[str]:
    _check_sanitize(sanitize)
    names = [_LIBRARIES[name.strip()] for name in sanitize.split(",")]
    paths = []
    for name in [*names, "libstdc++.so"]:  # its exceptions are intercepted: it must be there to be found
        shown = subprocess.run([*compiler(), f"-print-file-name={name}"], capture_output=True, text=True)
        path = shown.stdout.strip()
        if os.path.isabs(path):
            paths.append(path)
        elif name in names:
            raise BuildError(f"the compiler has no {name}: install its sanitizers (libasan, libubsan)")
    return paths


def run_sanitized(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a fresh Python under AddressSanitizer and UndefinedBehaviorSanitizer.

    There it may build(..., sanitize="address,undefined") and load drivers; the first thing that a
    sanitizer finds ends the child. The function is one of a module that the child can import (a test
    module is), its arguments, its result and its exception are pickled. Under pytest:

        def uses_the_driver(): ...
        def test_under_asan(): native.run_sanitized(uses_the_driver)

    Raises what the function raised; SanitizerError with the report; BuildError without the
    sanitizers' libraries; TypeError for a function that cannot be pickled.
    """
    if getattr(function, "__module__", None) == "__main__":
        raise TypeError(f"{function!r} is of __main__, which the child cannot import: move it into a module")
    try:
        task = pickle.dumps((function, args, kwargs))
    except Exception as error:
        raise TypeError(f"{function!r} and its arguments must be picklable: {error}") from error
    with tempfile.TemporaryDirectory(prefix="shrinkpy-") as folder:
        given, taken = Path(folder, "task"), Path(folder, "outcome")
        given.write_bytes(pickle.dumps(sys.path) + task)
        environment = dict(
            os.environ,
            LD_PRELOAD=" ".join(_libraries("address,undefined")),
            # What Python leaves at its end is no leak of the driver: that is what Driver.leaks tells.
            ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:" + os.environ.get("ASAN_OPTIONS", ""),
            UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:" + os.environ.get("UBSAN_OPTIONS", ""),
            PYTHONMALLOC="malloc",
        )
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(given), str(taken)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        if not taken.exists():
            raise _failure(done.returncode, done.stderr)
        sys.stderr.write(done.stderr)
        good, outcome = cast(tuple[bool, Any], pickle.loads(taken.read_bytes()))
    if done.returncode != 0:  # found at its very end
        raise _failure(done.returncode, done.stderr)
    if not good:
        raise outcome
    return cast(T, outcome)


def _failure(code: int, report: str) -> SanitizerError:
    found = _SUMMARY.search(report)
    if found:
        return SanitizerError(next(group for group in found.groups() if group), report)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    lines = [line for line in report.splitlines() if line.strip()]
    return SanitizerError(f"the child {how}: {lines[-1] if lines else 'it printed nothing'}", report)
