# SPDX-License-Identifier: GPL-2.0-only
"""Recordings replayed: the core decides again, from what the callbacks were recorded to answer.

calls    who called whom with what, from the nesting of each task's events; bare, of starts and ends alone
lives    which calls are of one shrinker, and the order of the list
stock    in which order calls took from and added to a deferred counter
script   what is to be done on a machine, step by step
stage    that machine, through core.h; answers, what its callbacks say
again    the script played, and each decision held against the recorded one
settings what is to be otherwise than recorded; result, what came of it
"""

from .again import replay
from .result import Difference, Played, Replay, Work

__all__ = ["Difference", "Played", "Replay", "Work", "replay"]
