# SPDX-License-Identifier: GPL-2.0-only
"""What every command is made of: how it ends, and what it says then.

Exit codes: 0 good, 1 found something, 2 bad input (one line on standard error, and nothing left half
written), 130 interrupted, 141 nobody reads standard output.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec

import typer

from .cores import CoreError
from .drivers.binder import DamagedError
from .errors import BuildError, KernelWouldError
from .golden import UnreadableError
from .output import UnwritableError
from .pressure import TargetError, TargetFailed

__all__ = ["BadInputError", "say", "verb"]

P = ParamSpec("P")


class BadInputError(Exception):
    """What is wrong with the command line, or with a file on it, and what to do."""


def say(text: str) -> None:
    """One line on standard error."""
    print("shrinkpy:", " ".join(text.split()), file=sys.stderr)


def _drop_stdout() -> None:
    # What is still buffered must not fail a second time when the interpreter flushes it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _say_failure(failed: TargetFailed) -> None:
    cause = failed.__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    if isinstance(cause, KernelWouldError | DamagedError):
        say(f"{failed}: {cause}")
    else:
        # Without the frame of ours that called it.
        traceback.print_exception(type(cause), cause, cause.__traceback__.tb_next)
        say(str(failed))


def verb(function: Callable[P, int]) -> Callable[P, None]:
    """Make a command of a function that gives its exit code, or raises what explains it."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = function(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = 130
        except TargetFailed as failed:
            code = 1
            _say_failure(failed)
        except (
            BadInputError,
            BuildError,
            CoreError,
            TargetError,
            UnwritableError,
            UnreadableError,
        ) as error:
            code = 2
            say(str(error))
        except MemoryError as error:
            code = 2
            say(f"not enough memory: {error}" if str(error) else "not enough memory")
        except BrokenPipeError:
            code = 141
            _drop_stdout()
        except OSError as error:
            code = 2
            if error.filename is None:
                _drop_stdout()
            say(f"{error.filename or 'cannot write standard output'}: {error.strerror}")
        raise typer.Exit(code)

    return run
