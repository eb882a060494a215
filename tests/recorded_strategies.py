# SPDX-License-Identifier: GPL-2.0-only
"""Any events, for hypothesis: as far as a kernel can print them, to the ends of their types."""

from __future__ import annotations

import dataclasses
import re
import string
from typing import Any

from hypothesis import strategies as st
from recorded_text import I64, Dialect, End, Event, Lost, Start, _Pairs, _Probe

# A comm that nobody can tell from a comment, or from a time and an event's name.
MISLEADING = re.compile(r"#|(?:.* )?[0-9.]+: .*:")
# 15 bytes of anything, and much of what heads of lines are made of. Padding cannot be told from blanks.
COMMS = st.one_of(
    st.sampled_from(
        ["init", "kworker/u8:2-ev", "Web Content-12", "a: b", "<...>", "x [003] d..1", "(sd-pam)"]
    ),
    st.text("ab -:[]()/.019<>=", min_size=1, max_size=15),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=15),
).map(lambda text: "a" if MISLEADING.match(text.strip(" ")) else text.strip(" "))

_FIRST = string.ascii_letters + "_"
SYMBOLS = st.one_of(
    st.sampled_from(["super_cache_scan", "scan.isra.0", "_RNvXs_4core3fmtNtB5_9Formatter", "nid", "x.cold"]),
    st.builds(str.__add__, st.sampled_from(_FIRST), st.text(_FIRST + string.digits + ".$", max_size=40)),
)
MODULES = st.sampled_from(["", "", "ext4", "nf_conntrack", "i915", "a-b"])
GFPS = st.one_of(
    st.sampled_from(["none", "0x100cca", "GFP_KERNELGFP_NOTRACK", "GFP_NOFS|0x8000000", "GFP_KERNEL"]),
    st.lists(st.sampled_from(["GFP_NOIO", "__GFP_NOWARN", "__GFP_ZERO"]), min_size=1, max_size=6).map(
        "|".join
    ),
)


def signed(bits: int) -> st.SearchStrategy[int]:
    """A signed integer, often an odd one."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.one_of(st.integers(-9, 300), st.sampled_from([low, low + 1, high]), st.integers(low, high))


def unsigned(bits: int) -> st.SearchStrategy[int]:
    """An unsigned one."""
    return st.one_of(st.integers(0, 300), st.just(2**bits - 1), st.integers(0, 2**bits - 1))


BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "comm": COMMS,
    "pid": st.integers(0, 4194304),
    "tgid": st.integers(0, 4194304),
    "cpu": st.integers(0, 8191),
    "time": st.one_of(st.integers(0, I64[1]), st.integers(0, 10**14)),
    "symbol": SYMBOLS,
    "module": MODULES,
    "size": st.integers(0, 2**20),
    "address": st.integers(2**63, 2**64 - 1),
    "memcg_id": unsigned(64),
    "memcg": unsigned(64),
    "parent": unsigned(64),
    "in_irq": st.booleans(),
    "gfp": GFPS,
    "mask": unsigned(28),
    "delta": signed(64),
    "nid": signed(32),
    "priority": signed(32),
    "order": signed(32),
    "seeks": signed(32),
    "id": signed(32),
    "flags": st.integers(0, 2**31 - 1),
}


def of_kind(kind: type[Event], dialect: Dialect) -> st.SearchStrategy[Event]:
    """Any event of a kind, as far as the dialect can print it."""
    if kind is Lost:
        return st.builds(Lost, cpu=BY_NAME["cpu"], nr=st.none() | st.integers(0, I64[1]))
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name in (each.name for each in dataclasses.fields(kind)):
        if name == "era":
            fields[name] = st.sampled_from(dialect.eras)
        elif name == "shrinker":
            fields[name] = unsigned(32 if dialect.pointer == "8 digits" else 64)
        elif name == "ret" and issubclass(kind, End):
            fields[name] = signed(32)
        elif issubclass(kind, _Probe) and name in ("symbol", "caller", "place"):
            continue  # they say which probe it is
        elif issubclass(kind, (Start, End, _Pairs)):
            fields[name] = BY_NAME.get(name, signed(64))
    return st.builds(kind, **fields)


def events(dialect: Dialect, max_size: int = 5) -> st.SearchStrategy[list[Event]]:
    """Some events."""
    return st.lists(st.one_of([of_kind(kind, dialect) for kind in dialect.kinds]), max_size=max_size)
