# SPDX-License-Identifier: GPL-2.0-only
"""shrinkpy.kernel.build: a core around a kernel tree's own files, or one line that says why not."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kernel_tree import TREE
from original import NEEDS, Change, changed, copy_of, core_of_the_tree, on, shrinkpy

from shrinkpy.cores import core_info
from shrinkpy.errors import BuildError
from shrinkpy.kernel.build import FEATURES, build
from shrinkpy.kernel.tree import FILES, read_tree

core = core_of_the_tree
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nEXTRAVERSION = -rc1\nNAME = Some Name\n"


def a_tree(where: Path, *without: str) -> Path:
    """Files by these names; nothing in them would compile."""
    for name in FILES:
        if name not in without:
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            (where / name).write_text(f"{name}\n")
    (where / "Makefile").write_text(MAKEFILE)
    return where


def a_tarball(path: Path, mode: str, folder: str = "linux-6.12/") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # one of its modes
        for name in ("COPYING", "Makefile", "drivers/Makefile", *FILES):
            text = (MAKEFILE if name == "Makefile" else f"{name}\n").encode()
            member = tarfile.TarInfo(folder + name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


class TestReadTree:
    def test_of_a_folder(self, tmp_path: Path) -> None:
        tree = read_tree(a_tree(tmp_path))
        assert tree.version == "6.12.3-rc1"
        assert {name: text.decode() for name, text in tree.files.items()} == {
            name: f"{name}\n" for name in FILES
        }

    @pytest.mark.parametrize(
        ("name", "mode"),
        [("t.tar", "w"), ("t.tar.gz", "w:gz"), ("t.tar.bz2", "w:bz2"), ("t.tar.xz", "w:xz")],
    )
    def test_of_a_tarball(self, tmp_path: Path, name: str, mode: str) -> None:
        tree = read_tree(a_tarball(tmp_path / name, mode))
        assert tree.version == "6.12.3-rc1"  # of its own Makefile, not of a folder's
        assert tree.files["mm/list_lru.c"] == b"mm/list_lru.c\n"

    def test_of_a_tarball_made_in_the_folder_itself(self, tmp_path: Path) -> None:
        assert read_tree(a_tarball(tmp_path / "t.tar", "w", folder="./linux/")).version == "6.12.3-rc1"

    def test_without_a_version(self, tmp_path: Path) -> None:
        (a_tree(tmp_path) / "Makefile").unlink()
        assert read_tree(tmp_path).version == ""

    def test_before_shrinkers_had_a_file_of_their_own(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match=r"\(Linux 6\.12\.3-rc1\) has no mm/shrinker\.c: .* 6\.7 "):
            read_tree(a_tree(tmp_path, "mm/shrinker.c"))

    def test_of_what_is_no_kernel(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="no source tree of Linux"):
            read_tree(tmp_path)

    @pytest.mark.parametrize("name", [name for name in FILES if name != "mm/shrinker.c"])
    def test_that_is_not_whole(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(BuildError, match=f"has no {name}: it is not whole"):
            read_tree(a_tree(tmp_path, name))

    def test_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no such kernel tree"):
            read_tree(tmp_path / "nowhere")

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"no tarball at all",
            gzip.compress(b"no tarball"),
            lzma.compress(b"\0" * 5000)[:-20],
            b"\x28\xb5\x2f\xfd" + b"\0" * 600,
        ],
        ids=["empty", "text", "gzip of text", "cut", "zstd"],
    )
    def test_of_a_file_that_is_no_tarball(self, tmp_path: Path, text: bytes) -> None:
        path = tmp_path / "linux.tar.xz"
        path.write_bytes(text)
        with pytest.raises(BuildError, match=r"no tarball that can be read|no source tree"):
            read_tree(path)

    def test_a_file_of_any_size_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "t.tar"
        with tarfile.open(path, "w") as archive:
            member = tarfile.TarInfo("linux/mm/shrinker.c")
            member.size = 5 << 20
            archive.addfile(member, io.BytesIO(bytes(member.size)))
        with pytest.raises(BuildError, match="no source file"):
            read_tree(path)


@NEEDS
class TestBuild:
    def test_says_what_it_is_made_of(self, core: Path) -> None:
        info = core_info(core)
        assert info.name == f"kernel {info.version}"
        assert not info.is_port
        assert info.path == core
        assert set(info.files) == set(FILES)
        assert set(info.features) == set(FEATURES)

    def test_nothing_of_the_kernel_is_left_in_it(self, core: Path) -> None:
        assert sorted(path.name for path in core.iterdir()) == ["_core.abi3.so", "core.json"]

    @pytest.mark.slow
    def test_the_tree_is_only_read(self, core: Path, tmp_path: Path) -> None:
        tree = copy_of(tmp_path / "tree")
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tree.rglob("*.[ch]")}
        for path in [*before, *tree.rglob("*/")]:
            path.chmod(path.stat().st_mode & ~0o222)
        build(tree, tmp_path / "core")
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tree.rglob("*.[ch]")} == before

    @pytest.mark.slow
    def test_another_build_takes_its_place(self, tmp_path: Path) -> None:
        one = changed(tmp_path)
        module = (one / "_core.abi3.so").read_bytes()
        change = Change("mm/shrinker.c", r"delta \*= 4", "delta *= 5")
        build(copy_of(tmp_path / "other", change), one)
        assert (one / "_core.abi3.so").read_bytes() != module
        assert core_info(one).source == str(tmp_path / "other")

    @pytest.mark.slow
    def test_one_that_fails_leaves_it_as_it_was(self, tmp_path: Path) -> None:
        one = changed(tmp_path)
        files = {path.name: path.read_bytes() for path in one.iterdir()}
        broken = Change("mm/shrinker.c", r"delta \*= 4", "delta *= four")
        with pytest.raises(BuildError):
            build(copy_of(tmp_path / "broken", broken), one)
        assert {path.name: path.read_bytes() for path in one.iterdir()} == files
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "core", "tree"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (Change("mm/shrinker.c", r"delta \*= 4", "delta *= four"), r"mm/shrinker\.c:\d+: .*four"),
            (
                Change("mm/shrinker.c", r"(?<=\n)#include <linux/rculist.h>", "#include <linux/nowhere.h>"),
                r"mm/shrinker\.c:\d+: linux/nowhere\.h: No such file",
            ),
            (
                Change("mm/list_lru.c", r"list_move_tail\(", "list_move_nowhere("),
                r"mm/list_lru\.c:\d+: .*list_move_nowhere",
            ),
            (
                Change("include/linux/shrinker.h", r"\bseeks;", "seek;"),
                r"'struct shrinker' has no member named 'seeks'",
            ),
            (
                Change("mm/shrinker.c", r"^unsigned long shrink_slab\(", "unsigned long shrink_slob("),
                r"it calls shrink_slab\(\), which shrinkpy has not",
            ),
        ],
        ids=["a name", "a header", "a function", "a field", "what the core calls"],
    )
    def test_a_tree_that_is_not_supported_is_told_by_what_is_missing(
        self, tmp_path: Path, change: Change, told: str
    ) -> None:
        tree = copy_of(tmp_path / "tree", change)
        with pytest.raises(BuildError, match=told) as caught:
            build(tree, tmp_path / "core")
        assert str(caught.value).startswith(f"{tree} (Linux ")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "core").exists()

    def test_only_into_a_folder_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("years")
        with pytest.raises(BuildError, match="no core: name a new or an empty folder"):
            build(TREE, tmp_path / "mine")
        with pytest.raises(BuildError, match="is a file"):
            build(TREE, tmp_path / "mine" / "thesis.txt")
        assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"

    def test_without_a_compiler(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CC", "no-such-compiler")
        with pytest.raises(BuildError, match="no C compiler no-such-compiler"):
            build(TREE, tmp_path / "core")


WHICH = """
import shrinkpy as sp
from shrinkpy.cores import core_info

with sp.Machine() as machine:
    assert machine.shrink_slab() == 0
print(core_info().name)
"""


@NEEDS
class TestUseCore:
    def test_by_the_environment(self, core: Path) -> None:
        done = on(core, WHICH)
        assert done.stdout == f"{core_info(core).name}\n", done.stderr

    def test_by_the_call(self, core: Path) -> None:
        code = f"import sys, shrinkpy\nshrinkpy.use_core(sys.argv[1])\n{WHICH}"
        done = on(Path("port"), code, str(core))
        assert done.stdout == f"{core_info(core).name}\n", done.stderr

    def test_the_call_is_stronger(self, core: Path) -> None:
        done = on(core, f"import shrinkpy\nshrinkpy.use_core('port')\n{WHICH}")
        assert done.stdout == "port\n", done.stderr

    def test_not_after_the_package_is_at_work(self, core: Path) -> None:
        code = "import sys, shrinkpy as sp\nsp.Machine\nsp.use_core('port')\nsp.use_core(sys.argv[1])"
        done = on(Path("port"), code, str(core))
        assert "CoreError: the port is at work already" in done.stderr
        assert "right after `import shrinkpy`" in done.stderr

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda _: None, "is no core: No such file"),
            (lambda where: (where / "core.json").write_text("{"), "is damaged"),
            (lambda where: (where / "core.json").write_text('{"version": 1}'), "is damaged"),
            (
                lambda where: (where / "core.json").write_text(
                    json.dumps({"version": "6", "source": "", "files": {}, "features": {}})
                ),
                "cannot be loaded",
            ),
        ],
        ids=["nothing", "no JSON", "half of it", "no module"],
    )
    def test_a_folder_that_is_none(self, tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
        make(tmp_path)
        done = on(tmp_path, WHICH)
        assert done.returncode == 1
        assert "CoreError" in done.stderr
        assert told in done.stderr.splitlines()[-1]

    @pytest.mark.thorough
    def test_drivers_in_c_are_linked_with_it(self, core: Path) -> None:
        code = """
import sys
from shrinkpy import Machine, native
from shrinkpy.cores import core_info

built = native.build(sys.argv[1])
with Machine() as machine, built.load(machine):
    print(core_info().name)
"""
        done = on(core, code, str(Path(__file__).parent / "drivers_c" / "counter.c"))
        assert done.stdout == f"{core_info(core).name}\n", done.stderr


@NEEDS
class TestOneMachine:
    def test_a_second_one_is_refused_by_name(self, core: Path) -> None:
        done = on(core, "import shrinkpy as sp\nfirst = sp.Machine()\nsp.Machine()")
        told = done.stderr.splitlines()[-1]
        assert told.startswith("shrinkpy.errors.OneMachineError: kernel ")
        assert "one machine at a time; close() the other one before" in told

    @pytest.mark.parametrize("end", ["first.close()", "del first, app, kept"])
    def test_the_next_one_finds_the_globals_as_a_kernel_that_boots(self, core: Path, end: str) -> None:
        code = f"""
import gc, warnings
import shrinkpy as sp
from support import Cache, register

warnings.simplefilter("ignore", ResourceWarning)
first = sp.Machine(2)
app = first.root.create("app")
kept = [register(first, Cache(3), flags=sp.Flags.MEMCG_AWARE) for _ in range(70)]
for shrinker in kept:
    shrinker.set_bit(app)
del shrinker
assert first.shrink_slab(priority=0, memcg=app) == 210
{end}
with sp.Machine() as second:
    shrinker = register(second, Cache(5), flags=sp.Flags.MEMCG_AWARE)
    assert shrinker.id == 0
    worker = second.root.create("worker")
    assert second.shrink_slab(priority=0, memcg=worker) == 0
    shrinker.set_bit(worker)
    assert second.shrink_slab(priority=0, memcg=worker) == 5
    shrinker.close()
print("well")
"""
        done = on(core, code)
        assert done.stdout == "well\n", done.stderr

    def test_handles_of_the_closed_one_are_harmless_after_that(self, core: Path) -> None:
        code = """
import shrinkpy as sp
from support import Cache, register

first = sp.Machine()
app = first.root.create("app")
shrinker = register(first, Cache(1), flags=sp.Flags.MEMCG_AWARE)
lru = sp.ListLru(first, memcg_aware=True)
lru.add("x", 0, app)
first.close()
with sp.Machine() as second:
    worker = second.root.create("worker")
    for call in (lambda: app.offline(), lambda: app.create("child"), lambda: shrinker.set_bit(app)):
        try:
            call()
        except sp.ClosedError:
            pass
    assert lru.count_node() == 0
    lru.close()
    app.remove()
    del app, shrinker, lru, first
    register(second, Cache(2)).close()
print("well")
"""
        done = on(core, code)
        assert done.stdout == "well\n", done.stderr

    def test_a_fork_has_nothing_to_do_with_it(self, core: Path) -> None:
        code = """
import os
import shrinkpy as sp

first = sp.Machine()
lru = sp.ListLru(first)
first.close()
second = sp.Machine()
pid = os.fork()
if pid == 0:
    os._exit(second.shrink_slab())
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lru.count_node())
second.close()
"""
        done = on(core, code)
        assert done.stdout == "0 0\n", done.stderr


PASS = """
import sys
import shrinkpy as sp
from support import Cache, register

with sp.Machine() as machine:
    app = machine.root.create("app")
    shrinkers = [register(machine, Cache(300), flags=int(flags)) for flags in sys.argv[2].split(",")]
    for shrinker in shrinkers:
        if shrinker.flags & sp.Flags.MEMCG_AWARE:
            shrinker.set_bit(app)
    try:
        print(machine.shrink_slab(priority=0, memcg=app if sys.argv[1] == "app" else None))
    except sp.KernelWouldError as error:
        print(type(error).__name__, error)
    print("warnings", machine.warnings)
    for shrinker in shrinkers:
        shrinker.close()
    print("on it goes", machine.shrink_slab(priority=0))
"""


@NEEDS
@pytest.mark.slow
class TestWouldNotComeBack:
    """What a change to the file does that the kernel would not survive is an exception, and all goes on."""

    @pytest.mark.parametrize(
        ("change", "where", "flags", "told"),
        [
            (
                Change("mm/shrinker.c", r"^\t\tindex\+\+;\n", ""),
                "app",
                "8",
                r"LivelockError .*(calls again what it has called|goes round without an end)",
            ),
            (
                Change("mm/shrinker.c", r"total_scan -= shrinkctl->nr_scanned;", ";"),
                "root",
                "0",
                r"LivelockError .*made no progress",
            ),
            (
                Change(
                    "mm/shrinker.c",
                    r"(?<=atomic_long_xchg\(&)shrinker->nr_deferred",
                    "((atomic_long_t *)NULL)",
                ),
                "root",
                "0",
                r"KernelOops shrinker 'cache', node 0, cgroup 1: kernel NULL pointer dereference",
            ),
            (
                Change(
                    "mm/shrinker.c",
                    r"^\t\trcu_read_unlock\(\);\n\n\t\tret = do_shrink_slab",
                    "\t\tret = do_shrink_slab",
                ),
                "root",
                "0",
                r"warnings \['a callback, which may sleep, inside rcu_read_lock\(\) \(cache\)",
            ),
        ],
        ids=["no index++", "total_scan stays", "NULL", "sleeps in a read side"],
    )
    def test_in_a_pass(self, tmp_path: Path, change: Change, where: str, flags: str, told: str) -> None:
        done = on(changed(tmp_path, change), PASS, where, flags)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(told, done.stdout), done.stdout + done.stderr
        assert done.stdout.endswith("on it goes 0\n")


class TestCommand:
    @pytest.mark.parametrize("verb", ["run", "conform"])
    def test_on_a_folder_that_is_no_core(self, tmp_path: Path, verb: str) -> None:
        done = shrinkpy(verb, "x.jsonl", core=tmp_path / "nowhere")
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"shrinkpy: .*nowhere is no core: .* `shrinkpy kernel build .*`\n", done.stderr)

    def test_those_of_kernel_need_none(self, tmp_path: Path) -> None:
        done = shrinkpy("kernel", "build", "--source", "x", "-o", "y", core=tmp_path / "nowhere")
        assert done.stderr == "shrinkpy: x: there is no such kernel tree\n"

    @NEEDS
    @pytest.mark.thorough
    def test_builds_and_says_what_to_do_with_it(self, tmp_path: Path) -> None:
        done = shrinkpy("kernel", "build", "--source", str(TREE), "-o", str(tmp_path / "core"))
        assert done.returncode == 0, done.stderr
        assert f"SHRINKPY_CORE={tmp_path / 'core'}" in done.stdout
        assert core_info(tmp_path / "core").version in done.stdout

    @NEEDS
    @pytest.mark.slow
    def test_json(self, tmp_path: Path) -> None:
        done = shrinkpy("kernel", "build", "--source", str(TREE), "-o", str(tmp_path / "core"), "--json")
        told = json.loads(done.stdout)
        assert told["version"] == core_info(tmp_path / "core").version
        assert set(told["features"]) == set(FEATURES)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--source", "nowhere", "-o", "core"), "nowhere: there is no such kernel tree"),
            (("--source", ".", "-o", "core"), "no source tree of Linux"),
            (("-o", "core"), "--source"),
            (("--source", "."), "-o"),
        ],
    )
    def test_bad_input_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        done = shrinkpy("kernel", "build", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert told in done.stderr
        assert not (tmp_path / "core").exists()


def without_place(what: str) -> list[Change]:
    """list_lru_add() or _del() as before 6.8: the place of an item is where its memory is."""
    takes = rf"^bool {what}\(struct list_lru \*lru, struct list_head \*item, int nid,[^)]+\)"
    now = f"bool {what}(struct list_lru *lru, struct list_head *item)"
    looks = "int nid = page_to_nid(virt_to_page(item));"
    looks += " struct mem_cgroup *memcg = mem_cgroup_from_slab_obj(item);"
    call = Change("mm/list_lru.c", rf"ret = {what}\(lru, item, nid, .*\);", f"ret = {what}(lru, item);")
    return [
        Change("include/linux/list_lru.h", rf"{takes};", f"{now};"),
        Change("mm/list_lru.c", rf"{takes}\s*\{{", f"{now} {{ {looks}"),
        call,
        call,
    ]


@NEEDS
@pytest.mark.slow
class TestOtherVersions:
    def test_items_that_know_their_place(self, core: Path, tmp_path: Path) -> None:
        if not core_info(core).features["LRU_ADD_TAKES_MEMCG"]:
            pytest.skip("the tree is such a one")
        older = changed(tmp_path, *without_place("list_lru_add"), *without_place("list_lru_del"))
        assert not core_info(older).features["LRU_ADD_TAKES_MEMCG"]
        options = ("--operations", "20000", "--seconds", "300", "-o", str(tmp_path / "difference.jsonl"))
        done = shrinkpy("kernel", "diff", "--core", str(core), "--core", str(older), *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "agree on every one" in done.stdout
