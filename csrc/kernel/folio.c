// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for a folio's bits; its lock is one of them. */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/wait_bit.h>

#include "runtime.h"

void __folio_lock(struct folio *folio)
{
	wait_on_bit_lock(&folio->flags, PG_locked, TASK_UNINTERRUPTIBLE);
}

int __folio_lock_killable(struct folio *folio)
{
	return wait_on_bit_lock(&folio->flags, PG_locked, TASK_KILLABLE);
}

void folio_unlock(struct folio *folio)
{
	if (!folio_test_locked(folio))
		kernel_oops("folio_unlock() of a folio that is not locked");
	clear_and_wake_up_bit(PG_locked, &folio->flags);
}

void unlock_page(struct page *page)
{
	folio_unlock(page_folio(page));
}

void folio_wait_bit(struct folio *folio, int bit)
{
	wait_on_bit(&folio->flags, bit, TASK_UNINTERRUPTIBLE);
}

int folio_wait_bit_killable(struct folio *folio, int bit)
{
	return wait_on_bit(&folio->flags, bit, TASK_KILLABLE);
}

void folio_wait_writeback(struct folio *folio)
{
	while (folio_test_writeback(folio))
		folio_wait_bit(folio, PG_writeback);
}

void folio_end_writeback(struct folio *folio)
{
	if (!folio_test_writeback(folio))
		kernel_oops("folio_end_writeback() of a folio that is not "
			    "under writeback");
	clear_and_wake_up_bit(PG_writeback, &folio->flags);
}
