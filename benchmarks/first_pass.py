# SPDX-License-Identifier: GPL-2.0-only
"""From `import shrinkpy` to the end of a first pass, in a fresh interpreter.

    python benchmarks/first_pass.py [--rounds 40] [--json]

Each round starts two processes, in turn: one that imports the package, registers a shrinker and runs a
pass over it, and an empty one. The first also tells what it took from its first line to its last.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

PROGRAM = """
import time
start = time.perf_counter_ns()
import shrinkpy as sp

class Pages(sp.Shrinker):
    def count_objects(self, sc): return 10
    def scan_objects(self, sc): return sc.nr_to_scan

with sp.Machine() as machine:
    with sp.UnregisteredShrinker.alloc("pages", machine=machine).register(Pages()):
        machine.shrink_slab(priority=0)
        print(time.perf_counter_ns() - start)
"""


def run(program: str) -> tuple[float, str]:
    """Milliseconds of a whole process, and what it printed."""
    start = time.perf_counter_ns()
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ, PYTHONSAFEPATH="1"),
    )
    return (time.perf_counter_ns() - start) / 1e6, done.stdout


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="From import to the end of a first pass.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    inside, whole, empty = [], [], []
    for _ in range(options.rounds):
        took, printed = run(PROGRAM)
        whole.append(took)
        inside.append(int(printed) / 1e6)
        empty.append(run("")[0])
    result = {
        "import_and_pass_ms": statistics.median(inside),
        "process_ms": statistics.median(whole),
        "empty_process_ms": statistics.median(empty),
        "rounds": options.rounds,
    }
    if options.json:
        print(json.dumps(result))
    else:
        print(
            f"import and a first pass: {result['import_and_pass_ms']:.1f} ms, the whole process "
            f"{result['process_ms']:.1f} ms, an empty one {result['empty_process_ms']:.1f} ms "
            f"(medians of {options.rounds} interleaved rounds)"
        )


if __name__ == "__main__":
    main()
