# SPDX-License-Identifier: GPL-2.0-only
"""What all tests share: the profiles of hypothesis, and a fresh machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from native import Native

from shrinkpy import Machine

# Programs that tests start see the package that is tested, not the folder they are started in.
os.environ["PYTHONSAFEPATH"] = "1"

# Nothing is judged by a clock: it would fail on a busy computer.
settings.register_profile(
    "default", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("again", settings.get_profile("ci"), max_examples=15)
settings.register_profile("expensive", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


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
