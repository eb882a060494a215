# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios and differences, in words."""

from __future__ import annotations

import json
from typing import Any

from ..control import SHRINK_EMPTY, SHRINK_STOP
from ..golden import Op
from .outcome import Finding

__all__ = ["describe"]

_EVENTS = {
    kind: names.split()
    for kind, names in {
        "c": "count h nid m returned",
        "s": "scan h nid m nr_to_scan returned nr_scanned times",
        "start": "mm_shrink_slab_start h nid objects_to_shrink gfp cache_items delta total_scan priority",
        "end": "mm_shrink_slab_end h nid unused_scan new_scan retval total_scan",
        "i": "isolate item answer",
    }.items()
}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if value and value.isprintable() and not set(value) & set(' "') else json.dumps(value)
    text = json.dumps(value)
    return text.replace(str(SHRINK_STOP), "SHRINK_STOP").replace(str(SHRINK_EMPTY), "SHRINK_EMPTY")


def _op(op: Op) -> str:
    return " ".join([op["op"], *(f"{key}={_text(value)}" for key, value in op.items() if key != "op")])


def _event(event: list[Any]) -> str:
    kind, *values = event
    if kind == "hook":
        return f"hook {values[1]} of h={values[0]}: {_op(values[2])}"
    what, *names = _EVENTS[kind]
    named = [f"{name}={_text(value)}" for name, value in zip(names, values, strict=False)]
    return " ".join([what, *named, *map(_text, values[len(names) :])])


def _side(key: str, value: Any) -> str:
    if not key:
        return str(value)
    if value is None:
        return "as before" if key.startswith("state.") else "nothing"
    return _event(value) if key.startswith("ev[") else _text(value)


def describe(found: Finding, cores: tuple[str, str]) -> list[str]:
    """The operations, a line each, and what the cores gave where they differ."""
    lines = ["cfg " + " ".join(f"{key}={value}" for key, value in found.cfg.items())]
    lines += (f"{number:>3}  {_op(op)}" for number, op in enumerate(found.ops))
    where = f"operation {found.number}" if 0 <= found.number < len(found.ops) else "the machine's end"
    if found.number < 0:
        where = "the machine as it was made"
    lines.append(f"{where}{', ' if found.key else ''}{found.key}:")
    width = max(map(len, cores)) + 1
    sides = zip(cores, (found.a, found.b), strict=True)
    return [*lines, *(f"  {f'{core}:':<{width}} {_side(found.key, value)}" for core, value in sides)]
