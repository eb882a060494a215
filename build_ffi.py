# SPDX-License-Identifier: GPL-2.0-only
"""What Python sees of the C core: the cdef, the sources, the flags."""

import os
import re
import runpy
import shlex
from collections.abc import Sequence
from pathlib import Path

import cffi

HERE = Path(__file__).parent
CSRC = Path("csrc")  # relative: setuptools refuses absolute sources
SOURCES = ("core", "port", "binding")
FACES = ("core.h", "introspect.h", "lock.h", "list_head.h", "list_lru.h", "alloc.h", "reclaim.h")

# Called from C with the GIL taken: the callbacks of raw shrinkers (conform).
EXTERN_PYTHON = """
extern "Python" unsigned long sp_raw_count(struct shrinker *, struct shrink_control *);
extern "Python" unsigned long sp_raw_scan(struct shrinker *, struct shrink_control *);
extern "Python" enum lru_status sp_raw_isolate(
	struct list_head *, struct list_lru_one *, struct sp_lock *, void *);
"""

# Installs the binding's types into the named module, whose attribute `mark` is mark: 0; -1, and it
# printed why; -2, it is not that of the main interpreter.
BINDING = "int sp_init(const char *module, const char *mark);"


def cdef(header: Path) -> str:
    """The declarations of one of our headers, as cffi's parser takes them."""
    text = header.read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    # Constants whose value the compiler knows better than a parser.
    text = re.sub(r"^#define (SHRINK\w+) .*$", r"static const unsigned long \1;", text, flags=re.M)
    text = re.sub(r'^extern "C" \{$|^\}$', "", text, flags=re.M)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    return re.sub(r"\bSP_API\b", "", text)


COMPILE_ARGS = (
    "-std=gnu11",
    "-O3",
    # Packing two counters into one vector store stalls the loads of each.
    "-fno-tree-slp-vectorize",
    # The kernel's arithmetic and idioms; CONTRIBUTING.md has the list.
    "-fwrapv",
    "-fno-strict-aliasing",
    # Drivers in C are linked against this module; it calls its own functions directly.
    "-fvisibility=hidden",
    "-fno-semantic-interposition",
    "-Wall",
    "-Wextra",
    "-Wno-missing-field-initializers",
    # What cffi generates.
    "-Wno-unused-parameter",
)
LINK_ARGS = ("-Wl,-Bsymbolic",)
MACROS = (("Py_LIMITED_API", "0x030b0000"),)


def interface(include: Path) -> tuple[cffi.FFI, str]:
    """All that Python sees, declared; and the C that has it in sight."""
    ffi = cffi.FFI()
    for name in FACES:
        ffi.cdef(cdef(include / "shrinkpy" / name))
    ffi.cdef(BINDING)
    ffi.cdef(EXTERN_PYTHON)
    return ffi, "".join(f"#include <shrinkpy/{name}>\n" for name in FACES) + BINDING


def extension(ffi: cffi.FFI, name: str, source: str, folders: Sequence[str], include: Sequence[str]) -> None:
    """Name what a compiled module is built of: all sources of some folders of csrc/.

    SHRINKPY_CFLAGS in the environment is added to the flags: for sanitizers and for coverage.
    """
    # Not imported: the package would want what is built here.
    why = runpy.run_path(str(HERE / "shrinkpy" / "_platform.py"))["unsupported"]()
    if why is not None:
        raise SystemExit(why)
    more = shlex.split(os.environ.get("SHRINKPY_CFLAGS", ""))
    sources = [path for folder in folders for path in sorted((CSRC / folder).glob("*.c"))]
    # Every header: one left out here would not make a second build notice it.
    headers = [path for folder in (*include, *folders) for path in sorted((CSRC / folder).rglob("*.h"))]
    ffi.set_source(
        name,
        source,
        sources=[str(path) for path in sources],
        include_dirs=[str(CSRC / folder) for folder in include],
        depends=[*map(str, headers), "build_ffi.py"],
        define_macros=list(MACROS),
        extra_compile_args=[*COMPILE_ARGS, *more],
        extra_link_args=[*LINK_ARGS, *(flag for flag in more if flag.startswith(("-f", "--coverage")))],
        libraries=["pthread"],
    )


def make() -> cffi.FFI:
    """The core and what binds it, for cffi's API mode, as setup.py names it: the port."""
    ffi, source = interface(HERE / CSRC / "include")
    extension(ffi, "shrinkpy._core", source, SOURCES, ("include", "binding"))
    return ffi


def make_scan() -> cffi.FFI:
    """The scanner of recordings: it stands without a core, so that any can be read beside any core."""
    ffi = cffi.FFI()
    ffi.cdef(cdef(HERE / CSRC / "recordings" / "scan.h"))
    extension(ffi, "shrinkpy._scan", "#include <scan.h>\n", ("recordings",), ("recordings",))
    return ffi


if __name__ == "__main__":
    make().compile(verbose=True)
    make_scan().compile(verbose=True)
