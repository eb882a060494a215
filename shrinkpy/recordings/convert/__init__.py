# SPDX-License-Identifier: GPL-2.0-only
"""Recordings as files for other programs: Parquet, Perfetto."""

from .parquet import write_parquet
from .perfetto import write_perfetto

__all__ = ["write_parquet", "write_perfetto"]
