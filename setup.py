# SPDX-License-Identifier: GPL-2.0-only
"""The compiled module, and the headers and the runtime that drivers in C are built with."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SOURCES = [("include", "*.h"), ("kernel", "*.[ch]")]


class BuildPy(build_py):
    """Puts csrc/include and csrc/kernel into the package; a checkout is used in place."""

    def _copies(self) -> list[tuple[Path, Path]]:
        csrc = Path("csrc")
        into = Path(self.build_lib, "shrinkpy", "_csrc")
        return [
            (path, into / path.relative_to(csrc))
            for folder, pattern in SOURCES
            for path in sorted((csrc / folder).rglob(pattern))
        ]

    def run(self) -> None:
        """Copy what setuptools does, and these."""
        super().run()
        if self.editable_mode:
            return
        shutil.rmtree(Path(self.build_lib, "shrinkpy", "_csrc"), ignore_errors=True)
        for path, copy in self._copies():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

    def get_outputs(self, include_bytecode: int = 1) -> list[str]:
        """Tell of the same."""
        copies = [] if self.editable_mode else [str(copy) for _, copy in self._copies()]
        return [*super().get_outputs(include_bytecode), *copies]


setup(cffi_modules=["build_ffi.py:ffibuilder"], cmdclass={"build_py": BuildPy})
