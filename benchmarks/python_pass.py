# SPDX-License-Identifier: GPL-2.0-only
"""A pass over Python shrinkers against the same method calls made by Python itself.

    python benchmarks/python_pass.py [--shrinkers 1000] [--rounds 400] [--json]

Both sides call count_objects(sc) and scan_objects(sc) once each on objects of one class, and scan reads
sc.nr_to_scan. The rounds alternate in one process, so that what the machine does to one side it
does to the other; the ratio is that of each pair of neighbouring rounds, and its median is told.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time

import shrinkpy as sp


class Cache:
    """One object, always: count says 1, and the one scan of a pass at priority 0 takes 2."""

    def count_objects(self, sc: object) -> int:
        return 1

    def scan_objects(self, sc: sp.ShrinkControl) -> int:
        return sc.nr_to_scan


class PlainControl:
    """What a plain call hands over."""

    def __init__(self) -> None:
        self.nr_to_scan = 2


def measure(shrinkers: int, rounds: int) -> dict[str, float]:
    """Nanoseconds a pair of calls for both sides, and the median ratio."""
    caches = [Cache() for _ in range(shrinkers)]  # of the plain calls
    sc = PlainControl()
    plain, core, ratios = [], [], []
    with sp.Machine() as machine:
        handles = [
            sp.UnregisteredShrinker.alloc(f"cache-{i}", machine=machine).register(Cache())
            for i in range(shrinkers)
        ]
        clock = time.perf_counter_ns
        gc.disable()
        for _ in range(rounds):
            start = clock()
            for cache in caches:
                cache.count_objects(sc)
                cache.scan_objects(sc)
            between = clock()
            freed = machine.shrink_slab(priority=0)
            end = clock()
            assert freed == 2 * shrinkers
            plain.append((between - start) / shrinkers)
            core.append((end - between) / shrinkers)
            ratios.append((end - between) / (between - start))
        gc.enable()
        for handle in handles:
            handle.close()
    return {
        "plain_ns": statistics.median(plain),
        "core_ns": statistics.median(core),
        "ratio": statistics.median(ratios),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shrinkers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(args.shrinkers, args.rounds)
    if args.json:
        print(json.dumps(result))
        return
    print(
        f"{args.shrinkers} Python shrinkers, one count and one scan each: "
        f"{result['core_ns']:.1f} ns a pair in a pass, {result['plain_ns']:.1f} ns by plain calls, "
        f"ratio {result['ratio']:.2f} (median of {args.rounds} interleaved rounds)"
    )


if __name__ == "__main__":
    main()
