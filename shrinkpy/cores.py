# SPDX-License-Identifier: GPL-2.0-only
"""Which compiled core this process works on: the port, or one built around a kernel tree's own files.

The second kind is what `shrinkpy kernel build` makes. A process has one of them, from the first name of
the package that needs it to its end: its types are built on it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["ENVIRONMENT", "PORT", "CoreError", "CoreInfo", "core_info", "use_core"]

ENVIRONMENT = "SHRINKPY_CORE"
"""The variable that names the folder of a core; unset or "port": the port."""
PORT = "port"
MANIFEST = "core.json"
MODULE = "_core.abi3.so"
_NAME = "shrinkpy._core"

_chosen: str | None = None


class CoreError(ImportError):
    """A core cannot be had, or not any more; the text says why, and what to do."""


class CoreInfo(NamedTuple):
    """What a core is made of."""

    name: str  # "port", or "kernel 6.12.117"
    path: Path | None  # the folder that `shrinkpy kernel build` made; None for the port
    source: str  # the tree, as it was given
    version: str  # the tree's, from its Makefile
    files: dict[str, str]  # of the tree that were compiled: their sha256
    features: dict[str, bool]  # that the tree was found to have

    @property
    def is_port(self) -> bool:
        """Is it the port, and not built around a tree's files?"""
        return self.path is None


def _read(folder: Path) -> CoreInfo:
    import json

    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        return CoreInfo(
            f"kernel {found['version']}",
            folder,
            found["source"],
            found["version"],
            found["files"],
            found["features"],
        )
    except OSError as error:
        raise CoreError(
            f"{folder} is no core: {error.strerror}: {MANIFEST}; make one with "
            "`shrinkpy kernel build --source TREE -o DIR`"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise CoreError(
            f"{folder / MANIFEST} is damaged: build the core anew, with `shrinkpy kernel build`"
        ) from None


def _folder() -> str:
    return _chosen if _chosen is not None else os.environ.get(ENVIRONMENT, "") or PORT


def core_info(core: str | os.PathLike[str] | None = None) -> CoreInfo:
    """What a core is: the one that this process works on, or will; or another, by its folder or "port".

    Raises CoreError for a folder that is none.
    """
    name = _folder() if core is None else os.fspath(core)
    return CoreInfo(PORT, None, "", "", {}, {}) if name == PORT else _read(Path(name).absolute())


def use_core(core: str | os.PathLike[str]) -> None:
    """Work on another core: a folder that `shrinkpy kernel build` made, or "port".

    Before anything else of the package is used: its types are built on the core. The variable
    SHRINKPY_CORE in the environment says the same from outside, and is what child processes see.

    Raises CoreError for a folder that is no core, and where another one is at work already.
    """
    global _chosen
    info = core_info(core)
    if (there := sys.modules.get(_NAME)) is not None:
        if core_info() == info:
            return
        at_work = "the port" if core_info().is_port else str(Path(str(there.__file__)).parent)
        raise CoreError(
            f"{at_work} is at work already, and a process has one core: call use_core() right after "
            f"`import shrinkpy`, or set {ENVIRONMENT}={os.fspath(core)} before the process starts"
        )
    _chosen = PORT if info.path is None else str(info.path)


def load() -> ModuleType:
    """The compiled module, as shrinkpy._core. Raises CoreError."""
    if (there := sys.modules.get(_NAME)) is not None:
        return there
    info = core_info()
    if info.path is None:
        return importlib.import_module(_NAME)
    path = info.path / MODULE
    loader = importlib.machinery.ExtensionFileLoader(_NAME, str(path))
    spec = importlib.util.spec_from_file_location(_NAME, path, loader=loader)
    assert spec is not None
    try:
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        loader.exec_module(module)
    except ImportError as error:
        sys.modules.pop(_NAME, None)
        raise CoreError(
            f"{path} cannot be loaded ({error}): build the core anew, with `shrinkpy kernel build`"
        ) from error
    setattr(sys.modules[__package__], "_core", module)  # noqa: B010 - as an import does
    return module
