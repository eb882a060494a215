/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: sets of CPUs.
 * Otherwise: there is one CPU, number 0; all threads run on it.
 */
#ifndef _LINUX_CPUMASK_H
#define _LINUX_CPUMASK_H

#include <linux/bitmap.h>
#include <linux/threads.h>

#define nr_cpu_ids 1U
#define nr_cpumask_bits NR_CPUS
#define small_cpumask_bits NR_CPUS

struct cpumask {
	DECLARE_BITMAP(bits, NR_CPUS);
};

typedef struct cpumask cpumask_t;
typedef struct cpumask cpumask_var_t[1];

#define cpumask_bits(mask) ((mask)->bits)
#define to_cpumask(bitmap) ((struct cpumask *)(bitmap))

/* The one CPU. */
extern const struct cpumask kernel_cpus;
#define cpu_possible_mask (&kernel_cpus)
#define cpu_present_mask (&kernel_cpus)
#define cpu_online_mask (&kernel_cpus)
#define cpu_active_mask (&kernel_cpus)
#define cpu_all_mask (&kernel_cpus)
#define cpumask_of(cpu) ((void)(cpu), &kernel_cpus)
#define cpumask_of_node(nid) ((void)(nid), &kernel_cpus)
#define CPU_MASK_ALL { { 1UL } }
#define CPU_MASK_CPU0 { { 1UL } }
#define CPU_MASK_NONE { { 0UL } }

#define num_online_cpus() 1U
#define num_possible_cpus() 1U
#define num_present_cpus() 1U
#define num_active_cpus() 1U
#define cpu_online(cpu) ((cpu) == 0)
#define cpu_possible(cpu) ((cpu) == 0)
#define cpu_present(cpu) ((cpu) == 0)
#define cpu_active(cpu) ((cpu) == 0)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)
#define for_each_present_cpu(cpu) for_each_possible_cpu(cpu)

/* nr_cpu_ids, or more: none. */
static inline unsigned int cpumask_next(int cpu, const struct cpumask *mask)
{
	return (unsigned int)find_next_bit(mask->bits, nr_cpumask_bits,
					   (unsigned long)(cpu + 1));
}

static inline unsigned int cpumask_next_zero(int cpu,
					     const struct cpumask *mask)
{
	return (unsigned int)find_next_zero_bit(mask->bits, nr_cpumask_bits,
						(unsigned long)(cpu + 1));
}

static inline unsigned int cpumask_next_and(int cpu, const struct cpumask *a,
					    const struct cpumask *b)
{
	return (unsigned int)find_next_and_bit(
		a->bits, b->bits, nr_cpumask_bits, (unsigned long)(cpu + 1));
}

#define cpumask_first(mask) cpumask_next(-1, mask)
#define cpumask_first_zero(mask) cpumask_next_zero(-1, mask)
#define cpumask_first_and(a, b) cpumask_next_and(-1, a, b)
#define cpumask_last(mask)                                                     \
	((unsigned int)find_last_bit((mask)->bits, nr_cpumask_bits))
#define cpumask_any(mask) cpumask_first(mask)
#define cpumask_any_and(a, b) cpumask_first_and(a, b)
#define cpumask_any_but(mask, but)                                             \
	(cpumask_first(mask) == (unsigned int)(but) ?                          \
		 cpumask_next((int)(but), mask) :                              \
		 cpumask_first(mask))
#define cpumask_local_spread(i, node) ((void)(i), (void)(node), 0U)
#define for_each_cpu(cpu, mask)                                                \
	for ((cpu) = (int)cpumask_first(mask); (unsigned int)(cpu) < NR_CPUS;  \
	     (cpu) = (int)cpumask_next((int)(cpu), mask))
#define for_each_cpu_and(cpu, a, b)                                            \
	for ((cpu) = (int)cpumask_first_and(a, b);                             \
	     (unsigned int)(cpu) < NR_CPUS;                                    \
	     (cpu) = (int)cpumask_next_and((int)(cpu), a, b))

static inline bool cpumask_test_cpu(int cpu, const struct cpumask *mask)
{
	return test_bit((unsigned int)cpu, mask->bits);
}

static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *mask)
{
	set_bit(cpu, mask->bits);
}

static inline void cpumask_clear_cpu(int cpu, struct cpumask *mask)
{
	clear_bit((unsigned int)cpu, mask->bits);
}

static inline bool cpumask_test_and_set_cpu(int cpu, struct cpumask *mask)
{
	return test_and_set_bit((unsigned int)cpu, mask->bits);
}

static inline bool cpumask_test_and_clear_cpu(int cpu, struct cpumask *mask)
{
	return test_and_clear_bit((unsigned int)cpu, mask->bits);
}

#define __cpumask_set_cpu(cpu, mask) __set_bit(cpu, (mask)->bits)
#define __cpumask_clear_cpu(cpu, mask) __clear_bit(cpu, (mask)->bits)

static inline void cpumask_setall(struct cpumask *mask)
{
	bitmap_fill(mask->bits, nr_cpumask_bits);
}

static inline void cpumask_clear(struct cpumask *mask)
{
	bitmap_zero(mask->bits, nr_cpumask_bits);
}

static inline void cpumask_copy(struct cpumask *to, const struct cpumask *from)
{
	bitmap_copy(to->bits, from->bits, nr_cpumask_bits);
}

#define SP_CPUMASK_OP(name)                                                    \
	static inline bool cpumask_##name(struct cpumask *to,                  \
					  const struct cpumask *a,             \
					  const struct cpumask *b)             \
	{                                                                      \
		return bitmap_##name(to->bits, a->bits, b->bits,               \
				     nr_cpumask_bits);                         \
	}

SP_CPUMASK_OP(and)
SP_CPUMASK_OP(andnot)
SP_CPUMASK_OP(or)
SP_CPUMASK_OP(xor)

#define SP_CPUMASK_IS(name)                                                    \
	static inline bool cpumask_##name(const struct cpumask *a,             \
					  const struct cpumask *b)             \
	{                                                                      \
		return bitmap_##name(a->bits, b->bits, nr_cpumask_bits);       \
	}

SP_CPUMASK_IS(equal)
SP_CPUMASK_IS(intersects)
SP_CPUMASK_IS(subset)

static inline bool cpumask_empty(const struct cpumask *mask)
{
	return bitmap_empty(mask->bits, nr_cpumask_bits);
}

static inline bool cpumask_full(const struct cpumask *mask)
{
	return bitmap_full(mask->bits, nr_cpumask_bits);
}

static inline unsigned int cpumask_weight(const struct cpumask *mask)
{
	return bitmap_weight(mask->bits, nr_cpumask_bits);
}

#define cpumask_size() sizeof(struct cpumask)

/* On the stack, as without CONFIG_CPUMASK_OFFSTACK. */
#define alloc_cpumask_var(mask, gfp) ((void)(mask), (void)(gfp), true)
#define alloc_cpumask_var_node(mask, gfp, node) alloc_cpumask_var(mask, gfp)
#define zalloc_cpumask_var(mask, gfp)                                          \
	((void)(gfp), cpumask_clear(*(mask)), true)
#define zalloc_cpumask_var_node(mask, gfp, node) zalloc_cpumask_var(mask, gfp)
#define free_cpumask_var(mask) ((void)(mask))
#define cpumask_available(mask) ((void)(mask), true)

#endif
