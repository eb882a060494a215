# SPDX-License-Identifier: GPL-2.0-only
"""native.build(): from sources to a shared object, and what it says when that fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import shrinkpy as sp
from shrinkpy import native, toolchain
from shrinkpy.native.errors import explain

DRIVERS = Path(__file__).parent / "drivers_c"
COUNTER = DRIVERS / "counter.c"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a source file of these lines; gives its path."""

    def write(*lines: str, name: str = "driver.c") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


class TestWhatItMakes:
    def test_may_have_names_that_the_runtime_has_for_itself(self, machine: sp.Machine, write: Write) -> None:
        source = write(
            "#include <linux/module.h>",
            "#include <linux/slab.h>",
            "int host_alloc(int n) { return n + 1; }",
            "void *text_add(int n) { return kmalloc(host_alloc(n), GFP_KERNEL); }",
            "void objects_exit(void *p) { kfree(p); }",
            "static int __init names_init(void) { return 0; }",
            "module_init(names_init);",
        )
        with native.load(source, machine) as driver:
            assert driver.host_alloc(41) == 42
            p = driver.text_add(10)
            assert machine.allocations.charged == 11
            driver.objects_exit(p)
        assert driver.leaks == []

    def test_a_shared_object_named_as_the_first_file(self) -> None:
        built = native.build(COUNTER)
        assert (built.name, built.path.name) == ("counter", "counter.so")
        assert built.path.read_bytes()[:4] == b"\x7fELF"
        assert built.sources == (COUNTER,)

    def test_or_as_one_says(self, write: Write, machine: sp.Machine) -> None:
        source = write("#include <linux/module.h>", "const char *name(void) { return KBUILD_MODNAME; }")
        with native.build(str(source), name="other").load(machine) as driver:
            assert driver.name == "other"

    def test_of_several_files(self, write: Write, machine: sp.Machine) -> None:
        one = write("int two(void);", "int one(void) { return two() - 1; }", name="one.c")
        two = write("int two(void) { return 2; }", name="two.c")
        with native.build([one, two]).load(machine) as driver:
            assert driver.one() == 1
            assert sorted(driver.functions) == ["one", "two"]

    def test_include_comes_before_our_headers_and_cflags_last(
        self, write: Write, machine: sp.Machine, tmp_path: Path
    ) -> None:
        write("#define ANSWER 42", name="more/linux/answer.h")
        source = write("#include <linux/answer.h>", "int answer(void) { return ANSWER + MORE; }")
        built = native.build(source, include=tmp_path / "more", cflags=["-DMORE=1"])
        with built.load(machine) as driver:
            assert driver.answer() == 43

    def test_but_a_whole_kernels_behind_them_and_before_those_for_programs(
        self, write: Write, machine: sp.Machine, tmp_path: Path
    ) -> None:
        write("", name="include/linux/kconfig.h")
        write("#error not this one", name="include/linux/module.h")
        write("#define ANSWER 42", name="include/linux/if_ether.h")
        write("#define MORE 1", name="include/uapi/linux/more.h")
        source = write(
            "#include <linux/module.h>",
            "#include <linux/if_ether.h>",
            "#include <linux/more.h>",
            "int answer(void) { return ANSWER + MORE; }",
        )
        with native.build(source, include=tmp_path / "include").load(machine) as driver:
            assert driver.answer() == 43

    def test_and_so_do_an_architectures_and_those_for_programs(
        self, write: Write, machine: sp.Machine, tmp_path: Path
    ) -> None:
        write("", name="arch/asm/Kbuild")
        write("#error not this one", name="arch/asm/atomic.h")
        write("", name="uapi/asm-generic/Kbuild")
        write("#error not this one", name="uapi/linux/types.h")
        source = write("#include <asm/atomic.h>", "int answer(void) { return sizeof(atomic_t); }")
        include = [tmp_path / "arch", tmp_path / "uapi"]
        with native.build(source, include=include).load(machine) as driver:
            assert driver.answer() == 4

    def test_its_files_find_the_options_of_such_a_kernel(
        self, write: Write, machine: sp.Machine, tmp_path: Path
    ) -> None:
        write("", name="include/linux/kconfig.h")
        source = write(
            "#if !defined(CONFIG_QUOTA) || CONFIG_MMU != 2",
            "#error",
            "#endif",
            "int answer(void) { return IS_ENABLED(CONFIG_QUOTA) && !IS_ENABLED(CONFIG_SMP); }",
        )
        built = native.build(source, include=tmp_path / "include", cflags=["-DCONFIG_MMU=2"])
        with built.load(machine) as driver:
            assert driver.answer() == 1

    def test_warnings_are_kept_in_the_log(self, write: Write) -> None:
        built = native.build(write("int f(void) { int x; return x; }"), cflags=["-Wuninitialized"])
        assert "driver.c:1:" in built.log

    def test_the_compiler_is_that_of_cc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CC", "cc -DFROM_THE_ENVIRONMENT")
        assert native.build(COUNTER).path.exists()


class TestTheRuntime:
    @pytest.mark.thorough
    def test_is_compiled_once_and_kept_and_what_nothing_used_for_a_month_goes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        cache = tmp_path / "shrinkpy"
        for name, days in [("runtime-old", 31), ("runtime-used", 29), (".making-cut-off", 31), ("other", 31)]:
            (cache / name).mkdir(parents=True)
            used = time.time() - days * 24 * 3600
            os.utime(cache / name, (used, used))
        native.build(COUNTER)
        left = set(cache.iterdir())
        (made,) = left - {cache / "runtime-used", cache / "other"}
        assert len(left) == 3
        stamps = {path: path.stat().st_mtime_ns for path in made.iterdir()}
        assert stamps
        native.build(COUNTER)
        assert {path: path.stat().st_mtime_ns for path in made.iterdir()} == stamps
        assert set(cache.iterdir()) == left

    @pytest.mark.thorough
    def test_by_whichever_of_two_processes_is_first(self, tmp_path: Path) -> None:
        code = "import sys; from shrinkpy import native; native.build(sys.argv[1])"
        environment = dict(os.environ, XDG_CACHE_HOME=str(tmp_path))
        both = [
            subprocess.Popen([sys.executable, "-c", code, str(COUNTER)], env=environment) for _ in range(2)
        ]
        assert [each.wait(120) for each in both] == [0, 0]
        assert len(list((tmp_path / "shrinkpy").iterdir())) == 1

    def test_elsewhere_where_nothing_can_be_kept(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("no folder")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert toolchain._cache() == toolchain.scratch()


class TestMissing:
    SOURCE = (
        "int absent(int);",
        "extern int table[3];",
        "int call(int n) { return absent(n); }",
        "int read(void) { return table[2]; }",
        "int (*address(void))(int) { return absent; }",
    )

    def test_functions_oops_when_they_are_called(self, write: Write, machine: sp.Machine) -> None:
        built = native.build(write(*self.SOURCE), missing="oops")
        assert sorted(built.missing) == ["absent", "table"]
        driver = built.load(machine)
        assert driver.read() == 0
        assert driver.address() != driver.ffi.NULL
        with pytest.raises(sp.KernelOops, match=r"^absent\(\) is called, which neither"):
            driver.call(1)
        with pytest.warns(ResourceWarning, match="module_exit was not run"):
            driver.close()

    def test_of_a_whole_driver_is_nothing(self) -> None:
        assert native.build(COUNTER, missing="oops").missing == ()

    def test_other_errors_stay_errors(self, write: Write) -> None:
        with pytest.raises(native.BuildError, match="no header"):
            native.build(write("#include <linux/no_such.h>"), missing="oops")
        with pytest.raises(ValueError, match="missing must be 'error' or 'oops', not 'warn'"):
            native.build(COUNTER, missing="warn")


class TestErrors:
    def test_name_the_missing_header(self, write: Write) -> None:
        source = write("#include <linux/module.h>", "#include <linux/no_such_thing.h>")
        with pytest.raises(native.BuildError) as caught:
            native.build(source)
        assert str(caught.value) == (
            f"{source}:2: no header <linux/no_such_thing.h>: shrinkpy has none; "
            "add a folder with it by include=, as a kernel tree's include/ is"
        )
        assert "no_such_thing" in caught.value.log

    def test_a_header_for_programs_is_not_taken_for_the_kernels(self, write: Write) -> None:
        if not Path("/usr/include/linux/if_ether.h").exists():
            pytest.skip("the system has no linux/if_ether.h for programs")
        source = write("", "#include <linux/if_ether.h>")
        with pytest.raises(native.BuildError, match=r":2: no header <linux/if_ether\.h>"):
            native.build(source)

    def test_name_the_missing_symbol(self, write: Write) -> None:
        source = write("int no_such_function(void);", "int f(void)", "{", "return no_such_function();", "}")
        with pytest.raises(native.BuildError, match=r"driver\.c:4: no symbol no_such_function: neither"):
            native.build(source)

    def test_count_the_others(self, write: Write) -> None:
        source = write(
            *(f"int no_{n}(void);" for n in range(5)),
            "int f(void) { return no_0()",
            "+ no_1() + no_2()",
            "+ no_3() + no_4(); }",
        )
        with pytest.raises(native.BuildError, match=r"\(and of 4 more: no_1, no_2, no_3, …\)$"):
            native.build(source)

    def test_name_the_undeclared_function(self, write: Write) -> None:
        source = write("int f(void) { return no_such_function(); }")
        with pytest.raises(native.BuildError, match=r"driver\.c:1: no function no_such_function\(\)"):
            native.build(source)

    def test_say_what_else_the_compiler_said(self, write: Write) -> None:
        with pytest.raises(native.BuildError, match=r"driver\.c:1: expected"):
            native.build(write("int f(void) { return 1 }"))

    def test_are_one_line_whatever_was_printed(self) -> None:
        assert explain("") == "the compiler failed: it printed nothing"
        assert explain("cc1: out of memory\n") == "the compiler failed: cc1: out of memory"
        assert explain("x.o: undefined reference to `f'").startswith("no symbol f: ")

    def test_no_compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CC", "no-such-compiler")
        with pytest.raises(
            native.BuildError, match=r"no C compiler no-such-compiler: on Debian .* build-ess"
        ):
            native.build(COUNTER)

    def test_no_source(self) -> None:
        with pytest.raises(FileNotFoundError, match="no such source file"):
            native.build("no-such-file.c")
        with pytest.raises(ValueError, match="needs a source file"):
            native.build([])

    def test_no_such_sanitizer(self) -> None:
        with pytest.raises(ValueError, match="no sanitizer 'thread' here: sanitize takes address and undef"):
            native.build(COUNTER, sanitize="thread")
