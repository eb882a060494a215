// SPDX-License-Identifier: GPL-2.0-only
/* Linked after the tree's files: where their code and data end. */
#include "tree.h"

void tree_text_end(void)
{
}

__attribute__((section(".data"), aligned(64))) char tree_data_end[64] = { 1 };
__attribute__((section(".bss"), aligned(64))) char tree_bss_end[64];
