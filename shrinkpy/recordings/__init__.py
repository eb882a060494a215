# SPDX-License-Identifier: GPL-2.0-only
"""Recordings of real kernels: the events mm_shrink_slab_start and _end, read, verified, replayed.

    recording = read("trace.txt.gz")      # ftrace, trace-cmd report, perf script; plain or packed
    recording.events["total_scan"]        # a NumPy structured array; to_arrow(), to_polars(), to_pandas()

What is read does not depend on the core that the process works on.
"""

from .reader import Progress, RecordingError, Source, read, stream
from .recording import (
    EVENT_DTYPE,
    Events,
    Form,
    Has,
    Kind,
    Mark,
    MissingExtraError,
    Recording,
    ScanCounts,
    UnreadLine,
    printable,
)

__all__ = [
    "EVENT_DTYPE",
    "Events",
    "Form",
    "Has",
    "Kind",
    "Mark",
    "MissingExtraError",
    "Progress",
    "Recording",
    "RecordingError",
    "ScanCounts",
    "Source",
    "UnreadLine",
    "printable",
    "read",
    "stream",
]
