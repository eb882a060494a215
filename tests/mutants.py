# SPDX-License-Identifier: GPL-2.0-only
"""A core that is wrong on demand: the port, with mistakes in its C; MUTANT in the environment names one."""

from __future__ import annotations

import json
import runpy
import shutil
import sysconfig
from pathlib import Path
from typing import NamedTuple

from shrinkpy.toolchain import compile_all, compiler, kept, run

ROOT = Path(__file__).parent.parent
CSRC = ROOT / "csrc"

HEADER = """
#ifndef MUTANT_H
#define MUTANT_H
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
static inline bool mutant(const char *name)
{
	const char *is = getenv("MUTANT");

	return is && !strcmp(is, name);
}
#endif
"""


class Mutant(NamedTuple):
    """A mistake: what stands in a file of csrc/port/, and what stands there instead."""

    file: str
    text: str
    instead: str


MUTANTS = {
    # Deferred work is stored, and what came meanwhile is lost.
    "stored": Mutant(
        "pass.c",
        "{\n\tif (!value)\n",
        '{\n\tif (mutant("stored")) {\n\t\tWRITE_ONCE(*place, value);\n\t\treturn value;\n\t}\n'
        "\tif (!value)\n",
    ),
    # The cap of a turn is one too high.
    "cap": Mutant("arith.h", "sp_min(total, 2 * freeable)", 'sp_min(total, 2 * freeable + mutant("cap"))'),
    # A bit is not set again for what was added between the two counts.
    "bit": Mutant(
        "pass.c",
        "\t\telse\n\t\t\tsp_set_shrinker_bit(",
        '\t\telse if (!mutant("bit"))\n\t\t\tsp_set_shrinker_bit(',
    ),
    # The deferred work of a cgroup that goes offline is lost.
    "reparent": Mutant("shrinker_info.c", "if (nr && to)", 'if (nr && to && !mutant("reparent"))'),
    # The id of an alloc that failed is never given again.
    "id": Mutant(
        "shrinker.c",
        "\t\t\tid_free(m->idr, id);\n\t\t\treturn status;",
        '\t\t\tif (!mutant("id"))\n\t\t\t\tid_free(m->idr, id);\n\t\t\treturn status;',
    ),
    # A unit of an info that could not be made whole is leaked.
    "unit": Mutant(
        "shrinker_info.c",
        "discard_info(m, info, nr_old, i);",
        'discard_info(m, info, nr_old, i - (mutant("unit") && i > nr_old));',
    ),
    # The bit of a cgroup that inherits items is not set.
    "items": Mutant("list_lru_memcg.c", "\t\tif (n)\n", '\t\tif (n && !mutant("items"))\n'),
    # An item goes to the wrong end.
    "rotate": Mutant(
        "list_lru.c",
        "item_insert(item, l->list.prev, &l->list);\n\t\t\tbreak;",
        'if (mutant("rotate"))\n\t\t\t\titem_insert(item, &l->list, l->list.next);\n'
        "\t\t\telse\n\t\t\t\titem_insert(item, l->list.prev, &l->list);\n\t\t\tbreak;",
    ),
    # The root's inode is taken for none.
    "inode": Mutant("shrinker_debug.c", "return ino ? SP_INVAL", 'return ino && !mutant("inode") ? SP_INVAL'),
    # A second shrinker that is memcg-aware is its death.
    "dies": Mutant(
        "shrinker.c", "\ts->id = id;\n", '\tif (id && mutant("dies"))\n\t\t__builtin_trap();\n\ts->id = id;\n'
    ),
    # So does it never end.
    "spins": Mutant(
        "shrinker_debug.c",
        "\tstatus = set_name(m, s, name);\n",
        '\twhile (mutant("spins"))\n\t\t;\n\tstatus = set_name(m, s, name);\n',
    ),
}


def _mutated(port: Path, where: Path) -> list[Path]:
    """csrc/port/ with the mistakes, in a folder where ../core is ours."""
    shutil.copytree(port, where)
    (where.parent / "core").symlink_to(port.parent / "core")
    (where / "mutant.h").write_text(HEADER)
    for file in ("arith.h", "port.h"):
        text = (where / file).read_text()
        (where / file).write_text(f'#include "mutant.h"\n{text}')
    for name, mutant in MUTANTS.items():
        text = (where / mutant.file).read_text()
        assert text.count(mutant.text) == 1, f"{name}: {mutant.file} has not one {mutant.text!r}"
        (where / mutant.file).write_text(text.replace(mutant.text, mutant.instead))
    return sorted(where.glob("*.c"))


def build() -> Path:
    """The folder of the core, made now or found; without MUTANT it is the port."""
    ffi = runpy.run_path(str(ROOT / "build_ffi.py"))
    sources = [path for folder in ("core", "binding") for path in sorted((CSRC / folder).glob("*.c"))]
    inputs = sorted(
        path for folder in ("core", "binding", "port", "include") for path in (CSRC / folder).rglob("*.[ch]")
    )
    options = [
        *ffi["COMPILE_ARGS"],
        *("-O0", "-fPIC", *(f"-D{name}={value}" for name, value in ffi["MACROS"])),
        *(f"-I{path}" for path in (CSRC / "include", CSRC / "binding", sysconfig.get_path("include"))),
    ]

    def make(where: Path) -> None:
        declared, source = ffi["interface"](CSRC / "include")
        declared.set_source("shrinkpy._core", source)
        declared.emit_c_code(str(where / "_core.c"))
        units = [where / "_core.c", *sources, *_mutated(CSRC / "port", where / "port")]
        objects = compile_all([(path, options) for path in units], where)
        run([*compiler(), "-shared", "-pthread", "-Wl,-Bsymbolic", "-o", where / "_core.abi3.so", *objects])
        manifest = {"source": "", "version": "mutant", "files": {}, "features": {}}
        (where / "core.json").write_text(json.dumps(manifest))

    return kept("mutant", [*inputs, ROOT / "build_ffi.py", Path(__file__)], options, make)
