// SPDX-License-Identifier: GPL-2.0-only
/* Clocks and random numbers. */
#include <time.h>

#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/string.h>

static u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

u64 kernel_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

u64 kernel_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* When it was first asked is INITIAL_JIFFIES. */
unsigned long kernel_jiffies(void)
{
	static u64 start;
	u64 now = kernel_monotonic_ns(), none = 0;

	if (__atomic_compare_exchange_n(&start, &none, now, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		none = now;
	/* Another thread may have asked first, and its clock been read later. */
	if (now < none)
		now = none;
	return INITIAL_JIFFIES + (now - none) / TICK_NSEC;
}

/* A counter, and its bits mixed: two rounds of multiply and fold. */
u64 get_random_u64(void)
{
	static u64 state;
	u64 x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ULL,
				   __ATOMIC_RELAXED);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

void get_random_bytes(void *buf, size_t len)
{
	u8 *to = buf;

	while (len) {
		u64 word = get_random_u64();
		size_t n = len < sizeof(word) ? len : sizeof(word);

		memcpy(to, &word, n);
		to += n;
		len -= n;
	}
}
