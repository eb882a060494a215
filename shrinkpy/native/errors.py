# SPDX-License-Identifier: GPL-2.0-only
"""What goes wrong with a driver before it runs, and what a sanitizer finds in it."""

from __future__ import annotations

import re

from ..errors import BuildError, ShrinkpyError

__all__ = ["NO_HEADER", "BuildError", "SanitizerError", "explain", "undefined"]


class SanitizerError(ShrinkpyError, RuntimeError):
    """A sanitizer found something; the message is its summary.

    Attribute: report, all that the child printed on standard error.
    """

    def __init__(self, message: str, report: str = "") -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), self.report)


_WHERE = r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? "
NO_HEADER = (
    "no header <{what}>: shrinkpy has none; add a folder with it by include=, as a kernel tree's include/ is"
)
_NO_SYMBOL = (
    "no symbol {what}: neither shrinkpy nor the driver's sources define it; add the file that does, "
    "or build it with missing='oops'"
)
_RULES = (
    (_WHERE + r"(?:fatal )?error: (?P<what>\S+): No such file or directory", NO_HEADER),
    (_WHERE + r"fatal error: '(?P<what>[^']+)' file not found", NO_HEADER),  # clang
    (
        _WHERE + r"error: (?:implicit declaration of|call to undeclared) function '(?P<what>\w+)'",
        "no function {what}(): no header that it includes declares it; give one that does by include=",
    ),
    (
        _WHERE + r"undefined reference to [`'](?P<what>[^']+)'",
        _NO_SYMBOL,
    ),
    (_WHERE + r"(?:fatal )?error: (?P<what>.+)", "{what}"),
)


def undefined(log: str) -> tuple[str, ...]:
    """What the linker found no definition of."""
    return tuple(dict.fromkeys(re.findall(r"undefined reference to [`']([^']+)'", log)))


def explain(log: str) -> str:
    """One line for what the compiler said: where, what is missing, and what to do."""
    others = undefined(log)[1:]
    more = (
        f" (and of {len(others)} more: {', '.join(others[:3])}{', …' * (len(others) > 3)})" if others else ""
    )
    for pattern, text in _RULES:
        match = re.search(pattern, log, re.MULTILINE)
        if match:
            return f"{match['file']}:{match['line']}: {text.format(what=match['what'])}{more}"
    if names := undefined(log):
        return f"{_NO_SYMBOL.format(what=names[0])}{more}"
    lines = [line for line in log.splitlines() if line.strip()]
    return f"the compiler failed: {lines[-1].strip() if lines else 'it printed nothing'}"
