# SPDX-License-Identifier: GPL-2.0-only
"""A kernel tree's own mm/shrinker.c as the core: built, and held against another core."""
