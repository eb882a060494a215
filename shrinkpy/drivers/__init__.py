# SPDX-License-Identifier: GPL-2.0-only
"""Shrinkers that ship: each mirrors one of the kernel's, and is an example of how to write one."""
