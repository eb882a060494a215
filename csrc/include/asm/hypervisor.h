/* SPDX-License-Identifier: GPL-2.0-only */
/* Otherwise: this is no virtual machine. */
#ifndef _ASM_HYPERVISOR_H
#define _ASM_HYPERVISOR_H

#include <linux/types.h>

enum x86_hypervisor_type {
	X86_HYPER_NATIVE = 0,
	X86_HYPER_VMWARE,
	X86_HYPER_MS_HYPERV,
	X86_HYPER_XEN_PV,
	X86_HYPER_XEN_HVM,
	X86_HYPER_KVM,
	X86_HYPER_JAILHOUSE,
	X86_HYPER_ACRN,
};

#define x86_hyper_type X86_HYPER_NATIVE

static inline bool hypervisor_is_type(enum x86_hypervisor_type type)
{
	return type == x86_hyper_type;
}

#endif
