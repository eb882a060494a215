# SPDX-License-Identifier: GPL-2.0-only
"""Gfp and Flags: the kernel's masks, by their names, and as a trace prints them."""

from __future__ import annotations

import pytest

import shrinkpy as sp
from shrinkpy import Flags, Gfp

# Bits of 6.12's gfp_types.h with the usual configuration, and sums of them, written out here anew.
BITS = {
    "DMA": 0,
    "HIGHMEM": 1,
    "DMA32": 2,
    "MOVABLE": 3,
    "RECLAIMABLE": 4,
    "HIGH": 5,
    "IO": 6,
    "FS": 7,
    "ZERO": 8,
    "DIRECT_RECLAIM": 10,
    "KSWAPD_RECLAIM": 11,
    "WRITE": 12,
    "NOWARN": 13,
    "RETRY_MAYFAIL": 14,
    "NOFAIL": 15,
    "NORETRY": 16,
    "MEMALLOC": 17,
    "COMP": 18,
    "NOMEMALLOC": 19,
    "HARDWALL": 20,
    "THISNODE": 21,
    "ACCOUNT": 22,
    "ZEROTAGS": 23,
}

# gfp_flags of mm_shrink_slab_start, from traces of a running 6.12.
RECORDED = [
    "GFP_KERNEL",
    "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO",
    "GFP_NOFS|__GFP_HIGHMEM|__GFP_NOFAIL|__GFP_HARDWALL|__GFP_MOVABLE",
    "GFP_NOFS|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL|__GFP_MOVABLE",
    "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_RECLAIMABLE",
    "GFP_KERNEL_ACCOUNT|__GFP_COMP|__GFP_ZERO",
    "GFP_NOFS|__GFP_COMP|__GFP_RECLAIMABLE",
    "GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_ZERO",
    "GFP_HIGHUSER|__GFP_ACCOUNT",
]


class TestValues:
    @pytest.mark.parametrize(("name", "bit"), BITS.items(), ids=BITS)
    def test_single_bits(self, name: str, bit: int) -> None:
        assert Gfp[name] == 1 << bit

    @pytest.mark.parametrize(
        ("mask", "sum_"),
        [
            (Gfp.RECLAIM, Gfp.DIRECT_RECLAIM | Gfp.KSWAPD_RECLAIM),
            (Gfp.KERNEL, Gfp.RECLAIM | Gfp.IO | Gfp.FS),
            (Gfp.KERNEL_ACCOUNT, Gfp.KERNEL | Gfp.ACCOUNT),
            (Gfp.NOFS, Gfp.RECLAIM | Gfp.IO),
            (Gfp.NOIO, Gfp.RECLAIM),
            (Gfp.NOWAIT, Gfp.KSWAPD_RECLAIM | Gfp.NOWARN),
            (Gfp.ATOMIC, Gfp.HIGH | Gfp.KSWAPD_RECLAIM),
            (Gfp.USER, Gfp.KERNEL | Gfp.HARDWALL),
            (Gfp.HIGHUSER, Gfp.USER | Gfp.HIGHMEM),
            (Gfp.HIGHUSER_MOVABLE, Gfp.HIGHUSER | Gfp.MOVABLE),
            (
                Gfp.TRANSHUGE_LIGHT,
                (Gfp.HIGHUSER_MOVABLE | Gfp.COMP | Gfp.NOMEMALLOC | Gfp.NOWARN) & ~int(Gfp.RECLAIM),
            ),
            (Gfp.TRANSHUGE, Gfp.TRANSHUGE_LIGHT | Gfp.DIRECT_RECLAIM),
        ],
    )
    def test_sums(self, mask: Gfp, sum_: int) -> None:
        assert mask == sum_

    def test_bits_without_a_name_are_kept(self) -> None:
        assert int(Gfp(1 << 31)) == 1 << 31


class TestWords:
    @pytest.mark.parametrize(
        ("mask", "text"),
        [
            (0, "none"),
            (0xCC0, "GFP_KERNEL"),
            (0xC40, "GFP_NOFS"),
            (0xC00, "GFP_NOIO"),
            (0x820, "GFP_ATOMIC"),
            (0x2800, "GFP_NOWAIT"),
            (0x800, "__GFP_KSWAPD_RECLAIM"),
            (0x400, "__GFP_DIRECT_RECLAIM"),
            (0xCC0 | 0x2000, "GFP_KERNEL|__GFP_NOWARN"),
            (0x400CC0, "GFP_KERNEL_ACCOUNT"),
            (0x100CC0, "GFP_USER"),
            (0x100CC2, "GFP_HIGHUSER"),
            (0x100CCA, "GFP_HIGHUSER_MOVABLE"),
            (0x100CCA | 0x40000, "GFP_HIGHUSER_MOVABLE|__GFP_COMP"),
            (0x1C20CA, "GFP_TRANSHUGE_LIGHT"),
            (0x1C24CA, "GFP_TRANSHUGE"),
            (0x40, "__GFP_IO"),
            (0x80, "__GFP_FS"),
            (0x1, "GFP_DMA"),
            (0x2, "__GFP_HIGHMEM"),
            (0x4, "GFP_DMA32"),
            (0x80000000, "0x80000000"),
            (0xCC0 | 0x80000000, "GFP_KERNEL|0x80000000"),
        ],
    )
    def test_as_a_trace_prints_them(self, mask: int, text: str) -> None:
        assert Gfp(mask).words() == text

    @pytest.mark.parametrize("text", RECORDED)
    def test_as_a_kernel_was_recorded_to_print_them(self, text: str) -> None:
        mask = 0
        for word in text.split("|"):
            mask |= Gfp[word.removeprefix("__").removeprefix("GFP_")]
        assert Gfp(mask).words() == text

    @pytest.mark.parametrize("bit", range(32))
    def test_each_bit_is_told_once(self, bit: int) -> None:
        words = Gfp(1 << bit).words().split("|")
        assert len(words) == 1
        assert words[0].startswith(("GFP_", "__GFP_", "0x"))


class TestFlags:
    def test_the_users_bits(self) -> None:
        assert [int(flag) for flag in (Flags.NUMA_AWARE, Flags.MEMCG_AWARE, Flags.NONSLAB)] == [4, 8, 16]


class TestConstants:
    def test_the_kernels(self) -> None:
        assert (sp.DEFAULT_SEEKS, sp.SHRINK_BATCH, sp.DEF_PRIORITY) == (2, 128, 12)
        assert (sp.SHRINK_STOP, sp.SHRINK_EMPTY) == (2**64 - 1, 2**64 - 2)
