# SPDX-License-Identifier: GPL-2.0-only
"""What a driver declares, read from its debugging information: a cdef for cffi, names for traces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cffi

from .errors import BuildError

__all__ = ["Declarations", "Symbol", "read", "read_symbols"]

_SKIPPED = {"DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type"}
_AGGREGATES = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union"}
_INTEGERS = {
    (5, 1): "signed char",
    (5, 2): "short",
    (5, 4): "int",
    (5, 8): "long",
    (6, 1): "char",
    (7, 1): "unsigned char",
    (7, 2): "unsigned short",
    (7, 4): "unsigned int",
    (7, 8): "unsigned long",
    (8, 1): "unsigned char",
    (2, 1): "_Bool",
    (4, 4): "float",
    (4, 8): "double",
}


class _UnknownError(Exception):
    """A type that cffi has no word for."""


def _text(die: Any, name: str = "DW_AT_name") -> str | None:
    attribute = die.attributes.get(name)
    return None if attribute is None else attribute.value.decode()


def _number(die: Any, name: str) -> int | None:
    attribute = die.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, int) else None


class Declarations(NamedTuple):
    """The types and functions that were found, as cffi takes them."""

    cdef: str
    functions: tuple[str, ...]
    """names, in order of definition"""


class Symbol(NamedTuple):
    """A function, static or not."""

    offset: int
    """bytes from where the file is loaded"""
    name: str
    inner: bool
    """of the runtime, under a name that is none of the kernel's"""


class _Writer:
    """Turns types of one shared object into declarations; a type is known by its kind and name."""

    def __init__(self, opaque: set[str]) -> None:
        self.opaque = opaque  # aggregates that cffi would lay out otherwise
        self.lines: list[str] = []
        self.sizes: dict[str, int] = {}
        self.offsets: dict[str, list[tuple[str, int]]] = {}
        self._said: set[str] = set()
        self._open: set[str] = set()
        self._constants: set[str] = set()
        self._pending: list[Any] = []

    def declare(self, die: Any | None, inner: str, *, by_value: bool = False) -> str:
        """C's declaration of inner (a name, or a declarator round one) as of that type."""
        while die is not None and die.tag in _SKIPPED:
            die = die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None
        if die is None:
            return f"void {inner}".rstrip()
        of = die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None
        if die.tag == "DW_TAG_base_type":
            return f"{self._base(die)} {inner}".rstrip()
        if die.tag == "DW_TAG_pointer_type":
            return self._pointer(of, inner)
        if die.tag == "DW_TAG_typedef":
            return self._typedef(die, of, inner, by_value)
        if die.tag in _AGGREGATES:
            return f"{self._aggregate(die, by_value)} {inner}".rstrip()
        if die.tag == "DW_TAG_enumeration_type":
            return f"{self._enum(die)} {inner}".rstrip()
        if die.tag == "DW_TAG_array_type":
            return self._array(die, of, inner, by_value)
        if die.tag == "DW_TAG_subroutine_type":
            return self.declare(of, f"{inner}({self.parameters(die)})", by_value=True)
        raise _UnknownError(die.tag)

    def parameters(self, die: Any) -> str:
        """What stands between the brackets of a function."""
        texts = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_formal_parameter":
                texts.append(self.declare(_type(child), "", by_value=True))
            elif child.tag == "DW_TAG_unspecified_parameters":
                texts.append("...")
        return ", ".join(texts) or "void"

    def _base(self, die: Any) -> str:
        name = _INTEGERS.get((_number(die, "DW_AT_encoding") or 0, _number(die, "DW_AT_byte_size") or 0))
        if name is None:
            raise _UnknownError(_text(die) or "a base type")
        return name

    def _pointer(self, of: Any | None, inner: str) -> str:
        pointed = of
        while pointed is not None and pointed.tag in _SKIPPED:
            pointed = _type(pointed)
        wrap = pointed is not None and pointed.tag in ("DW_TAG_subroutine_type", "DW_TAG_array_type")
        before = len(self.lines)
        try:
            return self.declare(of, f"(*{inner})" if wrap else f"*{inner}")
        except _UnknownError:
            del self.lines[before:]
            return f"void *{inner}"

    def _typedef(self, die: Any, of: Any | None, inner: str, by_value: bool) -> str:
        name = _text(die)
        assert name is not None
        if name.startswith("__builtin"):
            raise _UnknownError(name)
        bare = of
        while bare is not None and bare.tag in _SKIPPED:
            bare = _type(bare)
        anonymous = bare is not None and bare.tag in _AGGREGATES and _text(bare) is None
        if anonymous:
            self._whole(bare, name, tagged=False)
            return f"{name} {inner}".rstrip()
        text = self.declare(of, name, by_value=by_value)
        if name not in self._said:
            self._said.add(name)
            self.lines.append(f"typedef {text};")
        return f"{name} {inner}".rstrip()

    def _aggregate(self, die: Any, by_value: bool) -> str:
        word, name = _AGGREGATES[die.tag], _text(die)
        if name is None:
            return f"{word} {{ {self._members(die, None)} }}"
        full = f"{word} {name}"
        if by_value:
            self._whole(die, full)
            if full in self.opaque or full not in self.sizes:
                raise _UnknownError(full)
        elif full not in self._said:
            self._pending.append((die, full))
        return full

    def flush(self) -> None:
        """Write what was only pointed to so far."""
        while self._pending:
            die, full = self._pending.pop()
            try:
                self._whole(die, full)
            except _UnknownError:
                self.opaque.add(full)

    def _whole(self, die: Any, full: str, *, tagged: bool = True) -> None:
        if full in self._said or full in self._open:
            return
        word = _AGGREGATES[die.tag]
        declared = f"{full};" if tagged else f"typedef {word} {{ ...; }} {full};"
        size = _number(die, "DW_AT_byte_size")
        if full in self.opaque or size is None or "DW_AT_declaration" in die.attributes:
            self._said.add(full)
            self.lines.append(declared if tagged else f"typedef {word} opaque_{full} {full};")
            if not tagged:
                raise _UnknownError(full)
            return
        self._open.add(full)
        try:
            offsets: list[tuple[str, int]] = []
            members = self._members(die, offsets)
        except _UnknownError:
            self.opaque.add(full)
            self._said.add(full)
            self.lines.append(f"{full};" if tagged else f"typedef {word} opaque_{full} {full};")
            raise
        finally:
            self._open.discard(full)
        self._said.add(full)
        self.sizes[full] = size
        self.offsets[full] = offsets
        self.lines.append(f"{full} {{ {members} }};" if tagged else f"typedef {word} {{ {members} }} {full};")

    def _members(self, die: Any, offsets: list[tuple[str, int]] | None) -> str:
        texts = []
        for child in die.iter_children():
            if child.tag != "DW_TAG_member":
                continue
            name = _text(child) or ""
            bits = _number(child, "DW_AT_bit_size")
            text = self.declare(_type(child), name, by_value=True)
            texts.append(f"{text} : {bits};" if bits is not None else f"{text};")
            at = _number(child, "DW_AT_data_member_location")
            if offsets is not None and name and bits is None and at is not None:
                offsets.append((name, at))
        return " ".join(texts)

    def _enum(self, die: Any) -> str:
        name = _text(die)
        values = [
            (_text(child), child.attributes["DW_AT_const_value"].value)
            for child in die.iter_children()
            if child.tag == "DW_TAG_enumerator"
        ]
        if name is None or not values:
            return "int" if any(value < 0 for _, value in values) else "unsigned int"
        full = f"enum {name}"
        if full not in self._said:
            self._said.add(full)
            if any(constant in self._constants for constant, _ in values):
                raise _UnknownError(full)
            self._constants.update(str(constant) for constant, _ in values)
            self.lines.append(f"{full} {{ {', '.join(f'{n} = {v}' for n, v in values)} }};")
        return full

    def _array(self, die: Any, of: Any | None, inner: str, by_value: bool) -> str:
        lengths = ""
        for child in die.iter_children():
            if child.tag == "DW_TAG_subrange_type":
                count = _number(child, "DW_AT_count")
                upper = _number(child, "DW_AT_upper_bound")
                n = count if count is not None else None if upper is None else upper + 1
                lengths += f"[{n if n is not None else ''}]"
        return self.declare(of, f"{inner}{lengths or '[]'}", by_value=by_value)


def _type(die: Any) -> Any | None:
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def _write(functions: list[Any], opaque: set[str]) -> tuple[_Writer, list[str]]:
    writer = _Writer(opaque)
    prototypes, names = [], []
    for die in functions:
        name = _text(die)
        assert name is not None
        try:
            text = writer.declare(_type(die), f"{name}({writer.parameters(die)})", by_value=True)
        except _UnknownError:
            continue  # takes or gives what cffi cannot pass
        prototypes.append(f"{text};")
        names.append(name)
    writer.flush()
    writer.lines += prototypes
    return writer, names


def _differing(ffi: cffi.FFI, writer: _Writer) -> set[str]:
    """Aggregates that cffi lays out otherwise than the compiler did."""
    found = set()
    for full, size in writer.sizes.items():
        try:
            same = ffi.sizeof(full) == size and all(
                ffi.offsetof(full, name) == at for name, at in writer.offsets[full]
            )
        except (TypeError, KeyError, cffi.FFIError):
            same = False
        if not same:
            found.add(full)
    return found


def _functions_of(elf: Any, sources: set[Path]) -> list[Any]:
    exported = {
        symbol.name
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC"
        and symbol["st_value"]
        and symbol["st_info"]["bind"] != "STB_LOCAL"
    }
    functions: list[Any] = []
    for unit in elf.get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        where = Path(_text(top, "DW_AT_comp_dir") or "") / (_text(top) or "")
        if where.resolve() not in sources:
            continue
        functions += [
            die
            for die in top.iter_children()
            if die.tag == "DW_TAG_subprogram"
            and "DW_AT_external" in die.attributes
            and "DW_AT_declaration" not in die.attributes
            and _text(die) in exported
        ]
    return sorted(functions, key=lambda die: _number(die, "DW_AT_decl_line") or 0)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError:
        raise BuildError(
            "reading a driver's functions needs pyelftools: pip install 'shrinkpy[native]', or give cdef="
        ) from None
    with open(path, "rb") as file:
        yield ELFFile(file)


def read(path: Path, sources: tuple[Path, ...]) -> Declarations:
    """Declare the functions that a shared object has of these sources, and their types.

    A struct is whole where cffi lays it out as the compiler did, else opaque. A function with a
    parameter that cffi has no word for is left out. Raises BuildError without pyelftools.
    """
    with _opened(path) as elf:
        functions = _functions_of(elf, {source.resolve() for source in sources})
        opaque: set[str] = set()
        while True:
            writer, names = _write(functions, opaque)
            ffi = cffi.FFI()
            text = "\n".join(writer.lines)
            ffi.cdef(text)
            differing = _differing(ffi, writer)
            if not differing:
                return Declarations(text, tuple(names))
            opaque |= differing


def read_symbols(path: Path, sources: tuple[Path, ...]) -> list[Symbol]:
    """Name each function of a shared object, in their order in it. Raises BuildError without pyelftools."""
    symbols = []
    own, files = False, {source.name for source in sources}
    with _opened(path) as elf:
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            kind, local = symbol["st_info"]["type"], symbol["st_info"]["bind"] == "STB_LOCAL"
            if kind == "STT_FILE":  # of the local symbols that follow it
                own = symbol.name in files
            elif kind == "STT_FUNC" and symbol["st_value"]:
                inner = not own if local else symbol.name.startswith("kernel_")
                symbols.append(Symbol(int(symbol["st_value"]), str(symbol.name), inner))
    return sorted(symbols)
