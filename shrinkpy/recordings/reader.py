# SPDX-License-Identifier: GPL-2.0-only
"""Files to events: opened, unpacked, handed to the scanner piece by piece."""

from __future__ import annotations

import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np

from .._scan import ffi, lib
from ..errors import ShrinkpyError
from .recording import (
    EVENT_DTYPE,
    Events,
    Recording,
    ScanCounts,
    UnreadLine,
    extra,
    printable,
)

__all__ = ["Progress", "RecordingError", "Source", "read", "stream"]

Source = str | os.PathLike[str] | BinaryIO
Progress = Callable[[int, int], None]
"""Called now and then with the bytes of the file that were read, and all of them (0: not known)."""

PIECE = 1 << 20  # bytes: stays in the second level cache, and is many times the longest line
_UNREAD = 4096  # lines that one call of the scanner may hand out
KEPT = 1000  # lines that are kept with their text; all are counted
_SHOWN = 1000  # bytes of such a line
# Of the shortest lines that are events, so that one array is enough for most plain files.
_BYTES_AN_EVENT = 100

_REASONS = {
    lib.SP_UNREAD_NO_EVENT: "no event in it",
    lib.SP_UNREAD_TOO_LONG: f"longer than {lib.SP_LINE_MAX} bytes",
    lib.SP_UNREAD_NUMBER: "a number too large for its field",
    lib.SP_UNREAD_FIELD: "something else where a field belongs",
    lib.SP_UNREAD_EMPTY_EVENT: "cut before its first field",
}


class RecordingError(ShrinkpyError, ValueError):
    """A file cannot be read to its end; the message says which, and why."""


class _Scan:
    """The scanner's state from one piece to the next, and the events it fills."""

    def __init__(self, source: str, events: Events) -> None:
        pointer = lib.sp_scanner_alloc()
        if not pointer:
            raise MemoryError("no memory for a scanner")
        self._scanner = ffi.gc(pointer, lib.sp_scanner_free, ffi.sizeof("struct sp_recorded"))
        self._source = source
        self._unread_slots = ffi.new("struct sp_unread[]", _UNREAD)
        self._done = ffi.new("struct sp_scanned *")
        self._counts = ffi.new("struct sp_scan_counts *")
        self.events = events
        self.used = 0
        self.names: list[str] = []
        self._unread: list[UnreadLine] = []
        self._reasons: dict[str, int] = {}
        self._kept = 0
        self._before = ScanCounts()

    @property
    def full(self) -> bool:
        """Is there no room for what one more line may give?"""
        return bool(len(self.events) - self.used < lib.SP_EVENTS_A_LINE)

    def step(self, text: memoryview, last: bool) -> int:
        """Scan as much of a piece as there is room for; the bytes that are done with."""
        done = self._done
        lib.sp_scan(
            self._scanner,
            ffi.from_buffer("char[]", text),
            len(text),
            last,
            ffi.cast("struct sp_recorded *", self.events.ctypes.data) + self.used,
            len(self.events) - self.used,
            self._unread_slots,
            _UNREAD,
            done,
        )
        self.used += done.nr_events
        for line in self._unread_slots[0 : done.nr_unread]:
            reason = _REASONS[line.reason]
            self._reasons[reason] = self._reasons.get(reason, 0) + 1
            if self._kept < KEPT:
                self._kept += 1
                self._unread.append(UnreadLine(line.line, reason, _shown(text, line.offset, line.length)))
        return int(done.used)

    def take(self) -> Recording:
        """A Recording of the events that are there, and of all that was told since the last."""
        length = ffi.new("size_t *")
        for name in range(len(self.names), lib.sp_scanner_nr_names(self._scanner)):
            text = lib.sp_scanner_name(self._scanner, name, length)
            self.names.append(printable(bytes(ffi.buffer(text, length[0]))))
        lib.sp_scan_counts(self._scanner, self._counts)
        now = ScanCounts(*(getattr(self._counts, name) for name in ScanCounts._fields))
        since = ScanCounts(*(a - b for a, b in zip(now, self._before, strict=True)))
        events = self.events[: self.used]
        recording = Recording(events, self.names, self._source, since, self._unread, self._reasons)
        self._before, self._unread, self._reasons = now, [], {}
        return recording

    def run(self, text: Any, piece: int, tick: Callable[[], None]) -> Iterator[None]:
        """Scan all of a text; stops wherever self.full, for the caller to make room."""
        buffer = bytearray(piece + lib.SP_PADDING)
        view = memoryview(buffer)
        begin = end = 0
        last = False
        while not last or begin < end:
            while done := self.step(view[begin:end], last):
                begin += done
                if self.full:
                    yield
            if not last:
                left = end - begin
                buffer[:left] = buffer[begin:end]
                tick()
                n = text.readinto(view[left:piece])
                begin, end, last = 0, left + n, n == 0
        tick()


def _shown(text: memoryview, begin: int, length: int) -> str:
    shown = printable(bytes(text[begin : begin + min(length, _SHOWN)]).rstrip(b"\r\n"))
    return shown + "…" if length > _SHOWN else shown


@contextmanager
def _opened(source: Source) -> Iterator[tuple[IO[bytes], Callable[[], int], int, str]]:
    """The unpacked bytes; how far in the file they are; its size; and its name."""
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        with Path(name).open("rb") as raw, _unpacked(raw, name) as text:
            yield text, raw.tell, os.fstat(raw.fileno()).st_size, name
    else:
        name = printable(str(getattr(source, "name", "")) or "a stream")
        with _unpacked(source, name) as text:
            yield text, lambda: 0, 0, name


@contextmanager
def _unpacked(raw: BinaryIO, name: str) -> Iterator[IO[bytes]]:
    first = _Peeked(raw)
    errors: tuple[type[Exception], ...] = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
    text: Any
    if first.begin.startswith(b"\x1f\x8b"):
        text = gzip.GzipFile(fileobj=cast("BinaryIO", first))
    elif first.begin.startswith(b"\xfd7zXZ\x00"):
        text = lzma.open(cast("BinaryIO", first))  # noqa: SIM115 - closed with what is under it
    elif first.begin.startswith(b"\x28\xb5\x2f\xfd"):
        zstandard = extra("zstandard")
        errors = (*errors, zstandard.ZstdError)
        text = _Zstandard(first, zstandard.ZstdDecompressor())
    else:
        text = first
    try:
        yield text
    except errors as error:
        raise RecordingError(f"{name} is damaged, or cut short: {error}") from None


class _Peeked:
    """A stream whose first bytes were looked at; unbuffered else, where there is no need.

    A pipe gives what there is: whoever waited for more would be late, and deaf to Ctrl-C between two reads.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._read = getattr(raw, "read1", raw.read)
        self._readinto = getattr(raw, "readinto1", None) or getattr(raw, "readinto", None)
        self.begin = b""
        while len(self.begin) < 6 and (more := raw.read(6 - len(self.begin))):
            self.begin += more
        self._left = self.begin

    def read(self, size: int = -1) -> bytes:
        if self._left:
            if size < 0:
                left, self._left = self._left, b""
                return left + self._raw.read()
            left, self._left = self._left[:size], self._left[size:]
            return left
        return cast("bytes", self._read(size))

    def readinto(self, buffer: memoryview) -> int:
        if self._left:
            left = self.read(len(buffer))
            buffer[: len(left)] = left
            return len(left)
        assert self._readinto is not None
        return cast("int", self._readinto(buffer))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


class _Zstandard:
    """Unpacks frames. The library's own stream ends without a word where a frame is cut short."""

    # Unpacks to 32 MiB at most, whatever it says.
    _PACKED = 1024

    def __init__(self, raw: _Peeked, decompressor: Any) -> None:
        self._raw = raw
        self._decompressor = decompressor
        self._frame: Any = None
        self._packed = b""
        self._text = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        while not self._text:
            packed = self._packed or self._raw.read(self._PACKED)
            if not packed:
                if self._frame is not None:
                    raise EOFError("its last frame has no end")
                return 0
            if self._frame is None:
                self._frame = self._decompressor.decompressobj()
            self._text = memoryview(self._frame.decompress(packed))
            self._packed = b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        n = min(len(buffer), len(self._text))
        buffer[:n] = self._text[:n]
        self._text = self._text[n:]
        return n


def _ticker(progress: Progress | None, position: Callable[[], int], size: int) -> Callable[[], None]:
    return (lambda: progress(position(), size)) if progress else lambda: None


def stream(
    source: Source, *, chunk_events: int = 16384, progress: Progress | None = None, piece: int = PIECE
) -> Iterator[Recording]:
    """The events of a file in pieces of at most chunk_events: memory stays the same for a file of any size.

    The file may be plain or packed with gzip, xz or zstd; its name, or a binary stream. Names are
    numbered alike in all pieces, and the list of them grows; lines and counts are those since the
    piece before. The last piece may be empty. piece is how many bytes are read at a time.

    Raises OSError; RecordingError for packed data that is damaged; MissingExtraError for zstd.
    """
    chunk_events = max(chunk_events, 2 * lib.SP_EVENTS_A_LINE)
    with _opened(source) as (text, position, size, name):
        scan = _Scan(name, np.empty(chunk_events, EVENT_DTYPE))
        for _ in scan.run(text, max(piece, lib.SP_LINE_MAX + 2), _ticker(progress, position, size)):
            yield scan.take()
            scan.events, scan.used = np.empty(chunk_events, EVENT_DTYPE), 0
        yield scan.take()


def read(source: Source, *, progress: Progress | None = None, piece: int = PIECE) -> Recording:
    """All events of a file: as stream(), in one Recording, 200 bytes an event.

    Raises as stream() does; MemoryError.
    """
    with _opened(source) as (text, position, size, name):
        # Memory that is not touched costs nothing.
        scan = _Scan(name, np.empty(max(min(size, 1 << 30) // _BYTES_AN_EVENT, 4096), EVENT_DTYPE))
        for _ in scan.run(text, max(piece, lib.SP_LINE_MAX + 2), _ticker(progress, position, size)):
            more = np.empty(2 * len(scan.events), EVENT_DTYPE)
            more[: scan.used] = scan.events[: scan.used]
            scan.events = more
        return scan.take()
