# SPDX-License-Identifier: GPL-2.0-only
# The scanner of recordings: cffi's ffi and lib.
from typing import Any

ffi: Any
lib: Any
