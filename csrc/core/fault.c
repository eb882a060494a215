// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation that the kernel would make, by its site: counted, failed on
 * demand, and entered in the ledger. The harness's own bookkeeping is not
 * among them. All of it under machine->lock.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* In front of each allocation; keeps what follows aligned for anything. */
struct header {
	size_t size;
	size_t retired;
};

static const char *const site_names[SP_NR_SITES] = {
	[SP_SITE_SHRINKER] = "shrinker", [SP_SITE_NAME] = "name",
	[SP_SITE_IDR] = "idr",           [SP_SITE_NR_DEFERRED] = "nr_deferred",
	[SP_SITE_INFO] = "info",         [SP_SITE_UNIT] = "unit",
	[SP_SITE_IDA] = "ida",           [SP_SITE_DENTRY] = "dentry",
	[SP_SITE_LIST_LRU] = "list_lru", [SP_SITE_KMALLOC] = "kmalloc",
};

const char *sp_site_name(int site)
{
	return site >= 0 && site < SP_NR_SITES ? site_names[site] : NULL;
}

static void record(struct machine *m, enum sp_site site, int nid, bool failed)
{
	if (m->nr_attempts == m->max_attempts) {
		size_t max = m->max_attempts ? 2 * m->max_attempts : 64;
		void *p = realloc(m->attempts, max * sizeof(*m->attempts));

		if (!p) {
			m->recording = false;
			m->attempts_lost = true; /* rather none than a gap */
			return;
		}
		m->attempts = p;
		m->max_attempts = max;
	}
	m->attempts[m->nr_attempts++] = (struct sp_attempt){ .site = site,
							     .nid = nid,
							     .failed = failed };
}

bool site_attempt(struct machine *m, enum sp_site site, int nid)
{
	bool failed = false;

	if (m->fail_nth && (m->fail_sites & (1u << site)))
		failed = --m->fail_nth == 0;
	if (m->recording)
		record(m, site, nid, failed);
	return !failed;
}

void *site_alloc(struct machine *m, enum sp_site site, int nid, size_t size)
{
	struct header *h;

	if (!site_attempt(m, site, nid))
		return NULL;
	h = calloc(1, sizeof(*h) + size);
	if (!h)
		return NULL;
	h->size = size;
	m->live[site]++;
	m->bytes += size;
	return h + 1;
}

void site_retire(struct machine *m, enum sp_site site, void *p)
{
	struct header *h = (struct header *)p - 1;

	if (h->retired)
		return;
	h->retired = true;
	m->live[site]--;
	m->bytes -= h->size;
}

void site_free(struct machine *m, enum sp_site site, void *p)
{
	struct header *h = p;

	if (!p)
		return;
	site_retire(m, site, p);
	free(h - 1);
}

void sp_fault_fail_nth(struct machine *m, unsigned long nth, unsigned int sites)
{
	machine_lock(m);
	m->fail_nth = nth;
	m->fail_sites = sites;
	machine_unlock(m);
}

unsigned long sp_fault_pending(const struct machine *m)
{
	return READ_ONCE(m->fail_nth);
}

void sp_fault_record(struct machine *m, bool on)
{
	machine_lock(m);
	m->recording = on;
	m->attempts_lost = false;
	m->nr_attempts = 0;
	machine_unlock(m);
}

size_t sp_fault_attempts(struct machine *m, struct sp_attempt *out, size_t max)
{
	size_t n;

	machine_lock(m);
	n = m->attempts_lost ? SIZE_MAX : m->nr_attempts;
	if (max > m->nr_attempts)
		max = m->nr_attempts;
	if (max)
		memcpy(out, m->attempts, max * sizeof(*out));
	machine_unlock(m);
	return n;
}

void sp_ledger_read(struct machine *m, struct sp_ledger *out)
{
	machine_lock(m);
	limbo_drain(m);
	memcpy(out->live, m->live, sizeof(out->live));
	out->bytes = m->bytes;
	out->limbo = m->nr_limbo;
	out->registered = m->nr_listed;
	out->memcgs = m->nr_memcgs;
	machine_unlock(m);
}
