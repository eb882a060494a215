# SPDX-License-Identifier: GPL-2.0-only
"""A core around a kernel tree's own files: build().

The tree's mm/shrinker.c, mm/shrinker_debug.c and mm/list_lru.c are compiled as they are, with its own
linux/shrinker.h and linux/list_lru.h before our headers, into a second extension module behind the same
core.h. What differs between versions is found by compiling a line that needs it. All but the tree's own
part is compiled once, and kept.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ..cores import MANIFEST, MODULE, CoreInfo, core_info
from ..errors import BuildError
from ..toolchain import Unit, compile_all, compiler, csrc, kept, run
from .tree import Tree, read_tree

__all__ = ["FEATURES", "build"]


class _Feature(NamedTuple):
    """Something that some trees have: it is there if this compiles after the tree's headers."""

    code: str
    told: str


FEATURES = {
    "LRU_LOCK_OF_NODE": _Feature(
        "spinlock_t *f(struct list_lru_node *n) { return &n->lock; }",
        "a lock for all lists of a node, and not one each",
    ),
    "LRU_CALLBACK_GETS_LOCK": _Feature(
        "enum lru_status c(struct list_head *, struct list_lru_one *, spinlock_t *, void *);"
        " list_lru_walk_cb f = c;",
        "walk callbacks that are given the lock",
    ),
    "LRU_INIT_TAKES_KEY": _Feature(
        "int f(struct list_lru *l) { return __list_lru_init(l, true, NULL, NULL); }",
        "__list_lru_init() with a lock class",
    ),
    "LRU_KEEPS_KEY": _Feature(
        "void f(struct list_lru *l, struct lock_class_key *k) { l->key = k; }",
        "a list_lru that keeps its lock class",
    ),
    "LRU_ADD_TAKES_MEMCG": _Feature(
        "bool f(struct list_lru *l, struct list_head *i) { return list_lru_add(l, i, 0, NULL); }",
        "list_lru_add() with the node and the cgroup",
    ),
}
"""What is looked for in a tree's headers; each that is found is defined as HAVE_<name>."""

# As the kernel compiles its own; who reorders functions takes them out of the range that is watched.
_TREE_FLAGS = (
    "-std=gnu11",
    "-O2",
    "-g",
    "-fPIC",
    "-pthread",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    "-fno-optimize-sibling-calls",
    "-fno-reorder-functions",
    "-fno-stack-protector",
    "-fvisibility=hidden",
    "-Werror=implicit-function-declaration",
    "-Werror=implicit-int",
    "-Werror=incompatible-pointer-types",
    "-D__KERNEL__",
    "-DCONFIG_MEMCG",
    "-DCONFIG_MEMCG_KMEM",
    "-DCONFIG_SHRINKER_DEBUG",
    "-DCONFIG_LOCKDEP",
    '-DKBUILD_MODNAME="mm"',
)
# It tells of each of its steps: whoever would go round for ever is found by that. What follows NULL is
# an oops, and no sanitizer's business.
_WATCHED = ("-fsanitize-coverage=trace-pc", "-fno-sanitize=null")

_OURS = ("core", "binding", "original")


def _more() -> list[str]:
    try:
        return shlex.split(os.environ.get("SHRINKPY_CFLAGS", ""))
    except ValueError as error:
        raise BuildError(f"SHRINKPY_CFLAGS in the environment cannot be split into words: {error}") from None


def _explain(tree: Tree) -> Callable[[str], str]:
    what = f"{tree.source} (Linux {tree.version})" if tree.version else tree.source

    def explain(log: str) -> str:
        found = re.search(r"^(\S[^:\n]*):(\d+)(?::\d+)?: (?:fatal )?error: (.+)$", log, re.MULTILINE)
        if found is None:
            found = re.search(r"^(\S[^:\n]*):(\d+)?:?.*(undefined reference to .+)$", log, re.MULTILINE)
        if found is None:
            return f"{what} cannot be built: {(log.strip().splitlines() or ['the compiler failed'])[-1]}"
        return f"{what} is not supported: {found[1]}:{found[2]}: {found[3]}"

    return explain


# ---- what is the same for every tree


def _build_ffi() -> dict[str, Any]:
    beside = csrc() / "build_ffi.py"  # in a wheel
    return runpy.run_path(str(beside if beside.is_file() else csrc().parent / "build_ffi.py"))


def _python_include() -> str:
    include = sysconfig.get_path("include")
    if not (Path(include) / "Python.h").is_file():
        raise BuildError(
            "a core needs Python's headers (Python.h): on Debian or Ubuntu, apt-get install -y python3-dev"
        )
    return include


def _names(folder: Path, text: str) -> list[Path]:
    return [folder / name for name in (csrc() / "original" / text).read_text().split()]


def _kernel_options() -> list[str]:
    """Of what has the kernel's headers in sight, the tree's own before them where there are some."""
    return [f"-I{csrc() / 'original' / 'include'}"]


def _kernel_headers() -> list[str]:
    return [f"-I{csrc() / 'include'}", f"-I{csrc() / 'original'}", f"-I{csrc() / 'kernel'}"]


def _is_tree_side(path: Path) -> bool:
    return path.name.startswith("tree_")


def _ours() -> Path:
    """The folder with the objects of all that does not depend on the tree, made now or found."""
    root, ffi = csrc(), _build_ffi()
    files = [path for folder in _OURS for path in sorted((root / folder).glob("*.c"))]
    runtime = _names(root / "kernel", "runtime.txt")
    inputs = [
        path for folder in (*_OURS, "include", "kernel") for path in sorted((root / folder).rglob("*.[ch]"))
    ]
    core = [
        *ffi["COMPILE_ARGS"],
        "-fPIC",
        "-g",
        *(f"-D{name}={value}" for name, value in ffi["MACROS"]),
        f"-I{root / 'include'}",
        f"-I{root / 'binding'}",
        f"-I{_python_include()}",
        *_more(),
    ]
    kernel = [*_TREE_FLAGS, *_kernel_headers(), *_more()]

    def make(where: Path) -> None:
        declared, source = ffi["interface"](root / "include")
        declared.set_source("shrinkpy._core", source, compiler_verbose=0)
        declared.emit_c_code(str(where / "_core.c"))
        units: list[Unit] = [(where / "_core.c", core)]
        units += [(path, core) for path in files if not _is_tree_side(path)]
        units += [(path, kernel) for path in runtime]
        compile_all(units, where)

    return kept("core", [*inputs, Path(ffi["__file__"])], [*core, *kernel], make)


# ---- the tree's own part


def _lay_out(tree: Tree, where: Path) -> list[str]:
    """Put its files where nothing else of it is found; the options for who is compiled with them."""
    for name, text in tree.files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(text)
    return [
        *_TREE_FLAGS,
        *_kernel_options(),
        f"-I{where / 'include'}",
        *_kernel_headers(),
        # Messages and warnings name the tree's file.
        f"-ffile-prefix-map={where}=.",
        *_more(),
    ]


def _features(options: Sequence[str], where: Path, explain: Callable[[str], str]) -> dict[str, bool]:
    """Which of FEATURES the tree has. Raises BuildError where its headers do not compile at all."""
    headers = "#include <linux/memcontrol.h>\n#include <linux/list_lru.h>\n"

    def compiles(name: str, code: str) -> str | None:
        probe = where / f"probe-{name}.c"
        probe.write_text(headers + code + "\n")
        try:
            run([*compiler(), *options, "-fsyntax-only", probe])
        except BuildError as error:
            return error.log
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        logs = dict(
            zip(
                ("", *FEATURES),
                pool.map(compiles, ("", *FEATURES), ("", *(each.code for each in FEATURES.values()))),
                strict=True,
            )
        )
    if (log := logs.pop("")) is not None:
        raise BuildError(explain(log), log)
    return {name: log is None for name, log in logs.items()}


def _compile_tree(
    tree: Tree, where: Path, explain: Callable[[str], str]
) -> tuple[list[Path], dict[str, bool]]:
    options = _lay_out(tree, where)
    features = _features(options, where, explain)
    options += [f"-DHAVE_{name}" for name, there in features.items() if there]
    units: list[Unit] = []
    for path in _names(csrc() / "original", "tree.txt"):
        name = path.stem.removeprefix("tree_")
        mine = list(options)
        for file in ("mm/shrinker.c", "mm/shrinker_debug.c", "mm/list_lru.c"):
            if Path(file).stem == name:
                mine += [f'-DTREE_FILE="{where / file}"', *_WATCHED]
        units.append((path, mine))
    return compile_all(units, where, explain), features


# ---- the whole


def _check_target(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise BuildError(f"{folder} is there, and no core: name a new or an empty folder with -o")
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file: name a new or an empty folder with -o")


def _check_whole(module: Path, tree: Tree) -> None:
    """Load it in a child, which says what the tree's files call that nobody has."""
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", load, module], env=dict(os.environ, LC_ALL="C"), capture_output=True, text=True
    )
    if done.returncode == 0 or "-fsanitize" in " ".join(_more()):  # a sanitizer wants to be first
        return
    found = re.search(r"undefined symbol: (\w+)", done.stderr)
    told = f"it calls {found[1]}(), which shrinkpy has not" if found else done.stderr.strip().splitlines()[-1]
    raise BuildError(f"{tree.source} (Linux {tree.version}) is not supported: {told}", done.stderr)


def build(source: str | os.PathLike[str], output: str | os.PathLike[str]) -> CoreInfo:
    """Compile a core around a tree's files; gives what use_core(output) will work on.

    source: a kernel tree of 6.7 or later, a folder or a tarball; it is only read. output: a folder,
    which gets the module and a manifest; that of an earlier build is replaced, when all has gone well.
    The compiler is cc, or CC; SHRINKPY_CFLAGS is added to its flags.

    Raises BuildError for what is no such tree or cannot be compiled, with the first thing that is
    missing; FileNotFoundError, OSError.
    """
    folder = Path(output).absolute()
    _check_target(folder)
    tree = read_tree(Path(source))
    explain = _explain(tree)
    ours = _ours()
    folder.parent.mkdir(parents=True, exist_ok=True)
    where = Path(tempfile.mkdtemp(prefix=".shrinkpy-", dir=folder.parent))
    try:
        objects, features = _compile_tree(tree, where, explain)
        module = where / MODULE
        more = [flag for flag in _more() if flag.startswith(("-f", "--coverage"))]
        link: list[str | os.PathLike[str]] = [
            "-shared",
            "-pthread",
            "-Wl,-Bsymbolic",
            *more,
            "-o",
            module,
            *objects,
            *sorted(ours.glob("*.o")),
        ]
        run([*compiler(), *link], explain)
        _check_whole(module, tree)
        manifest = {
            "source": tree.source,
            "version": tree.version or "unknown",
            "files": tree.hashes(),
            "features": features,
        }
        (where / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        folder.mkdir(exist_ok=True)
        # The module first: a manifest stands for a module that is there.
        for name in (MODULE, MANIFEST):
            (where / name).replace(folder / name)
    finally:
        shutil.rmtree(where, ignore_errors=True)
    return core_info(folder)
