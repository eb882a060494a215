/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: the lock of an mm. */
#ifndef _LINUX_MMAP_LOCK_H
#define _LINUX_MMAP_LOCK_H

#include <linux/mm_types.h>

#define mmap_init_lock(mm) init_rwsem(&(mm)->mmap_lock)
#define mmap_read_lock(mm) down_read(&(mm)->mmap_lock)
#define mmap_read_lock_killable(mm) down_read_killable(&(mm)->mmap_lock)
#define mmap_read_trylock(mm) down_read_trylock(&(mm)->mmap_lock)
#define mmap_read_unlock(mm) up_read(&(mm)->mmap_lock)
#define mmap_write_lock(mm) down_write(&(mm)->mmap_lock)
#define mmap_write_lock_killable(mm) down_write_killable(&(mm)->mmap_lock)
#define mmap_write_trylock(mm) down_write_trylock(&(mm)->mmap_lock)
#define mmap_write_unlock(mm) up_write(&(mm)->mmap_lock)
#define mmap_write_downgrade(mm) downgrade_write(&(mm)->mmap_lock)
#define mmap_assert_locked(mm) rwsem_assert_held(&(mm)->mmap_lock)
#define mmap_assert_write_locked(mm) rwsem_assert_held_write(&(mm)->mmap_lock)

#endif
