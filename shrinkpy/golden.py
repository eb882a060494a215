# SPDX-License-Identifier: GPL-2.0-only
"""Files of golden vectors: one scenario a line, in JSON; read, and checked for what each must have.

The format stands in tests/data/golden/FORMAT.md, what is beyond it in shrinkpy.scenario.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .core import lib

__all__ = ["Op", "UnreadableError", "read_scenarios"]

Op = dict[str, Any]

# What each operation must have, by type.
_FIELDS: dict[str, dict[str, type]] = {
    "alloc": {"h": int, "flags": int, "name": str},
    "allocn": {"h": int, "n": int, "flags": int, "reg": int},
    "set": {"h": int, "batch": int, "seeks": int},
    "script": {"h": int},
    "objs": {"h": int, "m": int, "nid": int, "n": int},
    "register": {"h": int},
    "free": {"h": int},
    "clear_allocated": {"h": int, "clear": int},
    "memcg_new": {"m": int, "parent": int},
    "memcg_online": {"m": int},
    "memcg_offline": {"m": int},
    "memcg_release": {"m": int},
    "setbit": {"m": int, "nid": int, "id": int},
    "shrink": {"gfp": int, "nid": int, "m": int, "prio": int},
    "poke": {"h": int, "nid": int, "m": int, "v": int},
    "kmem": {"on": int},
    "debugfs_init": {},
    "rename": {"h": int, "name": str},
    "dbg_count": {"h": int},
    "dbg_scan": {"h": int, "text": str},
    # beyond that format: shrinkpy.scenario tells of these
    "lru_new": {"l": int, "aware": int, "h": int},
    "lru_attach": {"l": int, "h": int},
    "lru_prepare": {"l": int, "m": int},
    "lru_add": {"l": int, "i": int, "nid": int, "m": int},
    "lru_del": {"l": int, "i": int, "nid": int, "m": int},
    "lru_count": {"l": int, "nid": int, "m": int},
    "lru_walk": {"l": int, "nid": int, "m": int, "n": int, "node": int, "answers": list},
    "lru_destroy": {"l": int},
}
_MORE_CFG = ("calls", "stall", "lax")


class UnreadableError(Exception):
    """A file is not golden vectors, or not whole."""


def _check(vector: Any) -> None:
    """Is this a vector? Raises UnreadableError with what is missing."""
    if not isinstance(vector, dict):
        raise UnreadableError("is not a JSON object")
    for key, kind in (("id", str), ("fam", str), ("cfg", dict), ("init", dict), ("ops", list)):
        if not isinstance(vector.get(key), kind):
            raise UnreadableError(f"has no {key!r}")
    cfg = vector["cfg"]
    if not all(isinstance(cfg.get(key), int) for key in ("nodes", "memcg", "kmem", "root")):
        raise UnreadableError("has a cfg without nodes, memcg, kmem or root")
    if not 1 <= cfg["nodes"] <= lib.SP_MAX_NODES or not 0 <= cfg["root"] <= 2:
        raise UnreadableError("has a cfg that no machine can have")
    if not all(isinstance(cfg.get(key, 0), int) for key in _MORE_CFG):
        raise UnreadableError(f"has a cfg whose {' or '.join(_MORE_CFG)} is no number")
    for op in vector["ops"]:
        name = op.get("op") if isinstance(op, dict) else None
        if name not in _FIELDS:
            raise UnreadableError(f"has an unknown operation {name!r}")
        for key, field_kind in _FIELDS[name].items():
            if not isinstance(op.get(key), field_kind):
                raise UnreadableError(f"has an operation {name!r} without {key!r}")


def read_scenarios(path: Path) -> Iterator[dict[str, Any]]:
    """The vectors of one file (JSON lines, plain or gzip), each checked.

    Raises UnreadableError, with the file and the line, for what is no vector or cut short; OSError.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    n = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
            for n, line in enumerate(lines, 1):  # noqa: B007 - told on errors
                vector = json.loads(line)
                _check(vector)
                yield vector
    except UnreadableError as error:
        raise UnreadableError(f"{path}: line {n} {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"{path}: cut or damaged after line {n}: {error}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnreadableError(f"{path}: line {n} is not JSON: {error}") from None
    if n == 0:
        raise UnreadableError(f"{path}: holds no scenarios")
