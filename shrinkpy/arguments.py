# SPDX-License-Identifier: GPL-2.0-only
"""What callers hand over, looked at before anything is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

from .core import MachineBase, MemCgroupBase

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["check_machine", "check_memcg", "node", "whole"]


def whole(value: SupportsIndex, what: str, minimum: int, maximum: int) -> int:
    """The int that value is. Raises TypeError for what is none (bool is none), ValueError for one outside."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} must be an int, not {value!r}")
    n = value.__index__()
    if not minimum <= n <= maximum:
        raise ValueError(f"{what} must be {minimum} to {maximum}, not {n}")
    return n


def node(machine: Machine, nid: SupportsIndex) -> int:
    """A node of the machine."""
    return whole(nid, "nid", 0, machine.nr_nodes - 1)


def check_machine(machine: object) -> None:
    """Raise TypeError for what is no Machine."""
    if not isinstance(machine, MachineBase):
        raise TypeError(f"machine must be a Machine, not {machine!r}")


def check_memcg(machine: Machine, memcg: Any) -> None:
    """Raise for what is no cgroup of the machine, as its own methods do; None is the root."""
    if memcg is None:
        return
    if not isinstance(memcg, MemCgroupBase):
        raise TypeError(f"memcg must be a MemCgroup or None (the root), not {memcg!r}")
    if memcg.machine is not machine:
        raise ValueError("memcg belongs to another Machine")
