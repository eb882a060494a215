# SPDX-License-Identifier: GPL-2.0-only
"""`python -m shrinkpy` is the command `shrinkpy`."""

from .cli import main

main()
