// SPDX-License-Identifier: GPL-2.0-only
/* A machine: made, closed, asked; its warnings; words for what went wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "mm.h"

enum sp_status explain(struct sp_reason *reason, enum sp_status status,
		       const struct shrinker *s, int nid,
		       const struct mem_cgroup *memcg, const char *fmt, ...)
{
	va_list args;

	if (!reason)
		return status;
	memset(reason, 0, sizeof(*reason));
	reason->status = status;
	reason->nid = nid;
	reason->memcg_ino = memcg ? memcg->ino : 0;
	if (s)
		sp_shrinker_name(s, reason->shrinker, sizeof(reason->shrinker));
	va_start(args, fmt);
	vsnprintf(reason->text, sizeof(reason->text), fmt, args);
	va_end(args);
	return status;
}

void warn(struct machine *m, enum sp_warning_kind kind, const char *text,
	  const char *where, ...)
{
	unsigned long n = m->warnings[SP_WARN] + m->warnings[SP_PR_WARN];
	struct warning *kept = &m->warning[n % SP_KEPT_WARNINGS];
	va_list args;

	snprintf(kept->text, sizeof(kept->text), "%s", text);
	va_start(args, where);
	vsnprintf(kept->where, sizeof(kept->where), where, args);
	va_end(args);
	WRITE_ONCE(m->warnings[kind], m->warnings[kind] + 1);
}

unsigned long sp_warnings(const struct machine *m, enum sp_warning_kind kind)
{
	return (unsigned int)kind < SP_NR_WARNINGS ?
		       READ_ONCE(m->warnings[kind]) :
		       0;
}

bool sp_warning_text(struct machine *m, unsigned int i, char text[96],
		     char where[96])
{
	const struct warning *w;
	unsigned long n;
	bool kept;

	machine_lock(m);
	n = m->warnings[SP_WARN] + m->warnings[SP_PR_WARN];
	kept = i < n && i < SP_KEPT_WARNINGS;
	if (kept) {
		w = &m->warning[(n - 1 - i) % SP_KEPT_WARNINGS];
		memcpy(text, w->text, sizeof(w->text));
		memcpy(where, w->where, sizeof(w->where));
	}
	machine_unlock(m);
	return kept;
}

enum sp_status sp_machine_create(const struct sp_config *config,
				 struct machine **out)
{
	enum sp_status status;
	struct machine *m;

	*out = NULL;
	if (config->nr_nodes < 1 || config->nr_nodes > SP_MAX_NODES)
		return SP_INVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return SP_NOMEM;
	m->nr_nodes = config->nr_nodes;
	m->memcg = config->memcg;
	m->kmem = config->kmem;
	m->max_stall = config->max_stall;
	m->next_serial = 1;
	m->next_ino = config->root_ino ? config->root_ino : 1;
	list_init(&m->shrinker_list);
	list_init(&m->shrinkers);
	list_init(&m->dentries);
	list_init(&m->list_lrus);
	list_init(&m->memcgs);
	status = mm_init(m);
	if (status != SP_OK) {
		free(m);
		return status;
	}
	sync_init(m);
	status = memcg_init(m, config);
	if (status != SP_OK) {
		sync_exit(m);
		mm_exit(m);
		free(m);
		return status;
	}
	*out = m;
	return SP_OK;
}

static enum sp_status may_close(struct machine *m, struct sp_reason *reason)
{
	const struct wait closer = { .named = &m->closer };
	const struct reclaimer *self = reclaimer_find(m);

	if (self && self->depth)
		return explain(reason, SP_DEADLOCK, NULL, -1, NULL,
			       "closing the machine from inside one of its "
			       "passes would wait for that pass for ever");
	if (m->closer == this_thread())
		return explain(reason, SP_DEADLOCK, NULL, -1, NULL,
			       "closing the machine from inside its own close "
			       "would wait for itself");
	if (m->closer && wait_closes_ring(&closer))
		return explain(reason, SP_DEADLOCK, NULL, -1, NULL,
			       "whoever is closing the machine waits, directly "
			       "or through others, for this thread");
	return shrinkers_may_close(m, reason);
}

enum sp_status sp_machine_may_close(struct machine *m, struct sp_reason *reason)
{
	enum sp_status status;

	machine_lock(m);
	status = may_close(m, reason);
	machine_unlock(m);
	return status;
}

enum sp_status sp_machine_close(struct machine *m, struct sp_reason *reason)
{
	const struct wait closer = { .named = &m->closer }, nobody = { 0 };
	enum sp_status status;

	machine_lock(m);
	/* A ring that is there is found before anything is freed. */
	status = may_close(m, reason);
	while (m->closer && status == SP_OK)
		status = machine_wait(m, &closer);
	if (status != SP_OK || m->closed) {
		machine_unlock(m);
		return status;
	}
	WRITE_ONCE(m->closer, this_thread());
	machine_unlock(m);

	status = shrinkers_close(m, reason);

	machine_lock(m);
	/* A pass may still be between two shrinkers; tidy makes it wake us. */
	while (status == SP_OK) {
		WRITE_ONCE(m->tidy, true);
		if (!passes_running(m))
			break;
		status = machine_wait(m, &nobody);
	}
	if (status == SP_OK) {
		limbo_drain(m);
		WRITE_ONCE(m->closed, true);
	}
	WRITE_ONCE(m->closer, NULL);
	machine_wake(m);
	machine_unlock(m);
	return status;
}

void sp_machine_destroy(struct machine *m)
{
	struct sp_reason reason;

	if (!m)
		return;
	/* Nothing of the embedder's is there to be asked any more. */
	m->hooks.wait_poll = NULL;
	if (!m->closed)
		sp_machine_close(m, &reason);
	list_lru_exit(m);
	memcg_exit(m);
	trace_exit(m);
	lockdep_exit(m);
	sync_exit(m);
	mm_exit(m);
	free(m->attempts);
	free(m);
}

bool sp_machine_busy(struct machine *m)
{
	bool busy;

	machine_lock(m);
	busy = passes_running(m);
	machine_unlock(m);
	return busy;
}

void sp_machine_set_hooks(struct machine *m, const struct sp_hooks *hooks,
			  void *data)
{
	machine_lock(m);
	m->hooks = *hooks;
	m->hooks_data = data;
	machine_unlock(m);
}

int sp_machine_nr_nodes(const struct machine *m)
{
	return m->nr_nodes;
}

bool sp_machine_memcg_enabled(const struct machine *m)
{
	return m->memcg;
}

bool sp_machine_kmem(const struct machine *m)
{
	return READ_ONCE(m->kmem);
}

void sp_machine_set_kmem(struct machine *m, bool on)
{
	WRITE_ONCE(m->kmem, on);
}

unsigned long sp_machine_max_stall(const struct machine *m)
{
	return READ_ONCE(m->max_stall);
}

void sp_machine_set_max_stall(struct machine *m, unsigned long scans)
{
	WRITE_ONCE(m->max_stall, scans);
}

unsigned long sp_machine_nr_registered(const struct machine *m)
{
	return READ_ONCE(m->nr_listed);
}

unsigned long sp_machine_slabs_scanned(const struct machine *m)
{
	const struct reclaimer *r;
	unsigned long sum = 0;

	for (r = LOAD_ACQUIRE(m->reclaimers); r; r = r->next)
		sum += READ_ONCE(r->slabs_scanned);
	return sum;
}
