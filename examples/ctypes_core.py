# SPDX-License-Identifier: GPL-2.0-only
"""The core alone, from plain ctypes: no extension module, no package, one shared library.

    make -C csrc
    python examples/ctypes_core.py csrc/build/libshrinkpy.so

It registers a cache of 1000 objects and does one pass at each priority from 12 down to 0. For
studies and for other languages; ten times slower a callback than the package, and an exception in
a ctypes callback is printed and lost.
"""

import ctypes as c
import sys

SHRINK_EMPTY = 2**64 - 2


class Config(c.Structure):  # struct sp_config
    _fields_ = (
        ("nr_nodes", c.c_int),
        ("memcg", c.c_bool),
        ("kmem", c.c_bool),
        ("root", c.c_int),
        ("root_ino", c.c_ulong),
        ("max_stall", c.c_ulong),
    )


class ShrinkControl(c.Structure):  # struct shrink_control
    _fields_ = (
        ("gfp_mask", c.c_uint),
        ("nid", c.c_int),
        ("nr_to_scan", c.c_ulong),
        ("nr_scanned", c.c_ulong),
        ("memcg", c.c_void_p),
    )


class Reason(c.Structure):  # struct sp_reason
    _fields_ = (
        ("status", c.c_int),
        ("nid", c.c_int),
        ("memcg_ino", c.c_ulong),
        ("shrinker", c.c_char * 64),
        ("text", c.c_char * 200),
    )


class Pass(c.Structure):  # struct sp_pass
    _fields_ = (
        ("freed", c.c_ulong),
        ("freeable", c.c_ulong),
        ("scanned", c.c_ulong),
        ("deferred", c.c_ulong),
        ("nr_counts", c.c_ulong),
        ("nr_scans", c.c_ulong),
        ("nr_spins", c.c_ulong),
        ("reason", Reason),
    )


Callback = c.CFUNCTYPE(c.c_ulong, c.c_void_p, c.POINTER(ShrinkControl))


def load(path: str) -> c.CDLL:
    """The library, with the types of what is called here."""
    lib = c.CDLL(path)
    out = c.POINTER(c.c_void_p)
    lib.sp_machine_create.argtypes = (c.POINTER(Config), out)
    lib.sp_machine_destroy.argtypes = (c.c_void_p,)
    lib.sp_shrinker_alloc.argtypes = (c.c_void_p, c.c_uint, c.c_char_p, out)
    lib.sp_shrinker_set_callbacks.argtypes = (c.c_void_p, Callback, Callback)
    lib.sp_shrinker_register.argtypes = (c.c_void_p, c.c_void_p)
    lib.sp_shrinker_free.argtypes = (c.c_void_p, c.POINTER(Reason))
    lib.sp_memcg_root.argtypes = (c.c_void_p,)
    lib.sp_memcg_root.restype = c.c_void_p
    lib.sp_shrink_slab.argtypes = (c.c_void_p, c.c_uint, c.c_int, c.c_void_p, c.c_int, c.POINTER(Pass))
    return lib


def check(status: int) -> None:
    """Every call of the core gives a status; 0 is good."""
    if status:
        raise OSError(f"the core said {status}")


def main(path: str) -> None:
    """Reclaim a cache of 1000 objects, and print what each pass did."""
    lib = load(path)
    objects = 1000

    def count(_shrinker: int, _sc: object) -> int:
        return objects or SHRINK_EMPTY

    def scan(_shrinker: int, sc: "c._Pointer[ShrinkControl]") -> int:
        nonlocal objects
        freed = min(objects, sc[0].nr_to_scan)
        objects -= freed
        return freed

    # C keeps pointers to these: they must outlive the registration.
    count_callback, scan_callback = Callback(count), Callback(scan)
    machine, shrinker = c.c_void_p(), c.c_void_p()
    check(lib.sp_machine_create(Config(nr_nodes=1, memcg=True, kmem=True, root=1), machine))
    check(lib.sp_shrinker_alloc(machine, 0, b"from-ctypes", shrinker))
    lib.sp_shrinker_set_callbacks(shrinker, count_callback, scan_callback)
    check(lib.sp_shrinker_register(shrinker, None))

    done = Pass()
    root = lib.sp_memcg_root(machine)
    for priority in range(12, -1, -1):
        check(lib.sp_shrink_slab(machine, 0xCC0, 0, root, priority, done))
        print(
            f"priority {priority:2}: {done.freeable:4} freeable, {done.scanned:4} scanned, "
            f"{done.freed:4} freed, {done.deferred:4} deferred"
        )
    check(lib.sp_shrinker_free(shrinker, Reason()))
    lib.sp_machine_destroy(machine)
    print(f"{objects} objects left")


if __name__ == "__main__":
    main(sys.argv[1])
