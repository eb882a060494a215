# SPDX-License-Identifier: GPL-2.0-only
"""From a driver's sources to a shared object: build().

The runtime (csrc/kernel) is compiled once for each compiler, flags and contents: every worker of a
parallel pytest would pay for it.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..cores import load
from ..toolchain import compile_all, compiler, csrc, kept, run, scratch
from .dwarf import Declarations, Symbol, read, read_symbols
from .errors import NO_HEADER, BuildError, explain, undefined

if TYPE_CHECKING:
    from ..machine import Machine
    from .driver import Driver

__all__ = ["Built", "build", "get_include"]

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


def get_include() -> str:
    """The folder of shrinkpy's headers, for a compiler's -I: linux/… of the kernel, shrinkpy/core.h."""
    return str(csrc() / "include")


def _check_sanitize(sanitize: str) -> tuple[str, ...]:
    names = [name.strip() for name in sanitize.split(",") if name.strip()]
    for name in names:
        if name not in SANITIZERS:
            raise ValueError(f"no sanitizer {name!r} here: sanitize takes {' and '.join(SANITIZERS)}")
    if not names:
        return ()
    return (f"-fsanitize={','.join(names)}", "-fno-omit-frame-pointer")


def _runtime(flags: tuple[str, ...]) -> list[Path]:
    """The objects of csrc/kernel, made now or found in the cache.

    As one whose own names a driver may have too, with binutils' objcopy, which comes with most compilers.
    """
    folder = csrc()
    files = sorted((folder / "kernel").glob("*.c"))
    if not files:
        raise BuildError(
            f"no runtime in {folder / 'kernel'}: shrinkpy is not installed whole; install it anew"
        )
    objcopy = shutil.which("objcopy")
    options = (*flags, '-DKBUILD_MODNAME="kernel"', f"-I{folder / 'include'}", f"-I{folder / 'kernel'}")

    def make(where: Path) -> None:
        objects = compile_all(((file, options) for file in files), where, explain)
        if objcopy:
            run([*compiler(), "-r", "-nostdlib", "-o", where / "runtime.o", *objects])
            run([objcopy, "--localize-hidden", where / "runtime.o"])

    inputs = [*files, *sorted((folder / "kernel").glob("*.h")), *sorted((folder / "include").rglob("*.h"))]
    made = kept("runtime", inputs, [*flags, objcopy or ""], make)
    return [made / "runtime.o"] if objcopy else sorted(made.glob("*.o"))


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
    ours = csrc()
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
    command = compiler()
    runtime = _runtime(flags)
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
            log += run([*command, *options, "-MD", "-MF", needs, "-c", each, "-o", made], explain)
        except BuildError as error:
            _refuse_system_headers(each, needs, error.log)
            raise
        _refuse_system_headers(each, needs, log)
        objects.append(made)
    path = where / f"{name}.so"
    core = str(Path(str(load().__file__)).absolute())
    link: list[str | os.PathLike[str]] = [
        *command,
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
        log += run([*link, *runtime, core], explain)
    except BuildError as error:
        absent = undefined(error.log)
        if missing == "error" or not absent:
            raise
        stubs = _stubs(absent, objects, where)
        log += run([*command, *flags, "-w", "-fno-builtin", "-c", stubs, "-o", where / "missing.o"])
        log += run([*link, where / "missing.o", *runtime, core], explain)
    return Built(name, path, sources, sanitize, log, cdef, absent)


def _stubs(names: Iterable[str], objects: Iterable[Path], where: Path) -> Path:
    """Write a file in C that defines them: what the objects call as functions, the rest as variables."""
    relocations = run([os.environ.get("READELF", "readelf"), "-rW", *objects])
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
