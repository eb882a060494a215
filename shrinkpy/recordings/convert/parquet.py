# SPDX-License-Identifier: GPL-2.0-only
"""Recordings as a Parquet file: the columns of Recording.to_arrow(), and ``file``, whose line it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

from ..recording import Recording, extra, printable

__all__ = ["write_parquet"]


def write_parquet(pieces: Iterable[Recording], file: BinaryIO) -> int:
    """Write recordings, or pieces of them, each as a row group, in the memory of the largest. Gives the rows.

    Names, kinds and forms are dictionaries of text; what a line did not have is null.

    Raises MissingExtraError; OSError.
    """
    pa, parquet = extra("pyarrow"), extra("pyarrow.parquet")
    writer: Any = None
    rows = 0
    try:
        for piece in pieces:
            if not len(piece.events) and writer is not None:
                continue
            table = piece.to_arrow()
            source = pa.DictionaryArray.from_arrays(
                pa.repeat(pa.scalar(0, pa.int32()), len(table)),
                pa.array([printable(piece.source)], pa.string()),
            )
            table = table.add_column(0, "file", source)
            if writer is None:
                writer = parquet.ParquetWriter(file, table.schema, compression="zstd")
            writer.write_table(table)
            rows += len(table)
    finally:
        # Whatever was raised: what it has open is closed now, not when it is collected.
        if writer is not None:
            writer.close()
    return rows
