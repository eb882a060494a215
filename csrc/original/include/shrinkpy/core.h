/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's face beside the tree's own linux/shrinker.h: what both define by
 * the same name is the tree's.
 */
#ifndef SP_TREE_CORE_H
#define SP_TREE_CORE_H

#define shrink_control core_shrink_control
#include_next <shrinkpy/core.h>
#undef shrink_control
#undef SHRINK_STOP
#undef SHRINK_EMPTY
#undef SHRINKER_UNIT_BITS

#endif
