# SPDX-License-Identifier: GPL-2.0-only
"""Programs in a process of their own, a hundred of them in a second or two: forked from one that is warm.

As support.script() and survives(), under the same allocators; only the imports are done already.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from typing import Any

from support import environment_of_programs

# The child falls out of the loop: its program runs, and ends, where any other does.
PARENT = """
import gc, importlib, json, os, signal, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
gc.freeze()  # a child that collects need not look at all that

while True:
    asked = sys.stdin.readline()
    if not asked:
        sys.exit()
    asked = json.loads(asked)
    pid = os.fork()
    if pid == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
for fd, name in enumerate(("in", "out", "err")):
    os.dup2(os.open(asked[name], os.O_RDONLY if name == "in" else os.O_WRONLY), fd)
sys.stdin = open(0, closefd=False)
code = compile(asked["code"], "<string>", "exec")
signal.alarm(asked["seconds"])
del asked, fd, gc, importlib, name, pid
exec(code)
"""

SECONDS = 30
"""After which a program that hangs is killed, by SIGALRM; one may set another alarm."""

WARM = ["shrinkpy", "attacks", "native", "support"]
"""What is imported already; a test file that takes long to import adds itself."""

_parent: subprocess.Popen[str] | None = None


def _started() -> subprocess.Popen[str]:
    global _parent
    if _parent is None:
        _parent = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", PARENT, *WARM],
            env=environment_of_programs(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(_end)
    return _parent


def _end() -> None:
    if _parent is not None:
        assert _parent.stdin is not None
        _parent.stdin.close()
        _parent.wait()


def script(*parts: str, seconds: int = SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a program, in parts each of which may be indented; its status, and what it wrote."""
    parent = _started()
    assert parent.stdin is not None
    assert parent.stdout is not None
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        code = "\n".join(map(textwrap.dedent, parts))
        asked: dict[str, Any] = {"code": code, "seconds": seconds}
        asked |= {"in": os.devnull, "out": out.name, "err": err.name}
        parent.stdin.write(json.dumps(asked) + "\n")
        parent.stdin.flush()
        answer = parent.stdout.readline()
        assert answer, "the parent of the programs died"
        return subprocess.CompletedProcess(code, int(answer), out.read(), err.read())


def survives(*parts: str, seconds: int = SECONDS) -> str:
    """Run a program that must end well; gives what it printed."""
    ended = script(*parts, seconds=seconds)
    if ended.returncode == -signal.SIGALRM:
        raise AssertionError(f"it hangs\n{ended.stdout}{ended.stderr}")
    assert ended.returncode == 0, f"status {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def quiet(ended: subprocess.CompletedProcess[str]) -> None:
    """Hold that a process ended well, and said nothing but ResourceWarnings."""
    assert ended.returncode == 0, f"status {ended.returncode}\n{ended.stdout}{ended.stderr}"
    lines = [line for line in ended.stderr.splitlines() if line and not line.startswith(" ")]
    assert all("ResourceWarning: " in line for line in lines), ended.stderr
