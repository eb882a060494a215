# SPDX-License-Identifier: GPL-2.0-only
"""Oopses of C code: where they end, and what is as before afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cffi
import pytest
from support import Doing

import shrinkpy as sp
from shrinkpy import _core, core

SOURCE = r"""
#include <shrinkpy/oops.h>

static unsigned long oops(struct shrinker *s, struct shrink_control *sc)
{
	(void)sc;
	sp_oops(sp_shrinker_machine(s), "no objects, but a NULL pointer");
}

static unsigned long bounded(struct shrinker *s, struct shrink_control *sc)
{
	return sp_call_bounded(s, sc, oops, 0);
}

int add(struct machine *m, int with_boundary)
{
	struct shrinker *s;

	if (sp_shrinker_alloc(m, 0, "native", &s))
		return -1;
	sp_shrinker_set_callbacks(s, with_boundary ? bounded : oops, bounded);
	return sp_shrinker_register(s, NULL);
}

int shrink(struct machine *m)
{
	struct sp_pass pass;

	return sp_shrink_slab(m, 0xcc0, 0, sp_memcg_root(m), 0, &pass);
}

int die(struct machine *m, int n)
{
	volatile char room[64 * (n % 10 + 1)];

	room[0] = 0;
	sp_oops(m, "died of %d", n);
}

int depth(struct machine *m)
{
	return sp_pass_depth(m);
}
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    where = tmp_path_factory.mktemp("oops")
    (where / "oops.c").write_text(SOURCE)
    include = Path(__file__).parent.parent / "csrc" / "include"
    subprocess.run(
        [
            *("cc", "-std=gnu11", "-O2", "-g", "-shared", "-fPIC", f"-I{include}"),
            *("oops.c", _core.__file__, "-o", "oops.so"),
        ],
        cwd=where,
        check=True,
    )
    ffi = cffi.FFI()
    ffi.cdef("int add(void *, int); int shrink(void *); int die(void *, int); int depth(void *);")
    return ffi.dlopen(str(where / "oops.so"))


@pytest.fixture
def machine() -> Iterator[sp.Machine]:
    with sp.Machine() as machine:
        yield machine


class TestACallOfC:
    def test_raises_kernel_oops(self, driver: Any, machine: sp.Machine) -> None:
        with pytest.raises(sp.KernelOops, match="died of 5"):
            core.call(driver.die, machine._pointer, 5)

    def test_can_be_made_again_and_again(self, driver: Any, machine: sp.Machine) -> None:
        """Nothing is used up: neither the GIL nor the interpreter's depth of recursion."""
        for n in range(3000):
            with pytest.raises(sp.KernelOops):
                core.call(driver.die, machine._pointer, n)
        assert core.call(driver.depth, machine._pointer) == 0

    def test_leaves_the_passes_that_it_was_in(self, driver: Any, machine: sp.Machine) -> None:
        assert driver.add(machine._pointer, 0) == 0
        with pytest.raises(sp.KernelOops, match="NULL pointer"):
            core.call(driver.shrink, machine._pointer)
        assert core.call(driver.depth, machine._pointer) == 0

    def test_can_be_inside_a_callback_in_python(self, driver: Any, machine: sp.Machine) -> None:
        """The inner call raises in the callback; the pass outside goes on."""

        def count(sc: sp.ShrinkControl) -> int:
            core.call(driver.die, machine._pointer, 1)
            return 1

        shrinker = sp.UnregisteredShrinker.alloc("dies", machine=machine)
        with shrinker.register(Doing(count=count)), pytest.raises(sp.KernelOops, match="died of 1"):
            core.call(driver.shrink, machine._pointer)
        assert core.call(driver.depth, machine._pointer) == 0


class TestACallback:
    def test_that_oopses_is_reported_by_the_pass(self, driver: Any, machine: sp.Machine) -> None:
        assert driver.add(machine._pointer, 1) == 0
        with pytest.raises(sp.KernelOops, match="NULL pointer") as caught:
            machine.shrink_slab()
        assert caught.value.shrinker == "native"
