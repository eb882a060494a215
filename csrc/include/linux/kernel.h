/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: what everybody includes, and a few macros of its own.
 * Empty: might_sleep() and its like, as without CONFIG_DEBUG_ATOMIC_SLEEP.
 */
#ifndef __KERNEL__
#include_next <linux/kernel.h>
#elif !defined(_LINUX_KERNEL_H)
#define _LINUX_KERNEL_H

#include <stdarg.h>

#include <asm/byteorder.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/instruction_pointer.h>
#include <linux/kconfig.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/linkage.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/sprintf.h>
#include <linux/stddef.h>
#include <linux/stringify.h>
#include <linux/typecheck.h>
#include <linux/types.h>
#include <linux/wordpart.h>

#define STACK_MAGIC 0xdeadbeef
#define READ 0
#define WRITE 1

#ifndef might_sleep
#define might_sleep() ((void)0)
#define might_sleep_if(condition) ((void)(condition))
#define might_resched() ((void)0)
#define might_fault() ((void)0)
#define cant_sleep() ((void)0)
#define cant_migrate() ((void)0)
#define non_block_start() ((void)0)
#define non_block_end() ((void)0)
#endif

#define u64_to_user_ptr(x) ((void __user *)(uintptr_t)(x))

extern const char hex_asc[];
extern const char hex_asc_upper[];
#define hex_asc_lo(x) hex_asc[(x) & 0x0f]
#define hex_asc_hi(x) hex_asc[((x) & 0xf0) >> 4]
#define hex_asc_upper_lo(x) hex_asc_upper[(x) & 0x0f]
#define hex_asc_upper_hi(x) hex_asc_upper[((x) & 0xf0) >> 4]

static inline char *hex_byte_pack(char *to, u8 byte)
{
	*to++ = hex_asc_hi(byte);
	*to++ = hex_asc_lo(byte);
	return to;
}

enum system_states {
	SYSTEM_BOOTING,
	SYSTEM_SCHEDULING,
	SYSTEM_FREEING_INITMEM,
	SYSTEM_RUNNING,
	SYSTEM_HALT,
	SYSTEM_POWER_OFF,
	SYSTEM_RESTART,
	SYSTEM_SUSPEND,
};
#define system_state SYSTEM_RUNNING

#define trace_printk(...) ((void)0)

#endif
