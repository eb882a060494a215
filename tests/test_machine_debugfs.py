# SPDX-License-Identifier: GPL-2.0-only
"""machine.debugfs: the directories, count and scan, and what a real kernel said of the same."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Cache, Doing, Held, Running, register, registered, until_closing

import shrinkpy as sp
from shrinkpy.core import ffi, lib

RECORDINGS = Path(__file__).parent / "data" / "debugfs"
NUMA, MEMCG, NONSLAB = sp.Flags.NUMA_AWARE, sp.Flags.MEMCG_AWARE, sp.Flags.NONSLAB


def ls(name: str) -> list[str]:
    """Names of a listing."""
    return (RECORDINGS / f"k.ls.{name}").read_text().splitlines()


# ---- the real one's


class Write(NamedTuple):
    """A write to a scan file, and what it gave."""

    name: str
    text: str
    said: str
    before: str
    after: str
    slabs_scanned: int


def writes() -> list[Write]:
    """All of the recording."""
    pattern = re.compile(
        r"^scan (\S+) <- '(.*)': (.*?) \| before: (.*?) \| after: (.*?) \| slabs_scanned (\d+)$", re.MULTILINE
    )
    found = pattern.findall((RECORDINGS / "k.log").read_text())
    return [
        Write(name, text, said, *(side.strip().replace(";", "\n") for side in sides), int(slabs))
        for name, text, said, *sides, slabs in found
    ]


def states() -> dict[str, dict[str, str]]:
    """By what had happened: directory -> text of its count."""
    blocks: dict[str, dict[str, str]] = {}
    for line in (RECORDINGS / "k.log").read_text().splitlines():
        if line.startswith("--- "):
            blocks[line[4:].rsplit(" (uptime", 1)[0]] = block = {}
        elif counted := re.match(r"(\S+) count: (.*)", line):
            block[counted[1]] = block.get(counted[1], "") + f"{counted[2]}\n"
    return blocks


SAID = {
    "ok": 0,
    "sh: write error: No such file or directory": errno.ENOENT,
    "sh: write error: Invalid argument": errno.EINVAL,
}


class Recorded(sp.Shrinker):
    """Objects by the inode number of their cgroup, as a text of the recording says."""

    def __init__(self, aware: bool) -> None:
        self.aware = aware
        self.now: dict[int, int] = {}
        self.next: dict[int, int] = {}
        self.scans: list[tuple[int, int | None, int, int]] = []

    @staticmethod
    def read(text: str) -> dict[int, int]:
        """Inode number -> objects."""
        return {int(ino): int(n) for ino, n in (line.split() for line in text.splitlines())}

    def count_objects(self, sc: sp.ShrinkControl) -> int:
        assert (sc.memcg is not None) == self.aware
        assert (sc.gfp_mask, sc.nr_to_scan, sc.nr_scanned) == (sp.Gfp.KERNEL, 0, 0)
        return self.now.get(sc.memcg.ino if sc.memcg else 1, 0)

    def scan_objects(self, sc: sp.ShrinkControl) -> int:
        ino = sc.memcg.ino if sc.memcg else None
        self.scans.append((sc.nid, ino, sc.nr_to_scan, sc.nr_scanned))
        self.now = self.next
        return 0


# sb-* (superblocks) and these two are memcg-aware in 6.12.
AWARE = re.compile(r"sb-|thp-deferred_split-|mm-shadow-")


class Kernel:
    """The recorded machine: its shrinkers in order of their ids, its cgroups by their numbers."""

    def __init__(self, machine: sp.Machine) -> None:
        self.machine = machine
        for name, ino in (("a", 19), ("b", 57)):
            machine.root.create(name, ino=ino)
        machine.debugfs.mount()
        self.caches: dict[str, Recorded] = {}
        self.handles: dict[str, sp.RegisteredShrinker] = {}
        for directory in sorted(ls("after-mounts"), key=lambda each: int(each.rsplit("-", 1)[1])):
            self.caches[directory] = cache = Recorded(bool(AWARE.match(directory)))
            flags = MEMCG | NUMA if cache.aware else 0
            name = directory.rsplit("-", 1)[0]
            self.handles[directory] = register(machine, cache, name, flags=flags)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """As after the mounts."""
    with sp.Machine() as machine:
        kernel = Kernel(machine)
        yield kernel
        for handle in kernel.handles.values():
            handle.close()


class TestRecorded:
    def test_directories_are_named_as_the_real_ones(self, kernel: Kernel) -> None:
        assert sorted(kernel.machine.debugfs) == sorted(ls("after-mounts"))

    def test_they_go_with_their_shrinkers(self, kernel: Kernel) -> None:
        gone = set(ls("after-mounts")) - set(ls("after-umounts"))
        assert len(gone) == 2
        for name in gone:
            kernel.handles[name].close()
        assert sorted(kernel.machine.debugfs) == sorted(ls("after-umounts"))

    def test_their_files(self, kernel: Kernel) -> None:
        blocks = "\n".join(ls("files")).split("\n\n")
        for block in blocks:
            directory, *files = block.splitlines()
            name = directory.removeprefix("/sys/kernel/debug/shrinker/").removesuffix(":")
            assert list(kernel.machine.debugfs[name].files) == files

    def test_what_can_be_read_and_what_written(self, kernel: Kernel) -> None:
        modes = {tuple(line.split()[:: len(line.split()) - 1]) for line in ls("modes") if line[0] == "-"}
        assert modes == {("-r--r-----", "count"), ("--w--w----", "scan")}
        entry = kernel.machine.debugfs["sb-proc-25"]
        assert entry.read("count") == ""
        assert entry.write("scan", "1 0 10") == 6
        for refused in (lambda: entry.read("scan"), lambda: entry.write("count", "1")):
            with pytest.raises(OSError, match=rf"^\[Errno {errno.EINVAL}\] .*'sb-proc-25/"):
                refused()

    @pytest.mark.parametrize("when", list(states()))
    def test_the_texts_of_count(self, kernel: Kernel, when: str) -> None:
        recorded = states()[when]
        for name, cache in kernel.caches.items():
            cache.now = cache.read(recorded.get(name, ""))
        counted = {name: entry.count for name, entry in kernel.machine.debugfs.items()}
        assert {name: text for name, text in counted.items() if text} == recorded

    def test_the_recording_has_writes_of_all_kinds(self) -> None:
        assert len(writes()) == 81
        assert {write.said for write in writes()} == set(SAID)

    @pytest.mark.parametrize("write", writes(), ids=lambda write: f"{write.name} {write.text!r}")
    @pytest.mark.parametrize("end", ["", "\n"], ids=["", "newline"])
    def test_writes_to_scan(self, kernel: Kernel, write: Write, end: str) -> None:
        cache = kernel.caches[write.name]
        cache.now, cache.next = cache.read(write.before), cache.read(write.after)
        entry = kernel.machine.debugfs[write.name]
        assert entry.count == write.before
        said, text = 0, write.text + end
        try:
            assert entry.scan(text) == len(text)
        except OSError as error:
            said = error.errno
        assert said == SAID[write.said]
        # Of "0x10", the number is the 0 before the x; one too large wraps.
        numbers = [int(n) for n in re.findall(r"-?\d+", write.text)][:3]
        if said == 0 and numbers[2]:
            asked = numbers[2] % 2**64
            assert cache.scans == [(numbers[1], numbers[0] or None, asked, asked)]
            assert entry.count == write.after
        else:
            assert cache.scans == []
        # No pass, no statistics, nothing deferred.
        assert kernel.machine.slabs_scanned == write.slabs_scanned == 0
        assert kernel.machine.last_pass is None

    def test_memory_reclaim_that_asked_for_too_much(self, kernel: Kernel) -> None:
        text = (RECORDINGS / "k.log").read_text()
        before, after = states()["a has stat'ed"], states()["after memory.reclaim of a"]
        assert "\nreclaim rc 1\n" in text
        name = "sb-ext4:vdb-30"
        assert "\n19 30568\n" in before[name]
        assert "\n19 " not in after[name]
        a, pool = kernel.machine.root.children[0], [30568]

        class Of19(Cache):
            def count_objects(self, sc: sp.ShrinkControl) -> int:
                return pool[0] if sc.memcg is a else 0

            def scan_objects(self, sc: sp.ShrinkControl) -> int:
                freed = min(pool[0], sc.nr_to_scan)
                pool[0] -= freed
                return freed

        with register(kernel.machine, Of19(), "more", flags=MEMCG) as shrinker:
            shrinker.set_bit(a)
            entry = kernel.machine.debugfs["more-36"]
            assert entry.count == "19 30568\n"
            with pytest.raises(sp.ReclaimShortError):
                a.reclaim(10**6)
            assert entry.count == ""

    def test_the_counter_of_drops(self, machine: sp.Machine) -> None:
        drops = re.findall(
            r"drop_caches 2 \((\d)\).*?drop_slab (\d)", (RECORDINGS / "k.log").read_text(), re.S
        )
        assert drops == [(str(n), str(n)) for n in (1, 2, 3)]
        for _, counted in drops:
            machine.drop_slab()
            assert machine.vmstat["drop_slab"] == int(counted)


# ---- the directory


class TestMount:
    def test_nothing_is_up_before_somebody_looks(self, machine: sp.Machine) -> None:
        with register(machine, Cache()):
            assert not machine.debugfs.mounted
            assert repr(machine.debugfs) == "<Debugfs, not mounted>"
            assert machine.ledger.dentry == 0
            assert list(machine.debugfs) == ["cache-0"]
            assert machine.debugfs.mounted
            assert machine.ledger.dentry == 1
            assert repr(machine.debugfs) == "<Debugfs: cache-0>"
        assert machine.ledger.dentry == 0

    def test_again_is_nothing(self, machine: sp.Machine) -> None:
        machine.faults.record()
        with register(machine, Cache()):
            machine.debugfs.mount()
            machine.debugfs.mount()
        assert [a.site for a in machine.faults.attempts()][3:] == ["ida", "dentry"]

    @pytest.mark.parametrize(("n", "site"), [(1, "ida"), (1, "dentry")])
    def test_without_memory_it_is_up_all_the_same(self, machine: sp.Machine, n: int, site: str) -> None:
        with registered(machine, Cache(), Cache()):
            machine.faults.fail_nth(n, site)
            with pytest.raises(MemoryError):
                machine.debugfs.mount()
            assert list(machine.debugfs) == []  # the kernel gives up at the first
            with register(machine, Cache(), "later"):
                assert list(machine.debugfs) == ["later-0"]

    @pytest.mark.parametrize("site", ["ida", "dentry"])
    def test_a_shrinker_without_memory_for_one_has_none(self, machine: sp.Machine, site: str) -> None:
        machine.debugfs.mount()
        machine.faults.fail_nth(1, site)
        with register(machine, Cache(7)) as shrinker:
            assert shrinker.debugfs is None
            assert machine.shrink_slab(priority=0) == 7

    def test_ids_are_given_again(self, machine: sp.Machine) -> None:
        machine.debugfs.mount()
        first = register(machine, Cache(), "first")
        with register(machine, Cache(), "second"):
            first.close()
            with register(machine, Cache(), "third"):
                assert list(machine.debugfs) == ["second-1", "third-0"]


class TestMapping:
    def test_it_is_one(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(), Cache()) as handles:
            assert list(machine.debugfs) == ["s0-0", "s1-1"]
            assert len(machine.debugfs) == 2
            assert "s1-1" in machine.debugfs
            assert "s2-2" not in machine.debugfs
            assert machine.debugfs["s0-0"] == handles[0].debugfs
            assert machine.debugfs["s0-0"] != handles[1].debugfs
            assert len({machine.debugfs["s0-0"], handles[0].debugfs}) == 1
            assert machine.debugfs["s0-0"] != "s0-0"
            assert repr(machine.debugfs["s0-0"]) == "<DebugfsEntry s0-0>"
            with pytest.raises(KeyError, match="s2-2"):
                machine.debugfs["s2-2"]
        assert dict(machine.debugfs) == {}

    def test_a_slash_or_a_long_name(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "a/b") as slash, register(machine, Cache(), "x" * 200) as long:
            assert slash.debugfs is None
            assert long.debugfs is not None
            assert long.debugfs.name == "x" * 127
            # The same once more is refused: the id is cut away.
            with register(machine, Cache(), "x" * 200) as again:
                assert again.debugfs is None

    @pytest.mark.parametrize("name", ["", "two\nlines", "\udcff", "ä", "a\n"])
    def test_any_other_name_has_one(self, machine: sp.Machine, name: str) -> None:
        with register(machine, Cache(3), name) as shrinker:
            assert list(machine.debugfs) == [f"{name}-0"]
            assert machine.debugfs[f"{name}-0"].count == "1 3\n"
            assert shrinker.debugfs == machine.debugfs[f"{name}-0"]

    def test_an_entry_is_a_path(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "s") as shrinker:
            entry = machine.debugfs["s-0"]
            shrinker.debugfs_rename("t")
            for gone in (lambda: entry.count, lambda: entry.scan("0 0 1"), lambda: entry.files):
                with pytest.raises(FileNotFoundError, match="'s-0'"):
                    gone()
            with register(machine, Cache(5), "other"):
                shrinker.debugfs_rename("s")
                assert entry.count == "1 100\n"
        with pytest.raises(FileNotFoundError):
            entry.read("count")

    def test_a_file_that_there_is_not(self, machine: sp.Machine) -> None:
        with register(machine, Cache()):
            entry = machine.debugfs["cache-0"]
            for missing in (lambda: entry.read("size"), lambda: entry.write("size", "")):
                with pytest.raises(FileNotFoundError, match="cache-0/size"):
                    missing()

    def test_after_the_machines_end(self) -> None:
        machine = sp.Machine()
        handle = register(machine, Cache())
        entry = handle.debugfs
        assert entry is not None
        handle.close()
        machine.close()
        assert list(machine.debugfs) == []
        with pytest.raises(FileNotFoundError):
            entry.scan("0 0 1")

    def test_listing_pins_nothing(self, machine: sp.Machine) -> None:
        for _ in range(3):
            with registered(machine, Cache(), Cache()):
                assert len(machine.debugfs) == 2
                assert [entry.count for entry in machine.debugfs.values()] == ["1 100\n"] * 2
        assert machine.ledger._replace(bytes=0, limbo=0)[:6] == (0, 0, 0, 1, 0, 0)


class TestRename:
    def test_the_directory_moves_and_keeps_its_id_and_place(self, machine: sp.Machine) -> None:
        with registered(machine, Cache(), Cache()) as (first, _):
            machine.debugfs.mount()
            first.debugfs_rename("new")
            assert first.name == "new"
            assert repr(first) == "<RegisteredShrinker 'new'>"
            assert list(machine.debugfs) == ["new-0", "s1-1"]

    def test_a_slash_renames_the_shrinker_alone(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "s") as shrinker:
            machine.debugfs.mount()
            with pytest.raises(PermissionError):
                shrinker.debugfs_rename("a/b")
            assert shrinker.name == "a/b"
            assert list(machine.debugfs) == ["s-0"]

    def test_its_present_name(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "s") as shrinker:
            machine.debugfs.mount()
            with pytest.raises(OSError, match=rf"^\[Errno {errno.EINVAL}\]"):
                shrinker.debugfs_rename("s")

    def test_without_memory_nothing_changes(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "s") as shrinker:
            machine.debugfs.mount()
            machine.faults.fail_nth(1, "name")
            with pytest.raises(MemoryError):
                shrinker.debugfs_rename("new")
            assert (shrinker.name, list(machine.debugfs)) == ("s", ["s-0"])

    def test_without_a_directory_it_is_renamed_all_the_same(self, machine: sp.Machine) -> None:
        with register(machine, Cache(), "s") as shrinker:
            shrinker.debugfs_rename("t")
            assert list(machine.debugfs) == ["t-0"]

    def test_what_is_no_name(self, machine: sp.Machine) -> None:
        shrinker = register(machine, Cache())
        with pytest.raises(ValueError, match="NUL"):
            shrinker.debugfs_rename("a\0b")
        with pytest.raises(TypeError, match="must be a str"):
            shrinker.debugfs_rename(7)  # type: ignore[arg-type]  # that is the test
        shrinker.close()
        with pytest.raises(sp.ClosedError):
            shrinker.debugfs_rename("late")
        with pytest.raises(sp.ClosedError):
            _ = shrinker.debugfs


# ---- the files


class TestFiles:
    def test_count_has_a_number_a_node(self) -> None:
        with sp.Machine(3) as machine:
            objects = [3, 0, 5]
            cache = Doing(count=lambda sc: objects[sc.nid] or sp.CountObjects.EMPTY)
            with register(machine, cache, flags=NUMA), register(machine, cache, "unaware"):
                assert machine.debugfs["cache-0"].count == "1 3 0 5\n"
                assert machine.debugfs["unaware-1"].count == "1 3 0 0\n"

    def test_offline_cgroups_are_left_out(self, machine: sp.Machine) -> None:
        app = machine.root.create("app", ino=9)
        with register(machine, Cache(4), flags=MEMCG):
            entry = machine.debugfs["cache-0"]
            assert entry.count == "1 4\n9 4\n"
            app.offline()
            assert entry.count == "1 4\n"
            with pytest.raises(FileNotFoundError, match="cache-0/scan"):
                entry.scan("9 0 1")

    def test_without_cgroups_it_is_the_number_0(self) -> None:
        with sp.Machine(memcg=False) as machine, register(machine, Cache(4), flags=MEMCG):
            assert machine.debugfs["cache-0"].count == "0 4\n"
            assert machine.debugfs["cache-0"].scan(b"0 0 1") == 5

    @given(
        text=st.one_of(
            st.text(st.sampled_from("0123456789 -x\n"), max_size=80),
            st.builds("{} {} {}".format, st.integers(0, 2), st.integers(-2, 3), st.integers(-1, 10)),
        )
    )
    def test_scan_takes_what_a_reader_of_the_rules_takes(self, text: str) -> None:
        """Three decimal numbers after blanks, of the first 71 bytes; only the node has a sign."""
        found = re.match(r"\s*(\d+)\s*(-?\d+)\s*(\d+)", text[:71])
        # A number goes on as long as there are digits: two need a blank or the sign between them.
        split = re.match(r"\s*(\d+)(?!\d)\s*(-?\d+)(?!\d)\s*(\d+)", text[:71])
        assert found is None or split is None or found.groups() == split.groups()
        with sp.Machine(2) as machine:
            cache = Doing(scan=lambda sc: sc.nr_to_scan)
            with register(machine, cache):
                entry, said = machine.debugfs["cache-0"], 0
                try:
                    assert entry.scan(text) == len(text)
                except OSError as error:
                    said = error.errno
        if split is None:
            assert said == errno.EINVAL
            return
        ino, nid, nr = (int(n) for n in split.groups())
        nid = (nid + 2**31) % 2**32 - 2**31
        nr %= 2**64
        good = nid in (0, 1) and (nr == 0 or ino % 2**64 == 0)
        assert said == (0 if good else errno.EINVAL)
        assert cache.asked == ([nr] if good and nr else [])


class BoomError(Exception):
    """What callbacks raise here."""


class TestCallbacks:
    def test_what_count_raises(self, machine: sp.Machine) -> None:
        def boom(_sc: Any) -> int:
            raise BoomError

        with register(machine, Doing(count=boom)), pytest.raises(BoomError):
            _ = machine.debugfs["cache-0"].count

    def test_what_scan_raises(self, machine: sp.Machine) -> None:
        def boom(_sc: Any) -> int:
            raise BoomError

        with register(machine, Doing(scan=boom)), pytest.raises(BoomError):
            machine.debugfs["cache-0"].scan("0 0 1")

    @pytest.mark.parametrize("what", ["count", "scan"])
    def test_ctrl_c(self, machine: sp.Machine, what: str) -> None:
        calls: list[int] = []

        def interrupted(_sc: Any) -> int:
            calls.append(1)
            raise KeyboardInterrupt

        machine.root.create("app")
        with register(machine, Doing(**{what: interrupted}), flags=MEMCG):  # type: ignore[arg-type]  # by name
            entry = machine.debugfs["cache-0"]
            with pytest.raises(KeyboardInterrupt):
                _ = entry.count if what == "count" else entry.scan("1 0 1")
        assert calls == [1]

    def test_a_close_waits_for_it(self, machine: sp.Machine) -> None:
        held = Held(3)
        shrinker = register(machine, held)
        entry = machine.debugfs["cache-0"]
        counting = Running(lambda: entry.count)
        assert held.entered.wait(10)
        closing = Running(shrinker.close)
        until_closing(shrinker)
        assert closing.alive
        # For new callers it is gone, before it is freed.
        with pytest.raises(FileNotFoundError):
            entry.scan("0 0 1")
        held.leave.set()
        assert counting.join() == "1 3\n"
        closing.join()

    def test_it_may_look_at_itself(self, machine: sp.Machine) -> None:
        seen: list[str] = []

        def count(_sc: Any) -> int:
            if len(seen) < 2:
                seen.append("")
                seen.append(machine.debugfs["cache-0"].count)
            return 3

        with register(machine, Doing(count=count)):
            machine.shrink_slab()
        assert seen[-1] == "1 3\n"


class TestInodeNumbers:
    def test_they_are_given_or_the_next(self, machine: sp.Machine) -> None:
        inos = [machine.root.create("a", ino=19).ino, machine.root.create("b").ino]
        inos += [machine.root.create("c", ino=5).ino, machine.root.create("d").ino]
        assert inos == [19, 20, 5, 21]

    @pytest.mark.parametrize("ino", [1, 19])
    def test_each_is_one_cgroups(self, machine: sp.Machine, ino: int) -> None:
        machine.root.create("a", ino=19)
        with pytest.raises(FileExistsError, match=f"inode number {ino}"):
            machine.root.create("b", ino=ino)
        assert [child.name for child in machine.root.children] == ["a"]

    @pytest.mark.parametrize("ino", [0, -1, 2**63])
    def test_what_is_none(self, machine: sp.Machine, ino: int) -> None:
        with pytest.raises(ValueError, match="ino must be 1 to"):
            machine.root.create("a", ino=ino)


def test_more_directories_than_were_asked_for(machine: sp.Machine) -> None:
    """The core copies as many as there is room for, and pins no others."""
    with registered(machine, Cache(), Cache()):
        machine.debugfs.mount()
        out = ffi.new("struct sp_debugfs_dir[]", 1)
        assert lib.sp_debugfs_dirs(machine._pointer, out, 1) == 2
        assert ffi.string(out[0].name) == b"s0-0"
        lib.sp_debugfs_dirs_put(out, 1)
