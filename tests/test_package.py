# SPDX-License-Identifier: GPL-2.0-only
"""The package itself: what importing it costs, what is public, and where it refuses to load."""

from __future__ import annotations

import inspect
import re
import types
from pathlib import Path
from typing import Any

import pytest
from support import script, survives

import shrinkpy as sp
from shrinkpy import control, core, machine, ownership, shrinker, trace
from shrinkpy.core import lib

MODULES = [sp, control, core, machine, ownership, shrinker, trace, sp.errors]


def members(cls: type) -> list[tuple[str, Any]]:
    """The public methods and properties that a class itself defines."""
    kinds = (property, staticmethod, classmethod, types.GetSetDescriptorType)
    return [
        (name, value)
        for name, value in vars(cls).items()
        if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, kinds))
    ]


class TestImport:
    @pytest.mark.parametrize(
        "name",
        ["numpy", "typer", "rich", "click", "plotly", "hypothesis", "pytest", "traceback", "linecache"],
    )
    def test_it_does_without(self, name: str) -> None:
        survives(f"""
            import sys
            before = set(sys.modules)
            import shrinkpy
            assert {name!r} not in set(sys.modules) - before, sorted(sys.modules)
        """)

    def test_so_does_all_but_reading_arrays(self) -> None:
        survives("""
            import sys
            import shrinkpy as sp

            with sp.Machine() as machine:
                machine.root.create("app")
                with machine.trace.start():
                    machine.shrink_slab()
                assert machine.ledger and machine.last_pass
                assert "numpy" not in sys.modules
                machine.trace.array()
                assert "numpy" in sys.modules
        """)

    def test_it_prints_nothing(self) -> None:
        ended = script("import shrinkpy")
        assert (ended.stdout, ended.stderr) == ("", "")

    def test_a_subinterpreter_is_refused_and_the_main_one_is_unharmed(self) -> None:
        out = survives("""
            import sys
            import shrinkpy as sp
            from support import Cache, register

            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters

            machine = sp.Machine()
            first = register(machine, Cache(10))
            other = interpreters.create()
            code = '''
            import sys
            sys.path[:] = {path!r}
            try:
                import shrinkpy
            except ImportError as error:
                print("refused", "subinterpreter" in str(error).lower(), flush=True)
            '''.format(path=sys.path)
            import textwrap
            interpreters.run_string(other, textwrap.dedent(code))
            interpreters.destroy(other)
            app = machine.root.create("app")
            second = register(machine, Cache(5), flags=sp.Flags.MEMCG_AWARE)
            second.set_bit(app)
            print(machine.shrink_slab(priority=0), sp.Machine().root.path)
            first.close()
            second.close()
        """)
        assert out == "refused True\n15 /\n"


class TestPublicNames:
    @pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
    def test_what_all_names_is_there(self, module: object) -> None:
        for name in module.__all__:  # type: ignore[attr-defined]
            assert hasattr(module, name)

    @pytest.mark.parametrize("name", [name for name in sp.__all__ if isinstance(getattr(sp, name), type)])
    def test_classes_and_their_members_have_docstrings(self, name: str) -> None:
        cls = getattr(sp, name)
        assert inspect.getdoc(cls)
        for member, value in members(cls):
            assert inspect.getdoc(value), f"{name}.{member} has no docstring"

    @pytest.mark.parametrize("name", ["Machine", "RegisteredShrinker", "MemCgroup"])
    def test_so_have_those_of_the_compiled_bases(self, name: str) -> None:
        base = getattr(sp, name).__bases__[0]
        for member, value in members(base):
            assert value.__doc__, f"{base.__name__}.{member} has no docstring"

    @pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
    def test_modules_and_functions_have_docstrings(self, module: object) -> None:
        assert module.__doc__
        for name, value in vars(module).items():
            if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__:  # type: ignore[attr-defined]
                assert value.__doc__, name

    @pytest.mark.parametrize("name", ["shrink_slab", "close"])
    def test_compiled_methods_show_their_signatures(self, name: str) -> None:
        owner = sp.Machine if name == "shrink_slab" else sp.RegisteredShrinker
        assert "self" in inspect.signature(getattr(owner, name)).parameters

    def test_those_of_the_first_posting_are_all_there(self) -> None:
        first_posting = (
            "UnregisteredShrinker RegisteredShrinker Shrinker ShrinkControl CountObjects ScanObjects "
            "ForeignOwnable DEFAULT_SEEKS"
        )
        assert set(first_posting.split()) <= set(sp.__all__)

    def test_the_version_is_that_of_the_metadata(self) -> None:
        text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
        found = re.search(r'^version = "(.*)"$', text, flags=re.MULTILINE)
        assert found
        assert sp.__version__ == found[1]


class TestConstants:
    @pytest.mark.parametrize(
        ("value", "name"),
        [
            (sp.DEFAULT_SEEKS, "DEFAULT_SEEKS"),
            (sp.SHRINK_BATCH, "SHRINK_BATCH"),
            (sp.DEF_PRIORITY, "DEF_PRIORITY"),
            (sp.SHRINK_STOP, "SHRINK_STOP"),
            (sp.SHRINK_EMPTY, "SHRINK_EMPTY"),
            (sp.Flags.NUMA_AWARE, "SHRINKER_NUMA_AWARE"),
            (sp.Flags.MEMCG_AWARE, "SHRINKER_MEMCG_AWARE"),
            (sp.Flags.NONSLAB, "SHRINKER_NONSLAB"),
        ],
    )
    def test_they_are_the_cores(self, value: int, name: str) -> None:
        assert value == getattr(lib, name)
