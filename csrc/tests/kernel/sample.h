/* SPDX-License-Identifier: GPL-2.0-only */
/* What the sample driver shows to its test, which is no kernel code. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

/* Each runs in a boundary of the test's; 0, or how often it found it wrong. */
int sample_memory(void);
int sample_locks(void);
int sample_works(void);
int sample_rcu(void);
int sample_waits(void);
int sample_pages(void);
int sample_text(void);

void sample_fill(int n);
int sample_left(void);
void sample_leak(void);

/* These do not come back. */
void sample_bug(void);
void sample_lock_twice(void);
void sample_downgrade_reader(void);
void sample_free_twice(void);
void sample_free_wild(void);
void sample_flush_self(void);
void sample_synchronize_in_reader(void);

/* The scan oopses from now on, with the lock that is released by this. */
extern bool sample_scan_bugs;

#endif
