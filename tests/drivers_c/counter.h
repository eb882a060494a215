/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COUNTER_H
#define COUNTER_H

struct thing {
	struct list_head list;
	unsigned long number;
	unsigned int odd : 1;
};

/* cffi lays it out otherwise. */
struct narrow {
	char a;
	long b;
} __attribute__((packed));

enum temper { EVEN, ODD };

unsigned long counter_add(unsigned long n);
struct thing *counter_first(void);
enum temper counter_temper(const struct thing *thing);
struct narrow *counter_narrow(void);
void counter_leak(size_t bytes);
void counter_say(const char *text);
int counter_call(int (*function)(int), int n);
void counter_oops(void);

#endif
