/* SPDX-License-Identifier: GPL-2.0-only */
/* mm/slab.h, as far as the tree's files need it. */
#include "tree_env.h"
