/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Matches: IS_ENABLED() of what is defined as 1.
 * Otherwise: there is no .config; an option is on if whoever compiles says so.
 */
#ifndef _LINUX_KCONFIG_H
#define _LINUX_KCONFIG_H

/*
 * What a machine like this one has in any case. Each of them may be given with
 * -D, and others may.
 */
#ifndef CONFIG_64BIT
#define CONFIG_64BIT 1
#endif
#ifndef CONFIG_MMU
#define CONFIG_MMU 1
#endif
#ifndef CONFIG_MULTIUSER
#define CONFIG_MULTIUSER 1
#endif
#ifndef CONFIG_PRINTK
#define CONFIG_PRINTK 1
#endif
#ifndef CONFIG_BUG
#define CONFIG_BUG 1
#endif
/* Of jiffies.h, and no other. */
#undef CONFIG_HZ
#define CONFIG_HZ 250

#if __has_include_next(<linux/kconfig.h>)
/*
 * A whole kernel's include/ stands behind: a driver out of it is built because
 * the option that its Makefile asks for is on.
 */
#ifndef CONFIG_BLOCK
#define CONFIG_BLOCK 1
#endif
#ifndef CONFIG_FILE_LOCKING
#define CONFIG_FILE_LOCKING 1
#endif
#ifndef CONFIG_FSNOTIFY
#define CONFIG_FSNOTIFY 1
#endif
#ifndef CONFIG_NET
#define CONFIG_NET 1
#endif
#ifndef CONFIG_INET
#define CONFIG_INET 1
#endif
#ifndef CONFIG_QUOTA
#define CONFIG_QUOTA 1
#endif
#ifndef CONFIG_XFS_QUOTA
#define CONFIG_XFS_QUOTA 1
#endif
#ifndef CONFIG_EROFS_FS_ZIP
#define CONFIG_EROFS_FS_ZIP 1
#endif
#ifndef CONFIG_SUNRPC
#define CONFIG_SUNRPC 1
#endif
#ifndef CONFIG_NFS_V4
#define CONFIG_NFS_V4 1
#endif
#ifndef CONFIG_NFS_V4_1
#define CONFIG_NFS_V4_1 1
#endif
#ifndef CONFIG_NFS_V4_2
#define CONFIG_NFS_V4_2 1
#endif
#ifndef CONFIG_NFSD
#define CONFIG_NFSD 1
#endif
#ifndef CONFIG_NFSD_V4
#define CONFIG_NFSD_V4 1
#endif
#ifndef CONFIG_ZSMALLOC_CHAIN_SIZE
#define CONFIG_ZSMALLOC_CHAIN_SIZE 8
#endif
#endif

/* A 1 becomes two arguments, and moves the answer to the second place. */
#define SP_ONE_1 0,
#define SP_SECOND(first, second, ...) second
#define SP_IS_1_PASTED(pasted) SP_SECOND(pasted 1, 0, 0)
#define SP_IS_1_EXPANDED(x) SP_IS_1_PASTED(SP_ONE_##x)
#define __is_defined(x) SP_IS_1_EXPANDED(x)

#define IS_BUILTIN(option) __is_defined(option)
#define IS_MODULE(option) __is_defined(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_ENABLED(option)

#endif
