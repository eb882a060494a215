// SPDX-License-Identifier: GPL-2.0-only
/* Linked before the tree's files: where their code and data start. */
#include "tree.h"

void tree_text_start(void)
{
}

__attribute__((section(".data"), aligned(64))) char tree_data_start[64] = { 1 };
__attribute__((section(".bss"), aligned(64))) char tree_bss_start[64];
