/* SPDX-License-Identifier: GPL-2.0-only */
/* Empty: trace events expand to nothing where they are declared. */
