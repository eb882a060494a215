# SPDX-License-Identifier: GPL-2.0-only
"""From a driver's sources to a shared object: build().

The runtime (csrc/kernel) is compiled once for each compiler, flags and contents, and kept in the
user's cache: it takes seconds, and every worker of a parallel pytest would pay them. Its key is a
hash of all that goes in, so that it is never stale; a folder appears there whole, by a rename.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _core
from .dwarf import Declarations, Symbol, read, read_symbols
from .errors import NO_HEADER, BuildError, explain, undefined

if TYPE_CHECKING:
    from ..machine import Machine
    from .driver import Driver

__all__ = ["Built", "build", "get_include", "scratch"]

FLAGS = (
    "-std=gnu11",
    "-O2",
    "-g",
    "-fPIC",
    "-pthread",
    "-fvisibility=default",
    # The kernel's own: its arithmetic, its idioms, and what it never forgives.
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    # So that who called what can be told.
    "-fno-optimize-sibling-calls",
    "-Werror=implicit-function-declaration",
    "-D__KERNEL__",
    "-DMODULE",
)
SANITIZERS = ("address", "undefined")
_UNUSED = 30 * 24 * 3600.0  # seconds


def _sources() -> Path:
    """The folder with include/ and kernel/: beside the package in a wheel, above it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_csrc"
    return inside if inside.is_dir() else package.parent / "csrc"


def get_include() -> str:
    """The folder of shrinkpy's headers, for a compiler's -I: linux/… of the kernel, shrinkpy/core.h."""
    return str(_sources() / "include")


@functools.cache
def scratch() -> Path:
    """A folder of this process, removed at its end."""
    path, owner = Path(tempfile.mkdtemp(prefix="shrinkpy-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not a child of fork
            shutil.rmtree(path, ignore_errors=True)

    atexit.register(remove)
    return path


def _compiler() -> list[str]:
    command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    if shutil.which(command[0]) is None:
        raise BuildError(
            f"no C compiler {command[0]}: on Debian or Ubuntu, apt-get install -y build-essential "
            "(CC in the environment names another one)"
        )
    return command


def _run(command: Sequence[str | os.PathLike[str]]) -> str:
    """Run the compiler; what it printed, or BuildError."""
    # Its messages are read: in English.
    done = subprocess.run(
        list(command), env=dict(os.environ, LC_ALL="C"), capture_output=True, text=True, errors="replace"
    )
    log = done.stdout + done.stderr
    if done.returncode != 0:
        raise BuildError(explain(log), log)
    return log


def _check_sanitize(sanitize: str) -> tuple[str, ...]:
    names = [name.strip() for name in sanitize.split(",") if name.strip()]
    for name in names:
        if name not in SANITIZERS:
            raise ValueError(f"no sanitizer {name!r} here: sanitize takes {' and '.join(SANITIZERS)}")
    if not names:
        return ()
    return (f"-fsanitize={','.join(names)}", "-fno-omit-frame-pointer")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "shrinkpy"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    except OSError:
        pass
    return scratch()


def _prune(cache: Path) -> None:
    """Remove what no build has used for a month: of other contents, and half made."""
    for folder in [*cache.glob("runtime-*"), *cache.glob(".making-*")]:
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _UNUSED:
                shutil.rmtree(folder, ignore_errors=True)


def _runtime(compiler: list[str], flags: tuple[str, ...]) -> list[Path]:
    """The objects of csrc/kernel, made now or found in the cache.

    As one whose own names a driver may have too, with binutils' objcopy, which comes with most compilers.
    """
    folder = _sources()
    sources = sorted((folder / "kernel").glob("*.c"))
    if not sources:
        raise BuildError(
            f"no runtime in {folder / 'kernel'}: shrinkpy is not installed whole; install it anew"
        )
    version = _run([*compiler, "--version"])
    objcopy = shutil.which("objcopy")
    key = hashlib.sha256("\0".join([*compiler, version, *flags, objcopy or ""]).encode())
    for path in [
        *sources,
        *sorted((folder / "kernel").glob("*.h")),
        *sorted((folder / "include").rglob("*.h")),
    ]:
        key.update(f"\0{path.relative_to(folder)}\0".encode())
        key.update(path.read_bytes())
    made = _cache() / f"runtime-{key.hexdigest()[:32]}"
    if not made.is_dir():
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=made.parent))
        try:

            def compile_one(source: Path) -> str:
                options = (
                    *flags,
                    '-DKBUILD_MODNAME="kernel"',
                    f"-I{folder / 'include'}",
                    f"-I{folder / 'kernel'}",
                )
                return _run([*compiler, *options, "-c", source, "-o", making / f"{source.stem}.o"])

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(compile_one, sources))
            if objcopy:
                _run([*compiler, "-r", "-nostdlib", "-o", making / "runtime.o", *sorted(making.glob("*.o"))])
                _run([objcopy, "--localize-hidden", making / "runtime.o"])
            try:
                making.rename(made)
            except OSError:  # another process was quicker
                if not made.is_dir():
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
        _prune(made.parent)
    with contextlib.suppress(OSError):  # a cache of somebody else's
        os.utime(made)
    return [made / "runtime.o"] if objcopy else [made / f"{source.stem}.o" for source in sources]


_KERNEL_HEADER = re.compile(
    r"^[ \t]*#[ \t]*include[ \t]*<((?:linux|asm|uapi|asm-generic)/[^>]+)>", re.MULTILINE
)


def _refuse_system_headers(source: Path, dependencies: Path, log: str = "") -> None:
    """What libc brings below linux/ and asm/ is for programs: no driver may get it unnoticed."""
    try:
        found = set(dependencies.read_text().replace("\\\n", " ").split())
    except OSError:
        return
    text = source.read_text(errors="replace")
    ours = _sources()
    for match in _KERNEL_HEADER.finditer(text):
        for path in found:
            if (
                path.endswith(f"/{match[1]}")
                and path.startswith("/usr/include/")
                and not Path(path).is_relative_to(ours)
            ):
                line = text.count("\n", 0, match.start()) + 1
                raise BuildError(f"{source}:{line}: {NO_HEADER.format(what=match[1])}", log)


# What a kernel's own folder of headers has: include/, its uapi/, an architecture's.
_OF_A_KERNEL = ("linux/kconfig.h", "asm-generic/Kbuild", "asm/Kbuild")


def _search(include: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Where headers are looked for: the caller's folders, ours, and a whole kernel's behind ours."""
    before, behind = [], []
    for folder in map(Path, include):
        if any((folder / mark).is_file() for mark in _OF_A_KERNEL):
            # Before libc's linux/…, which is for programs.
            behind += [f"-isystem{folder}", f"-isystem{folder / 'uapi'}"]
        else:
            before.append(f"-I{folder}")
    # First of all, as the kernel's own make has it: its files count on it.
    first = ["-include", "linux/kconfig.h", "-include", "linux/compiler_types.h"] if behind else []
    return [*before, f"-I{get_include()}", *behind, *first]


class Built:
    """A driver that was compiled: load() it, on any number of machines.

    Attributes: name; path (of the shared object); sources; sanitize; log (what the compiler printed);
    missing (symbols that nothing defines: see build()).
    """

    def __init__(
        self,
        name: str,
        path: Path,
        sources: tuple[Path, ...],
        sanitize: str,
        log: str,
        cdef: str | None,
        missing: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.path = path
        self.sources = sources
        self.sanitize = sanitize
        self.log = log
        self._given = cdef
        self.missing = missing

    def load(self, machine: Machine) -> Driver:
        """Load a copy of it on a machine, and run its module_init, as native.load does."""
        from .driver import load

        return load(self, machine)

    __call__ = load

    @property
    def cdef(self) -> str:
        """What Python can call, in cffi's words: of build(), or as the debugging information has it.

        Another build of the same sources takes it and need not read that again. Raises BuildError
        where there is nothing to read it with.
        """
        return self._declarations.cdef

    @functools.cached_property
    def _declarations(self) -> Declarations:
        return read(self.path, self.sources) if self._given is None else Declarations(self._given, ())

    @functools.cached_property
    def _symbols(self) -> list[Symbol]:
        return read_symbols(self.path, self.sources)

    def __repr__(self) -> str:
        return f"<Built {self.name!r}, {self.path}>"


def build(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    include: Iterable[str | os.PathLike[str]] | str | os.PathLike[str] = (),
    sanitize: str = "",
    cflags: Iterable[str] = (),
    cdef: str | None = None,
    name: str | None = None,
    missing: str = "error",
) -> Built:
    """Compile a driver's source file, or several, together with shrinkpy's kernel runtime.

    <linux/…> are shrinkpy's headers; folders of include come before them, but a kernel tree's whole
    include/ behind them: it gives what shrinkpy has not. cflags are added last. sanitize is "address",
    "undefined" or "address,undefined". cdef declares what Python calls, in cffi's words; without it,
    that is read from the debugging information (by pyelftools, of shrinkpy[native]; where that is not
    installed, a driver runs, but Python can call none of its functions). name is the module's, default
    the first file's. The compiler is cc, or CC.

    What no file defines is an error; with missing="oops", for one file of a large subsystem, such
    functions are there and raise KernelOops when they are called, and such variables are zeros.

    Raises BuildError, FileNotFoundError for a source that is not there, ValueError for an unknown
    sanitizer or missing.
    """
    if missing not in ("error", "oops"):
        raise ValueError(f"missing must be 'error' or 'oops', not {missing!r}")
    if isinstance(source, str | os.PathLike):
        source = (source,)
    sources = tuple(Path(each) for each in source)
    if not sources:
        raise ValueError("build() needs a source file")
    for each in sources:
        if not each.is_file():
            raise FileNotFoundError(2, "there is no such source file", str(each))
    if isinstance(include, str | os.PathLike):
        include = (include,)
    name = name if name is not None else re.sub(r"\W", "_", sources[0].stem)
    flags = (*FLAGS, *_check_sanitize(sanitize))
    compiler = _compiler()
    runtime = _runtime(compiler, flags)
    where = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch()))
    options = [
        *flags,
        f'-DKBUILD_MODNAME="{name}"',
        f'-DKBUILD_BASENAME="{name}"',
        *_search(include),
        *cflags,
    ]
    log = ""
    objects = []
    for number, each in enumerate(sources):
        made, needs = where / f"{number}-{each.stem}.o", where / f"{number}.d"
        try:
            log += _run([*compiler, *options, "-MD", "-MF", needs, "-c", each, "-o", made])
        except BuildError as error:
            _refuse_system_headers(each, needs, error.log)
            raise
        _refuse_system_headers(each, needs, log)
        objects.append(made)
    path = where / f"{name}.so"
    core = str(Path(_core.__file__).absolute())
    link: list[str | os.PathLike[str]] = [
        *compiler,
        "-shared",
        "-Wl,-z,defs",
        "-pthread",
        *flags,
        "-o",
        path,
        *objects,
    ]
    absent: tuple[str, ...] = ()
    try:
        log += _run([*link, *runtime, core])
    except BuildError as error:
        absent = undefined(error.log)
        if missing == "error" or not absent:
            raise
        stubs = _stubs(absent, objects, where)
        log += _run([*compiler, *flags, "-w", "-fno-builtin", "-c", stubs, "-o", where / "missing.o"])
        log += _run([*link, where / "missing.o", *runtime, core])
    return Built(name, path, sources, sanitize, log, cdef, absent)


def _stubs(names: Iterable[str], objects: Iterable[Path], where: Path) -> Path:
    """Write a file in C that defines them: what the objects call as functions, the rest as variables."""
    relocations = _run([os.environ.get("READELF", "readelf"), "-rW", *objects])
    called = set(re.findall(r"_(?:PLT32|CALL26|JUMP26)\s+\S+\s+([^\s@]+)", relocations))
    told = "%s() is called, which neither shrinkpy nor the driver's sources define"
    lines = ["void kernel_oops(const char *, ...);"]
    for name in names:
        if name in called:
            lines.append(f'void {name}(void) {{ kernel_oops("{told}", "{name}"); }}')
        else:
            lines.append(f"char {name}[4096] __attribute__((aligned(64)));")
    path = where / "missing.c"
    path.write_text("\n".join(lines) + "\n")
    return path
