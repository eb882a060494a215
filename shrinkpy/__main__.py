# SPDX-License-Identifier: GPL-2.0-only
"""The command `shrinkpy`, and `python -m shrinkpy`."""

from __future__ import annotations

import sys
from typing import NoReturn

from .cores import PORT, CoreError, use_core

__all__ = ["main"]


def main() -> NoReturn:
    """Be the command; a core that cannot be had is bad input, too."""
    try:
        if sys.argv[1:2] == ["kernel"]:
            use_core(PORT)  # what builds and compares cores does not stand on the one that is built
        from . import cli
    except CoreError as error:
        print("shrinkpy:", error, file=sys.stderr)
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
