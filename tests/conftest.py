# SPDX-License-Identifier: GPL-2.0-only
"""What all tests share: the profiles of hypothesis, and a fresh machine."""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import mutants
import pytest
from hypothesis import HealthCheck, settings
from native import Native

from shrinkpy import Machine
from shrinkpy.cores import core_info
from shrinkpy.machine import _machines as open_machines

# Programs that tests start see the package that is tested, not the folder they are started in.
os.environ["PYTHONSAFEPATH"] = "1"

# Nothing is judged by a clock: it would fail on a busy computer.
settings.register_profile(
    "default", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("again", settings.get_profile("ci"), max_examples=15)
settings.register_profile("expensive", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


NOT_ON_A_TREE = Path(__file__).parent / "not_on_a_tree.txt"
"""What cannot be asked of a core around a kernel's own files: a reason, and below it the tests."""


def not_on_a_tree() -> Iterator[tuple[str, str]]:
    """Each test, or how the names of several begin, and the reason."""
    reason = ""
    for line in NOT_ON_A_TREE.read_text().splitlines():
        if line.startswith("# "):
            reason = line.removeprefix("# ")
        elif line:
            yield line, reason


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip those on such a core."""
    if core_info().is_port:
        return
    skipped = list(not_on_a_tree())
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        for begin, reason in skipped:
            if name == begin or name.startswith((f"{begin}[", f"{begin}::")):
                item.add_marker(pytest.mark.skip(reason=f"not on {core_info().name}: {reason}"))
                break


@pytest.fixture(autouse=not core_info().is_port)
def _leave_the_globals() -> Iterator[None]:
    """A core around a kernel's own files has one machine at a time: whose test failed keeps none."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in list(open_machines):
            with contextlib.suppress(Exception):
                each.close()


@pytest.fixture(autouse=True, scope="module")
def _a_quick_collector() -> None:
    """What modules are made of is never garbage: a test that collects need not look at it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A Machine of one node, closed at the end."""
    with Machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Callbacks in C."""
    return Native(tmp_path_factory.mktemp("native"))


@pytest.fixture
def held(machine: Machine, native: Native) -> Iterator[Native]:
    """A native shrinker of the machine, which waits inside its count until held_leave and says 0."""
    for name in ("held_inside", "held_leave", "held_gave_up"):
        native.variable(name).value = 0
    native.register(machine, "count_held")
    yield native
    native.variable("held_leave").value = 1


@pytest.fixture(scope="session")
def mutant_core() -> Path:
    """The folder of a core that makes the mistake that MUTANT names."""
    return mutants.build()
