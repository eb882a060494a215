/* SPDX-License-Identifier: GPL-2.0-only */
/* Matches: what a guest and its hypervisor share; a test has them. */
#ifndef _ASM_XEN_HYPERVISOR_H
#define _ASM_XEN_HYPERVISOR_H

struct shared_info;
struct start_info;

extern struct shared_info *HYPERVISOR_shared_info;
extern struct start_info *xen_start_info;

#endif
