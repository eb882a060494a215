# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios of golden vectors: run on the core that this process works on, observed, written down.

They go through core.h itself (raw callbacks, no typed face), since they ask for values that the face
refuses. The format stands in tests/data/golden/FORMAT.md; what follows is more than that has, for
scenarios that two cores are compared by.

`cfg` may have besides:

- `calls`: after so many scan calls within one operation each further one answers SHRINK_STOP, and no
  hook runs in it;
- `stall`: the bound on scans without progress (max_stall; without it 2^20);
- `lax` 1: a hook whose operation names what is not there (or makes what is there already) does nothing,
  and its r is "absent". Without it such a vector is unreadable.

Statuses: an r is the negative status of core.h where a call has one and FORMAT does not say otherwise:
-22 for what is out of range, -1001 where the kernel would oops, -1003 for a turn that was ended by
`stall`, -1004 for a free that would wait for itself. register and memcg_new have an r only then. A
scenario ends where the kernel would oops; the state that it leaves there is neither written nor compared.

Hooks may carry every operation, but not the release of the cgroup of a pass that runs. Those that call
callbacks (shrink, dbg_count, dbg_scan, and lru_walk its own) have their events in the hook's OP, as ev,
and the pass its slabs.

Operations on list_lrus; handles `l`, items `i` (a number, known from its first lru_add or lru_del on):

| op          | fields                 | r                                                                   |
| ----------- | ---------------------- | ------------------------------------------------------------------- |
| lru_new     | l aware h              | status; aware: by cgroup; h: whose bit first items set, -1 nobody's |
| lru_attach  | l h                    | status; whose bit they set from now on                              |
| lru_prepare | l m                    | status of memcg_list_lru_alloc()                                    |
| lru_add     | l i nid m              | 1 added, 0 it was on a list, or a status                            |
| lru_del     | l i nid m              | 1 deleted, 0 it was on none, or a status                            |
| lru_count   | l nid m                | [list_lru_count_one, list_lru_count_node]                           |
| lru_walk    | l nid m n node answers | [status, isolated, rest of n]; node 1: of the whole node            |
| lru_destroy | l                      | status; -16: there were items, and it is gone                       |

`answers` of a walk: the i-th visit gets entry min(i, last), of removed, removed_retry, rotate, skip,
retry, stop. Its `ev`: `["i", item, answer]` a visit. Allocations of these operations are not recorded.

STATE has, from the first lru_new on, `lru`: {l: {aware, nodes: [count_node per node], ones: [[nid, m,
count_one] not 0], lists: [items that are linked to each other, in order]}}.
"""

from .lists import LRU_ANSWERS
from .record import Recorder, record
from .runner import RESULTS, Scenario, is_oops, is_over, question

__all__ = [
    "LRU_ANSWERS",
    "RESULTS",
    "Recorder",
    "Scenario",
    "is_oops",
    "is_over",
    "question",
    "record",
]
