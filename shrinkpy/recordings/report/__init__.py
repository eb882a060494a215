# SPDX-License-Identifier: GPL-2.0-only
"""What recordings tell of each shrinker, and what is wrong with it.

summary   a row a shrinker; pool, how many counters its history needs
findings  in words, with the ids of the checks of a shrinker's contract
tables    the same on a terminal
"""

from .findings import Finding
from .summary import Report, ShrinkerSummary, report

__all__ = ["Finding", "Report", "ShrinkerSummary", "report"]
