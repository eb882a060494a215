# SPDX-License-Identifier: GPL-2.0-only
"""Small changes to a kernel's own files, each of which `conform` or `kernel diff` finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from kernel_tree import TREE
from original import NEEDS, Change, changed, core_of_the_tree, shrinkpy

pytestmark = NEEDS

GOLDEN = Path(__file__).parent / "data" / "golden"
core = core_of_the_tree


class Mutant(NamedTuple):
    """A mistake, and the golden file that shows it; none: random scenarios do."""

    change: Change
    family: str = ""


def _in(file: str) -> Callable[..., Mutant]:
    def mutant(pattern: str, instead: str, which: int = 0, family: str = "") -> Mutant:
        return Mutant(Change(file, pattern, instead, which), family)

    return mutant


_shrinker = _in("mm/shrinker.c")
_header = _in("include/linux/shrinker.h")
_debugfs = _in("mm/shrinker_debug.c")
_lru = _in("mm/list_lru.c")

MUTANTS = {
    # -- the arithmetic of a turn
    "cap of a turn": _shrinker(r"(?<=total_scan, \()2", "1 + 2"),
    "cap of a turn too low": _shrinker(r"(?<=total_scan, \(2 \* freeable)", " - 1"),
    "cap of what is deferred": _shrinker(r"(?<=next_deferred, \()2", "1 + 2"),
    "cap of what is deferred too low": _shrinker(r"(?<=next_deferred, \(2 \* freeable)", " - 1"),
    "floor of what is deferred": _shrinker(r"max_t\(long, (\(.*\)), 0\)", r"\1"),
    "delta times 3": _shrinker(r"delta \*= 4", "delta *= 3"),
    "delta without seeks": _shrinker(r"freeable / 2", "freeable / 3"),
    "delta not by priority": _shrinker(r"freeable >> priority", "freeable"),
    "deferred not by priority": _shrinker(r"nr >> priority", "nr"),
    "delta is not added": _shrinker(r"total_scan \+= delta", "total_scan = delta"),
    "a batch exactly": _shrinker(r">=(?= batch_size)", ">"),
    "all of it exactly": _shrinker(r">=(?= freeable)", ">"),
    "last batch not cut": _shrinker(r"min\(batch_size, total_scan\)", "batch_size"),
    "default batch": _shrinker(r"(?<=SHRINK_BATCH )128", "127"),
    "batch is ignored": _shrinker(r"shrinker->batch \?", "0 ?"),
    "default seeks": _shrinker(r"DEFAULT_SEEKS", "1"),
    "progress is what was asked": _shrinker(r"-= shrinkctl->nr_scanned", "-= nr_to_scan"),
    "scanned is what was asked": _shrinker(r"scanned \+= shrinkctl->nr_scanned", "scanned += nr_to_scan"),
    "event is what was asked": _shrinker(r"(?<=SLABS_SCANNED, )shrinkctl->nr_scanned", "nr_to_scan"),
    "scanned is not reset": _shrinker(r"shrinkctl->nr_scanned = nr_to_scan", ""),
    "freed of the last scan only": _shrinker(r"freed \+= ret", "freed = ret"),
    "freed of the last in a cgroup": _shrinker(r"freed \+= ret", "freed = ret", 1),
    "freed of the last in a pass": _shrinker(r"freed \+= ret", "freed = ret", 2),
    "STOP is a number": _shrinker(r"ret == SHRINK_STOP", "0"),
    "0 is not the end": _shrinker(r"freeable == 0 \|\|", ""),
    "EMPTY is a number": _shrinker(r"\|\| freeable == SHRINK_EMPTY", ""),
    # -- deferred work
    "own stays": _shrinker(r"atomic_long_xchg\((.*), 0\)", r"atomic_long_read(\1)", 1),
    "a cgroup's stays": _shrinker(r"atomic_long_xchg\((.*), 0\)", r"atomic_long_read(\1)"),
    "own is stored": _shrinker(r"atomic_long_add_return\(nr, (.*)\);", r"(atomic_long_set(\1, nr), nr);", 1),
    "a cgroup's is stored": _shrinker(
        r"atomic_long_add_return\(nr, (.*)\);", r"(atomic_long_set(\1, nr), nr);"
    ),
    "read on a node that it has not": _shrinker(r"nid = 0", ""),
    "added on a node that it has not": _shrinker(r"nid = 0", "", 1),
    "read on node 0 of a cgroup": _shrinker(r"xchg_nr_deferred_memcg\(nid", "xchg_nr_deferred_memcg(0"),
    "added on node 0 of a cgroup": _shrinker(r"memcg\(nr, nid", "memcg(nr, 0"),
    # -- references
    "put of a pass": _shrinker(r"shrinker_put\(s\w+\)", "", 1),
    "put of a cgroup's pass": _shrinker(r"shrinker_put\(s\w+\)", ""),
    "put of free": _shrinker(r"shrinker_put\(s\w+\)", "", 2),
    "two references": _shrinker(r"(?<=->refcount, )1", "2"),
    "no reference": _shrinker(r"(?<=->refcount, )1", "0"),
    "free does not wait": _shrinker(r"wait_for_completion\(.*\)", ""),
    "complete too early": _header(r"if \((refcount_dec_and_test\(.*\))\)", r"if (\1, 1)"),
    "never complete": _header(r"complete\(.*\)", ""),
    # -- passes
    "EMPTY is summed": _shrinker(r"ret == SHRINK_EMPTY", "0", 2),
    "second EMPTY is summed": _shrinker(r"ret == SHRINK_EMPTY", "0", 1),
    "first EMPTY is summed": _shrinker(r"ret == SHRINK_EMPTY", "0"),
    "bit stays clear": _shrinker(r"(?<=\t)set_shrinker_bit\(memcg,", "(void)(memcg,"),
    "bit of the dead stays": _shrinker(r"clear_bit\(o", "(void)(o"),
    "bit of the empty stays": _shrinker(r"clear_bit\(o", "(void)(o", 1),
    "offline is passed": _shrinker(r"!mem_cgroup_online\(memcg\)", "0"),
    "no cgroups are passed": _shrinker(r"!mem_cgroup_disabled\(\) &&", ""),
    "NONSLAB the other way": _shrinker(r"!(?=\(.* & SHRINKER_NONSLAB)", "!!"),
    "NONSLAB is called not": _shrinker(r" &&\n.*NONSLAB\)", ""),
    "kmem the other way": _shrinker(r"!memcg_kmem_online", "memcg_kmem_online"),
    "id without index": _shrinker(r"index \* SHRINKER_UNIT_BITS \+", ""),
    "last unit is not passed": _shrinker(r"index <(?= .*info->map)", "index + 1 <", 1),
    "cgroup not told": _shrinker(r"\.memcg = memcg", ".memcg = NULL"),
    "node not told": _shrinker(r"\.nid = nid", ".nid = 0", 1),
    "mask not told": _shrinker(r"\.gfp_mask = gfp_mask", ".gfp_mask = 0", 1),
    # -- bits
    "bits of the root": _shrinker(r" && !mem_cgroup_is_root\(memcg\)", ""),
    "bit that is too high": _shrinker(r">=(?= info->map_nr_max)", ">"),
    "bit of another": _shrinker(r"(?<=set_bit\()s\w+\((.*)\)(?=,)", r"shrinker_id_to_offset(\1 + 1)"),
    # -- alloc, register, free
    "not allocated": _shrinker(r" \| SHRINKER_ALLOCATED", ""),
    "aware without cgroups": _shrinker(r"&= ~SHRINKER_MEMCG_AWARE", "&= ~0"),
    "one number for all nodes": _shrinker(r"size \*= nr_node_ids", ""),
    "registered twice as first": _shrinker(r"list_add_tail_rcu", "list_add_rcu"),
    "not unlinked": _shrinker(r"list_del_rcu\(.*\)", ""),
    "nr_deferred leaked": _shrinker(r"kfree\(shrinker->nr_deferred\)", ""),
    "struct leaked": _shrinker(r"kfree\(shrinker\)", "", 1),
    "struct leaked on failure": _shrinker(r"kfree\(shrinker\)", ""),
    "name leaked": _shrinker(r"shrinker_debugfs_name_free\(.*\)", "", 1),
    "name leaked on failure": _shrinker(r"shrinker_debugfs_name_free\(.*\)", ""),
    "id leaked": _shrinker(r"idr_remove\(", "(void)(", 1),
    "id leaked on failure": _shrinker(r"idr_remove\(", "(void)("),
    "debugfs folder stays": _shrinker(r"if \(debugfs_entry\)", "if (0)"),
    # -- what cgroups know of shrinkers
    "grown although it failed": _shrinker(r"if \(!ret\)", ""),
    "grown too late": _shrinker(r"new_id \+ 1", "new_id"),
    "grown again": _shrinker(r"new_nr_max <=", "new_nr_max <"),
    "not grown": _shrinker(r"id >= shrinker_nr_max", "id > shrinker_nr_max"),
    "a unit is not taken over": _shrinker(r"(?<=->unit, )old_size", "old_size - 8 * !!old_size"),
    "units taken over are freed": _shrinker(r"(?<=shrinker_unit_free\(new, )start", "0"),
    "units leaked on failure": _shrinker(r"shrinker_unit_free\(new, .*\)", ""),
    "units leaked": _shrinker(r"kfree\(unit\[i\]\)", ""),
    "info leaked": _shrinker(r"kvfree\(info\)", ""),
    "info leaked on failure": _shrinker(r"kvfree\(info\)", "", 1),
    "new info leaked on failure": _shrinker(r"kvfree\(new\)", ""),
    "old info leaked": _shrinker(r"kvfree_rcu\(.*\)", ""),
    "other infos leaked on failure": _shrinker(r"__free_shrinker_info\(memcg\)", "", 1),
    "info is freed and kept": _shrinker(r"rcu_assign_pointer\((.*), NULL\)", ""),
    "ENOMEM is none": _shrinker(r"return -ENOMEM(?=;\n}\n\nstatic struct)", "return 0"),
    "reparented by a store": _shrinker(r"atomic_long_add\(nr, (.*)\)", r"atomic_long_set(\1, nr)"),
    "not reparented of the last id": _shrinker(r"(?<=offset < SHRINKER_UNIT_BITS)", " - 1"),
    "not reparented of the last unit": _shrinker(r"index <(?= .*child_info)", "index + 1 <"),
    # -- locks and RCU
    "lock kept by free_shrinker_info": _shrinker(r"mutex_unlock\(.*\)", ""),
    "lock kept by alloc_shrinker_info": _shrinker(r"mutex_unlock\(.*\)", "", 1),
    "lock kept where that fails": _shrinker(r"mutex_unlock\(.*\)", "", 2),
    "lock kept by alloc": _shrinker(r"mutex_unlock\(.*\)", "", 3),
    "lock kept by reparenting": _shrinker(r"mutex_unlock\(.*\)", "", 4),
    "lock kept by register": _shrinker(r"mutex_unlock\(.*\)", "", 5),
    "lock kept by free": _shrinker(r"mutex_unlock\(.*\)", "", 6),
    "lock kept where no id is": _shrinker(r"goto unlock", "return ret"),
    "unlocked register": _shrinker(r"mutex_lock\(.*\)", "", 4),
    "RCU kept by set_shrinker_bit": _shrinker(r"rcu_read_unlock\(\)", ""),
    "RCU kept by xchg": _shrinker(r"rcu_read_unlock\(\)", "", 1),
    "RCU kept by add": _shrinker(r"rcu_read_unlock\(\)", "", 2),
    "RCU kept over a unit": _shrinker(r"rcu_read_unlock\(\)", "", 3),
    "RCU kept where nobody is": _shrinker(r"rcu_read_unlock\(\)", "", 4),
    "RCU kept over a callback": _shrinker(r"rcu_read_unlock\(\)", "", 5),
    "RCU kept by a cgroup's pass": _shrinker(r"rcu_read_unlock\(\)", "", 6),
    "RCU kept over a callback of all": _shrinker(r"rcu_read_unlock\(\)", "", 7),
    "RCU kept by a pass": _shrinker(r"rcu_read_unlock\(\)", "", 8),
    "RCU not taken again": _shrinker(r"rcu_read_lock\(\)(?=;\n\t\tshrinker_put)", ""),
    # -- debugfs
    "EMPTY is counted": _debugfs(r"nr == SHRINK_EMPTY", "0"),
    "node 0 only": _debugfs(r" \|\| \(.* & SHRINKER_NUMA_AWARE\)", ""),
    "count of the last node": _debugfs(r"total \+= nr", "total = nr"),
    "0 is printed": _debugfs(r"if \(total\)", ""),
    "offline is counted": _debugfs(r"memcg && !mem_cgroup_online\(memcg\)", "0"),
    "counted in the root": _debugfs(r"memcg_aware \? memcg", "memcg_aware ? NULL"),
    "cgroup kept where none is": _debugfs(r"!memcg_aware", "0"),
    "offline is scanned": _debugfs(r"!mem_cgroup_online\(memcg\)", "0", 1),
    "cgroup kept by scan": _debugfs(r"mem_cgroup_put\(memcg\)", "", 1),
    "cgroup kept where it is offline": _debugfs(r"mem_cgroup_put\(memcg\)", ""),
    "node that is too high": _debugfs(r">= nr_node_ids", "> nr_node_ids"),
    "inode that is not asked for": _debugfs(r"ino != 0", "0"),
    "scan of nothing": _debugfs(r"nr_to_scan == 0", "0"),
    "two numbers": _debugfs(r"(?<=\)) != 3", " < 2"),
    "one character less": _debugfs(r"sizeof\(kbuf\) - 1", "sizeof(kbuf) - 2"),
    "scanned is not set": _debugfs(r"sc.nr_scanned = nr_to_scan", ""),
    "name of a folder is cut": _debugfs(r"(?<=char buf\[)128", "127"),
    "new name of a folder is cut": _debugfs(r"(?<=char buf\[)128", "127", 1),
    "debugfs id leaked": _debugfs(r"ida_free\(.*, debugfs_id\)", ""),
    "debugfs id leaked on failure": _debugfs(r"ida_free\(.*, id\)", ""),
    "debugfs id is not kept": _debugfs(r"->debugfs_id = id", "->debugfs_id = 0"),
    "debugfs folder is not removed": _debugfs(r"debugfs_remove_recursive\(.*\)", ""),
    "no folder at boot": _debugfs(r"!shrinker->debugfs_entry", "0"),
    "failure at boot is ignored": _debugfs(r"if \(ret\)\n\s+break", ""),
    "old name leaked": _debugfs(r"kfree_const\(old\)", ""),
    "failure of a new name": _debugfs(r"ret = PTR_ERR\(entry\)", ""),
    "lock kept by rename": _debugfs(r"mutex_unlock\(.*\)", ""),
    "lock kept by debugfs_init": _debugfs(r"mutex_unlock\(.*\)", "", 1),
    # -- list_lru
    "bit of the first item": _lru(r"!l->nr_items\+\+", "l->nr_items++"),
    "bit of every item": _lru(r"!l->nr_items\+\+", "l->nr_items++ + 1"),
    "item at the head": _lru(r"list_add_tail", "list_add"),
    "added, and not counted": _lru(r"nlru->nr_items\+\+", ""),
    "deleted, and still counted": _lru(r"l->nr_items--", ""),
    "deleted, and still counted of the node": _lru(r"nlru->nr_items--", ""),
    "walked, and still counted": _lru(r"list->nr_items--", ""),
    "walked, and still counted of the node": _lru(r"nlru->nr_items--", "", 1),
    "count of node 0": _lru(r"(?<=nlru = &lru->node\[)nid", "0", 2),
    "count of the node's own list": _lru(r"return nlru->", "return nlru->lru."),
    "walk without an end": _lru(r"--\*nr_to_walk", ""),
    "walk of one more": _lru(r"!\*nr_to_walk", "*nr_to_walk == -1ul"),
    "removed is not counted": _lru(r"isolated\+\+", ""),
    "removed goes on where it was": _lru(r"goto restart", "break"),
    "retry goes on where it was": _lru(r"goto restart", "break", 1),
    "stop goes on": _lru(r"goto out", "break", 1),
    "rotated to the head": _lru(r"list_move_tail", "list_move"),
    "isolated is the last": _lru(r"isolated \+= __", "isolated = __"),
    "a node's walk of its own": _lru(r"xa_for_each\(.*\)", "for (index = 1, mlru = NULL; index < 1;)"),
    "walk of the root": _lru(r"memcg_kmem_id\(memcg\)(?=, isolate)", "-1"),
    "not spliced": _lru(r"list_splice_init\(", "(void)("),
    "inherited at the tail": _lru(r"list_splice_init", "list_splice_tail_init"),
    "bit of the heir": _lru(r"set_shrinker_bit\(dst", "(void)(dst"),
    "count of the heir": _lru(r"dst->nr_items \+=", "dst->nr_items ="),
    "one node is inherited": _lru(r"for_each_node\(i\)(?=\n\t\tmemcg_rep)", "i = 0;"),
    "children keep their id": _lru(r"WRITE_ONCE\(child", "(void)(child"),
    "lists of who is gone": _lru(r"xa_erase_irq", "xa_load"),
    "no lists of parents": _lru(r"i\+\+(?=\) \{\n\t\tif \(memcg)", "i++, memcg = NULL"),
    "not registered": _lru(r"list_add\(.*\)", "INIT_LIST_HEAD(&lru->list)"),
    "not unregistered": _lru(r"list_del\(.*\)", ""),
    "bits of nobody": _lru(r"= shrinker->id", "= -1"),
    "lru lock kept by add": _lru(r"spin_unlock\(.*\)", ""),
    "lru lock kept where it is on a list": _lru(r"spin_unlock\(.*\)", "", 1),
    "lru lock kept where it is on none": _lru(r"spin_unlock\(.*\)", "", 3),
    "lru lock kept by a walk": _lru(r"spin_unlock\(.*\)", "", 4),
    "lru lock kept by reparenting": _lru(r"spin_unlock_irq\(&nlru->lock\)", "", 1),
    "RCU kept by count": _lru(r"rcu_read_unlock\(\)", "", 2),
}

FEW = ("cap of a turn", "bit stays clear", "own is stored")
"""In every run of the tests."""
TWENTY = (
    "cap of a turn too low",
    "cap of what is deferred",
    "cap of what is deferred too low",
    "floor of what is deferred",
    "delta times 3",
    "a batch exactly",
    "all of it exactly",
    "a cgroup's is stored",
    "put of a pass",
    "put of a cgroup's pass",
    "bit of the dead stays",
    "bit of the first item",
    "bit of the heir",
    "rotated to the head",
    "not spliced",
    "removed is not counted",
    "lock kept by free",
    "RCU kept over a callback of all",
    "debugfs id leaked",
    "EMPTY is counted",
)
"""One of each kind; the others take minutes."""


def check_found(name: str, core: Path, where: Path) -> None:
    """It differs from what was observed, or from the file as it is; the tools say so."""
    mutant = MUTANTS[name]
    wrong = changed(where, mutant.change)
    if mutant.family:
        done = shrinkpy("conform", str(GOLDEN / f"{mutant.family}.jsonl.gz"), core=wrong)
        told = "first difference"
    else:
        kept = str(where / "difference.jsonl")
        options = ("--core", str(core), "--core", str(wrong), "--seconds", "200", "-o", kept)
        done = shrinkpy("kernel", "diff", *options, seconds=400)
        told = "differ in scenario"
    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout


def test_there_are_enough_and_each_changes_something() -> None:
    assert len(MUTANTS) >= len(FEW) + len(TWENTY) >= 20
    for mutant in MUTANTS.values():
        text = (TREE / mutant.change.file).read_text()
        assert mutant.change.of(text) != text


@pytest.mark.parametrize("name", FEW)
@pytest.mark.thorough
def test_a_few(name: str, core: Path, tmp_path: Path) -> None:
    check_found(name, core, tmp_path)


@pytest.mark.slow
class TestTwenty:
    @pytest.mark.parametrize("name", TWENTY)
    def test_is_found(self, name: str, core: Path, tmp_path: Path) -> None:
        check_found(name, core, tmp_path)

    def test_the_file_as_it_is_has_no_difference(self, core: Path, tmp_path: Path) -> None:
        same = changed(tmp_path)
        options = ("--core", str(core), "--core", str(same), "--operations", "10000", "--seconds", "200")
        done = shrinkpy("kernel", "diff", *options)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
class TestOthers:
    @pytest.mark.parametrize("name", [name for name in MUTANTS if name not in (*FEW, *TWENTY)])
    def test_is_found(self, name: str, core: Path, tmp_path: Path) -> None:
        check_found(name, core, tmp_path)
