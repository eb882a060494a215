# SPDX-License-Identifier: GPL-2.0-only
"""The compiled module, and what users build with it: drivers in C, cores around a kernel tree's files."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Of csrc/; port/ is in the compiled module.
FOLDERS = ("binding", "core", "include", "kernel", "original")


class BuildPy(build_py):
    """Puts them into the package, with build_ffi.py; a checkout is used in place."""

    def _copies(self) -> list[tuple[Path, Path]]:
        csrc = Path("csrc")
        into = Path(self.build_lib, "shrinkpy", "_csrc")
        files = [path for folder in FOLDERS for path in sorted((csrc / folder).rglob("*")) if path.is_file()]
        return [
            *((path, into / path.relative_to(csrc)) for path in files),
            (Path("build_ffi.py"), into / "build_ffi.py"),
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


setup(cffi_modules=["build_ffi.py:make", "build_ffi.py:make_scan"], cmdclass={"build_py": BuildPy})
