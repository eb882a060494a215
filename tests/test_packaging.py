# SPDX-License-Identifier: GPL-2.0-only
"""The build: what it is made of, and where it refuses to be made."""

from __future__ import annotations

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
import textwrap
import tomllib
import types
from pathlib import Path
from typing import Any

import pytest
from kernel_tree import TREE
from original import NEEDS
from support import script

import shrinkpy

ROOT = Path(__file__).parent.parent
PLATFORM = ROOT / "shrinkpy" / "_platform.py"


@pytest.fixture
def build_ffi() -> types.ModuleType:
    """The builder, as setuptools runs it."""
    pytest.importorskip("setuptools")
    spec = importlib.util.spec_from_file_location("build_ffi", ROOT / "build_ffi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestBuild:
    def test_a_change_of_any_header_or_source_is_noticed(self, build_ffi: Any) -> None:
        _name, _preamble, _suffix, arguments = build_ffi.make()._assigned_source
        known = {Path(path) for path in arguments["sources"] + arguments["depends"]}
        there = {
            path.relative_to(ROOT)
            for folder in ("include", "core", "port", "binding")
            for path in (ROOT / "csrc" / folder).rglob("*.[ch]")
        }
        assert there
        assert there <= known

    def test_and_built_anew_whatever_its_time_stamp_says(self) -> None:
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
        assert settings["tool"]["distutils"]["build_ext"]["force"] is True

    def test_flags_of_the_environment_are_added(
        self, build_ffi: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SHRINKPY_CFLAGS", "-fsanitize=address -DX='a b'")
        arguments = build_ffi.make()._assigned_source[3]
        assert arguments["extra_compile_args"][-2:] == ["-fsanitize=address", "-DX=a b"]
        assert arguments["extra_link_args"][-1] == "-fsanitize=address"

    @pytest.mark.slow
    def test_a_second_install_sees_a_changed_header(self, tmp_path: Path) -> None:
        pytest.importorskip("setuptools")
        tree = tmp_path / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "*.so", "tests"))
        header = tree / "csrc" / "include" / "shrinkpy" / "core.h"
        stamp = header.stat()
        for depth in (8, 7):
            header.write_text(header.read_text().replace("SP_MAX_DEPTH = 8", f"SP_MAX_DEPTH = {depth}"))
            os.utime(header, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as cp -p and rsync leave it
            install = "install --quiet --no-deps --no-index --no-build-isolation --upgrade --target site ."
            subprocess.run([sys.executable, "-m", "pip", *install.split()], cwd=tree, check=True)
            shown = subprocess.run(
                [sys.executable, "-c", "from shrinkpy.core import lib; print(lib.SP_MAX_DEPTH)"],
                env=dict(os.environ, PYTHONPATH=str(tree / "site")),
                capture_output=True,
                text=True,
                check=True,
            )
            assert shown.stdout == f"{depth}\n"


REFUSED = [
    ("platform", "darwin", "Linux only, not on darwin"),
    ("platform", "win32", "Linux only, not on win32"),
    ("implementation", types.SimpleNamespace(name="pypy"), "CPython only, not with pypy"),
    ("maxsize", 2**31 - 1, "64 bits only"),
]


class TestWhereItCannotWork:
    @pytest.mark.parametrize(("name", "value", "told"), REFUSED, ids=lambda value: str(value)[:12])
    def test_the_build_says_why(
        self, build_ffi: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: object, told: str
    ) -> None:
        monkeypatch.setattr(sys, name, value)
        with pytest.raises(SystemExit, match=told):
            build_ffi.make()

    def test_nor_without_the_gil(self, build_ffi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "abiflags", "t")
        with pytest.raises(SystemExit, match="not proven without the GIL"):
            build_ffi.make()

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("sys.platform = 'freebsd14'", "Linux only, not on freebsd14"),
            ("sys.implementation.name = 'pypy'", "CPython only, not with pypy"),
            ("sys.maxsize = 2**31 - 1", "64 bits only"),
            ("sys.abiflags = 't'", "not proven without the GIL"),
        ],
    )
    def test_the_import_says_why(self, change: str, told: str) -> None:
        ended = script(f"import sys\n{change}\nimport shrinkpy")
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1].startswith("ImportError: shrinkpy ")
        assert told in ended.stderr

    def test_here_it_can(self) -> None:
        assert runpy.run_path(str(PLATFORM))["unsupported"]() is None

    @pytest.mark.parametrize(
        ("flags", "told"), [(["-U__linux__"], "Linux only"), (["-U__LP64__"], "64 bits only")]
    )
    def test_the_core_by_itself_does_not_compile(self, flags: list[str], told: str) -> None:
        include, source = ROOT / "csrc" / "include", ROOT / "csrc" / "core" / "pass.c"
        done = subprocess.run(
            ["cc", "-fsyntax-only", *flags, f"-I{include}", str(source)], capture_output=True, text=True
        )
        assert done.returncode != 0
        assert told in done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel was installed, and nothing of the checkout is left."""
    pytest.importorskip("setuptools")
    where = tmp_path_factory.mktemp("wheel")
    tree = where / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "build", "*.so", "kernel-tree"))
    install = "install --quiet --no-deps --no-index --no-build-isolation --target site ."
    subprocess.run([sys.executable, "-m", "pip", *install.split()], cwd=tree, check=True)
    site = (where / "site").resolve()
    (tree / "site").rename(site)
    shutil.rmtree(tree)
    return site


class TestWhatTravels:
    """The headers and the runtime: drivers are built with them where there is no checkout."""

    def run(self, site: Path, where: Path, code: str, *arguments: str) -> str:
        """What a program prints that has the wheel alone."""
        shown = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments],
            env=dict(os.environ, PYTHONPATH=str(site)),
            cwd=where,
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stdout + shown.stderr
        return shown.stdout

    @pytest.mark.slow
    def test_a_driver_is_built_and_loaded_with_the_installed_wheel_alone(
        self, site: Path, tmp_path: Path
    ) -> None:
        for name in ("counter.c", "counter.h"):
            shutil.copyfile(ROOT / "tests" / "drivers_c" / name, tmp_path / name)
        code = """
            import sys, shrinkpy
            from shrinkpy import native
            print(shrinkpy.get_include())
            with shrinkpy.Machine() as machine, native.load(sys.argv[1], machine) as driver:
                print(driver.counter_add(40), machine.shrink_slab(priority=0))
        """
        shown = self.run(site, tmp_path, code, "counter.c")
        assert shown.splitlines() == [str(site / "shrinkpy" / "_csrc" / "include"), "40 40"]

    @NEEDS
    @pytest.mark.slow
    def test_so_is_a_core_around_a_kernel_tree(self, site: Path, tmp_path: Path) -> None:
        code = """
            import sys, shrinkpy
            from shrinkpy.kernel.build import build
            name = build(sys.argv[1], "core").name
            shrinkpy.use_core("core")
            with shrinkpy.Machine() as machine:
                print(name, machine.shrink_slab(), shrinkpy.__file__)
        """
        shown = self.run(site, tmp_path, code, str(TREE))
        assert shown.startswith("kernel ")
        assert shown.endswith(f" 0 {site / 'shrinkpy' / '__init__.py'}\n")

    def test_the_folder_of_headers_is_there_whatever_is_installed(self) -> None:
        include = Path(shrinkpy.get_include())
        assert (include / "shrinkpy" / "core.h").is_file()
        assert (include / "linux" / "shrinker.h").is_file()
        assert list((include.parent / "kernel").glob("*.c"))
