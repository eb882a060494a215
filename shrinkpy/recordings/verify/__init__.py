# SPDX-License-Identifier: GPL-2.0-only
"""Recordings held against the kernel's arithmetic: each number from the others, each counter's history.

check     the numbers of a start and of its end, by the arithmetic that the file's kernel has
probes    what a full recording's probes say of the same
counters  whose deferred counter each call worked on, and why it held what it held
history   is there an order of what was done to one counter that explains its numbers?
"""

from .check import Finding, Verification, verify

__all__ = ["Finding", "Verification", "verify"]
