# SPDX-License-Identifier: GPL-2.0-only
# The compiled module: cffi's ffi and lib, and what sp_init() puts beside them.
from collections.abc import Callable
from typing import Any, Self, TypeVar, final

from typing_extensions import disjoint_base

from .control import CountObjects, Gfp, ScanObjects
from .errors import ExpiredError
from .machine import Machine, MemCgroup

_T = TypeVar("_T")

ffi: Any
lib: Any
mark: str

def setup(
    count_type: type[CountObjects],
    scan_type: type[ScanObjects],
    gfp_type: type[Gfp],
    expired_error: type[ExpiredError],
    function_type: type,
    make_error: Callable[..., BaseException],
    combine: Callable[..., BaseException],
) -> None: ...
def call(function: Callable[..., _T], /, *args: object) -> _T: ...

@disjoint_base
class MachineBase:
    def __new__(cls, nr_nodes: int, memcg: bool, kmem: bool, root: int, max_stall: int) -> Self: ...
    @property
    def lost_exceptions(self) -> list[BaseException]: ...
    @property
    def _left(self) -> list[str]: ...
    @property
    def _address(self) -> int: ...
    def shrink_slab(
        self, /, gfp_mask: int = 3264, nid: int = 0, memcg: MemCgroup | None = None, priority: int = 12
    ) -> int: ...
    def _last_pass(self) -> tuple[Any, ...] | None: ...
    def _close(self) -> None: ...

@disjoint_base
class MemCgroupBase:
    def __new__(cls, machine: MachineBase, parent: MemCgroupBase | None, /) -> Self: ...
    @property
    def machine(self) -> Machine: ...
    @property
    def _address(self) -> int: ...

@disjoint_base
class RegisteredShrinkerBase:
    @property
    def machine(self) -> Machine: ...
    @property
    def name(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    @property
    def _address(self) -> int: ...
    def _register(
        self,
        machine: MachineBase,
        address: int,
        name: str,
        symbol: str,
        data: object,
        callbacks: object,
        fixed: bool,
        /,
    ) -> None: ...
    def _borrow(self) -> Any: ...
    def close(self, /) -> None: ...

@final
class ShrinkControl:
    @property
    def nr_to_scan(self) -> int: ...
    @property
    def nr_scanned(self) -> int: ...
    @nr_scanned.setter
    def nr_scanned(self, value: int, /) -> None: ...
    @property
    def nid(self) -> int: ...
    @property
    def gfp_mask(self) -> Gfp: ...
    @property
    def memcg(self) -> MemCgroup | None: ...
    @property
    def reclaim_fs_allowed(self) -> bool: ...
    @property
    def reclaim_io_allowed(self) -> bool: ...
    def gfp_fs(self) -> bool: ...
