/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches. */
#ifndef _LINUX_STRINGIFY_H
#define _LINUX_STRINGIFY_H

#define SP_STRING(...) #__VA_ARGS__
#define __stringify(...) SP_STRING(__VA_ARGS__)
#define FILE_LINE __FILE__ ":" __stringify(__LINE__)

#endif
