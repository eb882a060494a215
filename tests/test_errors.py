# SPDX-License-Identifier: GPL-2.0-only
"""The hierarchy of errors, what they name, and how the core's statuses become them."""

from __future__ import annotations

import copy
import errno
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import shrinkpy as sp
from shrinkpy import errors
from shrinkpy.core import check, ffi, lib

WOULD = [sp.DeadlockError, sp.HungError, sp.LivelockError, sp.KernelOops]
ALL = {
    sp.MovedError: RuntimeError,
    sp.ClosedError: RuntimeError,
    sp.ExpiredError: RuntimeError,
    sp.BuildError: RuntimeError,
    sp.NestingError: RecursionError,
    sp.OneMachineError: RuntimeError,
    sp.LockdepError: RuntimeError,
    sp.ReclaimShortError: OSError,
    sp.KernelWouldError: RuntimeError,
    **dict.fromkeys(WOULD, RuntimeError),
}


def header() -> str:
    """csrc/include/shrinkpy/core.h, without its comments."""
    text = (Path(__file__).parent.parent / "csrc/include/shrinkpy/core.h").read_text()
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def statuses() -> dict[str, int]:
    """enum sp_status, as the header has it."""
    found = re.search(r"enum sp_status \{(.*?)\}", header(), flags=re.DOTALL)
    assert found
    return {name: int(value) for name, value in re.findall(r"(SP_\w+) = (-?\d+)", found[1])}


class TestHierarchy:
    @pytest.mark.parametrize(("error", "standard"), ALL.items(), ids=lambda each: each.__name__)
    def test_each_is_one_of_ours_and_a_standard_one(
        self, error: type[Exception], standard: type[Exception]
    ) -> None:
        assert issubclass(error, sp.ShrinkpyError)
        assert issubclass(error, standard)
        assert error.__doc__

    def test_these_are_all(self) -> None:
        ours = {
            each
            for each in vars(errors).values()
            if isinstance(each, type) and issubclass(each, Exception) and not issubclass(each, Warning)
        }
        assert ours == {sp.ShrinkpyError, *ALL}
        assert ours == {getattr(sp, name) for name in sp.__all__ if getattr(sp, name) in ours}
        assert {each.__name__ for each in ours} | {"LockdepWarning"} == set(errors.__all__)

    @pytest.mark.parametrize("error", WOULD)
    def test_where_the_kernel_would_not_come_back(self, error: type[sp.KernelWouldError]) -> None:
        assert issubclass(error, sp.KernelWouldError)


class TestNaming:
    @pytest.mark.parametrize("error", WOULD)
    def test_they_name_shrinker_node_cgroup_and_reason(self, error: type[sp.KernelWouldError]) -> None:
        made = error("why", shrinker="inodes", nid=1, memcg=7)
        assert (made.shrinker, made.nid, made.memcg, made.reason) == ("inodes", 1, 7, "why")
        assert str(made) == "shrinker 'inodes', node 1, cgroup 7: why"

    @pytest.mark.parametrize(
        ("where", "text"),
        [
            ({}, "why"),
            ({"shrinker": "s"}, "shrinker 's': why"),
            ({"nid": 0}, "node 0: why"),
            ({"memcg": 1}, "cgroup 1: why"),
            ({"shrinker": "", "nid": 2}, "shrinker '', node 2: why"),
        ],
    )
    def test_what_is_not_concerned_is_none(self, where: dict[str, Any], text: str) -> None:
        made = sp.KernelOops("why", **where)
        assert str(made) == text
        for key in ("shrinker", "nid", "memcg"):
            assert getattr(made, key) == where.get(key)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
    def test_copies_keep_it_all(self, copied: Any) -> None:
        made = sp.HungError("why", shrinker="inodes", nid=1, memcg=7)
        again = copied(made)
        assert (type(again), str(again), vars(again)) == (type(made), str(made), vars(made))


class TestStatuses:
    def test_the_header_has_those_that_the_module_was_built_with(self) -> None:
        found = statuses()
        assert len(found) == 16
        assert found == {name: getattr(lib, name) for name in found}
        assert {name for name in dir(lib) if re.fullmatch(r"SP_[A-Z]+", name)} >= set(found)

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("SP_OOPS", sp.KernelOops),
            ("SP_HANG", sp.HungError),
            ("SP_SPIN", sp.LivelockError),
            ("SP_DEADLOCK", sp.DeadlockError),
            ("SP_DEPTH", sp.NestingError),
            ("SP_CLOSED", sp.ClosedError),
            ("SP_NOMEM", MemoryError),
            ("SP_INVAL", ValueError),
            ("SP_NOENT", FileNotFoundError),
            ("SP_EXIST", FileExistsError),
            ("SP_ACCES", PermissionError),
            ("SP_BUSY", OSError),
            ("SP_INTR", InterruptedError),
        ],
    )
    def test_each_becomes_its_error(self, name: str, error: type[Exception]) -> None:
        with pytest.raises(error) as caught:
            check(statuses()[name])
        assert type(caught.value) is error

    def test_those_of_errno_keep_their_number(self) -> None:
        for name, value in statuses().items():
            if -1000 < value < 0:
                assert value == -getattr(errno, f"E{name.removeprefix('SP_')}")

    def test_ok_is_none(self) -> None:
        check(0)
        assert statuses()["SP_OK"] == 0

    def test_no_two_are_the_same(self) -> None:
        assert len(set(statuses().values())) == len(statuses())

    def test_the_modules_own_values_are_the_headers(self) -> None:
        names = ("OOPS", "HANG", "SPIN", "DEADLOCK", "DEPTH", "ABORTED", "CLOSED")
        assert {f"SP_{name}": getattr(errors, f"_{name}") for name in names} == {
            name: value for name, value in statuses().items() if value <= -1001
        }


class TestReasons:
    @staticmethod
    def reason(status: int, **fields: Any) -> Any:
        """A struct sp_reason."""
        return ffi.new("struct sp_reason *", {"status": status, "nid": -1, **fields})

    def test_they_fill_the_error(self) -> None:
        reason = self.reason(lib.SP_HANG, nid=3, memcg_ino=9, shrinker=b"inodes", text=b"for ever")
        with pytest.raises(sp.HungError) as caught:
            check(lib.SP_HANG, reason)
        assert str(caught.value) == "shrinker 'inodes', node 3, cgroup 9: for ever"

    def test_what_it_leaves_out_is_none(self) -> None:
        with pytest.raises(sp.KernelOops) as caught:
            check(lib.SP_OOPS, self.reason(lib.SP_OOPS, text=b"NULL"))
        assert (caught.value.shrinker, caught.value.nid, caught.value.memcg) == (None, None, None)

    def test_one_of_another_status_is_not_taken(self) -> None:
        with pytest.raises(sp.KernelOops) as caught:
            check(lib.SP_OOPS, self.reason(lib.SP_HANG, shrinker=b"inodes", text=b"for ever"))
        assert caught.value.shrinker is None

    def test_a_name_cut_in_the_middle_of_a_letter_is_readable(self) -> None:
        with pytest.raises(sp.HungError) as caught:
            check(lib.SP_HANG, self.reason(lib.SP_HANG, shrinker="é".encode()[:1], text=b"for ever"))
        assert caught.value.shrinker == "\ufffd"


class TestCombine:
    """What one call raises for all that its callbacks raised."""

    def test_one_is_itself(self) -> None:
        one = ValueError()
        assert errors.combine([one], 0, None) is one

    def test_several_are_a_group(self) -> None:
        several = [ValueError(), KeyError()]
        group = errors.combine(several, 0, None)
        assert isinstance(group, ExceptionGroup)
        assert list(group.exceptions) == several

    def test_one_of_more_that_were_not_kept_is_a_group(self) -> None:
        group = errors.combine([ValueError()], 2, None)
        assert isinstance(group, ExceptionGroup)
        assert "3 exceptions" in str(group)
        assert "2 of them not kept" in str(group)

    def test_a_fatal_one_is_itself(self) -> None:
        fatal = KeyboardInterrupt()
        assert errors.combine(None, 0, fatal) is fatal
        assert fatal.__context__ is None

    def test_with_the_others_as_its_context(self) -> None:
        fatal, one = KeyboardInterrupt(), ValueError()
        assert errors.combine([one], 0, fatal) is fatal
        assert fatal.__context__ is one

    def test_behind_the_context_that_it_has(self) -> None:
        fatal, own, one = KeyboardInterrupt(), KeyError(), ValueError()
        fatal.__context__ = own
        errors.combine([one], 0, fatal)
        assert fatal.__context__ is own
        assert own.__context__ is one

    def test_never_in_a_circle(self) -> None:
        fatal = KeyboardInterrupt()
        own = KeyError()
        fatal.__context__ = own
        errors.combine([own], 0, fatal)
        seen, error = [], fatal.__context__
        while error is not None and len(seen) < 10:
            seen.append(error)
            error = error.__context__
        assert len(seen) < 10
