# SPDX-License-Identifier: GPL-2.0-only
__import__("setuptools").setup(cffi_modules=["build_ffi.py:ffibuilder"])
