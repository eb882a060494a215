# SPDX-License-Identifier: GPL-2.0-only
# Each target sets itself up: a virtual environment in .venv, the build in it.
# What is there already is not fetched or built again.
#
#   make run    the main job: Binder's page shrinker under pressure, on real memory
#   make test   the tests            make check-c  the core's C tests, under sanitizers
#   make bench  the benchmarks       make lint     ruff, mypy, stubtest, clang-format
#   make test-all  the tests against the installed wheel, on every CPython that is found
#   make test-asan the tests, with the compiled module under ASan and UBSan
#   make fuzz      the scanner of recordings under any bytes (needs clang): make fuzz ARGS=RUNS=10000000
#   make coverage  of csrc/core, csrc/port and shrinkpy/, by all tests but the slow
#   make kernel-tree  files of Linux 6.12 that tests build unmodified, from Debian's linux-source-6.12
#   make test-kernel  the tests, on a core around the tree's own mm/shrinker.c (KERNEL_SOURCE=...)
#   make clean  what was built       make distclean  and .venv
#
# ARGS goes to the command: make run ARGS="--pressure drop", make test ARGS="-k trace -x"
# (make test ARGS="-n 0 --pdb": one process, and a debugger).

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
CC ?= cc
comma := ,
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# Quiet, and never in the way of what the user wants to see.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet

# What pyproject.toml asks for, installed: $(call install-needs,a list in p).
install-needs = $(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); print(*$(1), sep="\n")' \
	| $(PIP) --requirement /dev/stdin
# Pinned: a new release must not turn an unchanged tree red.
LINT_NEEDS := clang-format==23.1.5 mypy==2.4.1 ruff==0.17.6
ALL_NEEDS := nox==2026.10.20
COVERAGE_NEEDS := coverage==7.17.3 gcovr==8.8

C_SOURCES := $(shell find csrc -name '*.[ch]' -not -path 'csrc/build/*')
CORE_SOURCES := $(wildcard csrc/core/* csrc/port/* csrc/binding/* csrc/recordings/* csrc/include/*/*)

APT := apt-get install -y build-essential python3-dev python3-venv

all: run

run: $(VENV)/built
	@$(BIN)/shrinkpy run $(ARGS)

# Tests start many programs: what those import is compiled once, and kept out of the folders.
PYTEST := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX="$(CURDIR)/build/pycache" $(BIN)/python -m pytest --numprocesses auto
test: $(VENV)/built $(VENV)/test-needs
	@$(PYTEST) $(ARGS)

test-all: $(VENV)/needs $(VENV)/all-needs | needs-cc
	@$(BIN)/nox $(ARGS)

# The package with other flags, in a tree of its own: $(call variant,folder,flags)
define variant
	@rm -rf $(1)
	@mkdir -p $(1)/lib
	@cp -rs "$(CURDIR)/shrinkpy" $(1)/lib/
	@rm -f $(1)/lib/shrinkpy/*.so
	@SHRINKPY_CFLAGS="$(2)" $(BIN)/python -W ignore setup.py --quiet build_ext --build-lib $(1)/lib --build-temp $(1)/build
endef

COV := build/coverage
# Who gets no memory cannot note what it covered, who may write no file cannot write it, and what is
# noted is memory that grows.
COV_WITHOUT := -m "not slow" -k "not a_full_disk and not TestOfTheProcess and not TestNoMemory" --ignore tests/test_life_cycles.py
coverage: $(VENV)/built $(VENV)/test-needs $(VENV)/coverage-needs
	$(call variant,$(COV),--coverage -O0 -fprofile-update=atomic)
	@$(MAKE) --no-print-directory -s -C csrc test-coverage BUILD=../$(COV)/c
	@PYTHONPATH="$(CURDIR)/$(COV)/lib" $(BIN)/coverage run $(BIN)/pytest -q -n auto $(COV_WITHOUT) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under 95
	@$(BIN)/gcovr --root . --filter csrc/core/ --filter csrc/port/ $(COV) --fail-under-line 95

ASAN := build/asan
# A malloc of its own; memory that must not grow, while ASan keeps what was freed. Some tests measure
# resident memory: what ASan keeps stays with it, it gives nothing back every few seconds.
ASAN_RULES := detect_leaks=0:allocator_may_return_null=1:allocator_release_to_os_interval_ms=-1
ASAN_WITHOUT := --ignore tests/test_no_memory.py --ignore tests/test_life_cycles.py \
	--deselect tests/test_recordings_hostile.py::TestMemory
library = $(shell $(CC) -print-file-name=$(1))
test-asan: $(VENV)/built $(VENV)/test-needs
	$(call variant,$(ASAN),-O1 -g -fsanitize=address$(comma)undefined -fno-sanitize-recover=all)
	@PYTHONPATH="$(CURDIR)/$(ASAN)/lib" ASAN_OPTIONS=$(ASAN_RULES) \
		LD_PRELOAD="$(call library,libasan.so) $(call library,libubsan.so) $(call library,libstdc++.so)" \
		$(PYTEST) -q $(ASAN_WITHOUT) $(ARGS)

check-c: | needs-cc
	@$(MAKE) --no-print-directory -s -C csrc test

fuzz: | needs-cc
	@$(MAKE) --no-print-directory -s -C csrc fuzz $(ARGS)

bench: $(VENV)/built
	@$(MAKE) --no-print-directory -s -C csrc
	@$(CC) -O2 -Icsrc/include benchmarks/native_pass.c -Lcsrc/build -lshrinkpy -o csrc/build/native_pass
	@LD_LIBRARY_PATH=csrc/build csrc/build/native_pass
	@$(CC) -O2 -Icsrc/include benchmarks/list_lru_walk.c -Lcsrc/build -lshrinkpy -o csrc/build/list_lru_walk
	@LD_LIBRARY_PATH=csrc/build csrc/build/list_lru_walk
	@$(BIN)/python benchmarks/python_pass.py
	@$(BIN)/python benchmarks/first_pass.py
	@$(BIN)/python benchmarks/recordings.py

lint: $(VENV)/built $(VENV)/test-needs $(VENV)/lint-needs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -c 'import shrinkpy.core; from mypy import stubtest; stubtest.main()' --mypy-config-file pyproject.toml shrinkpy._core shrinkpy._scan
	$(BIN)/clang-format --dry-run -Werror $(C_SOURCES) benchmarks/*.[ch] tests/*.c tests/drivers_c/*.[ch] shrinkpy/drivers/*.c

format: $(VENV)/lint-needs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_SOURCES) benchmarks/*.[ch] tests/*.c tests/drivers_c/*.[ch] shrinkpy/drivers/*.c

# Files of the kernel that register shrinkers, and the kernel's headers: nothing of them is ours, and
# nothing is changed. KERNEL_SOURCE is a tarball, or a tree.
KERNEL_SOURCE ?= /usr/src/linux-source-6.12.tar.xz
KERNEL_FILES := Makefile include mm/shrinker.c mm/shrinker_debug.c mm/list_lru.c fs/mbcache.c drivers/android/binder_alloc.c drivers/android/binder_alloc.h \
	drivers/android/binder_trace.h net/sunrpc/auth.c fs/nfs/nfs42xattr.c fs/nfs/*.h fs/nfsd/nfscache.c \
	fs/nfsd/*.h fs/ext4/extents_status.c fs/ext4/*.h fs/quota/dquot.c
KERNEL_FILES += drivers/gpu/drm/ttm/ttm_pool.c drivers/gpu/drm/ttm/*.h drivers/gpu/drm/panfrost/panfrost_gem_shrinker.c \
	drivers/gpu/drm/panfrost/*.h drivers/gpu/drm/msm/msm_gem_shrinker.c drivers/gpu/drm/msm/*.h drivers/md/dm-bufio.c \
	drivers/md/dm-zoned-metadata.c drivers/md/raid5.c drivers/md/*.h drivers/misc/vmw_balloon.c \
	drivers/virtio/virtio_balloon.c drivers/xen/xenbus/xenbus_probe_backend.c drivers/xen/xenbus/*.h \
	mm/balloon_compaction.c mm/zsmalloc.c
KERNEL_FILES += fs/*.h fs/quota/kqid.c fs/quota/*.h fs/super.c fs/erofs/zutil.c fs/erofs/*.h fs/jbd2/journal.c \
	fs/gfs2/quota.c fs/gfs2/glock.c fs/gfs2/*.h fs/xfs/xfs_qm.c fs/xfs/xfs_buf.c fs/xfs/*.h fs/xfs/libxfs/*.h \
	fs/ubifs/super.c fs/ubifs/shrinker.c fs/ubifs/*.h fs/f2fs/shrinker.c fs/f2fs/*.h fs/btrfs/compression.c \
	fs/btrfs/*.h fs/bcachefs/btree_key_cache.c fs/bcachefs/*.h fs/nfsd/filecache.c lib/rhashtable.c
kernel-tree:
	@test -e "$(KERNEL_SOURCE)" || { echo "there is no $(KERNEL_SOURCE): apt-get install linux-source-6.12, or KERNEL_SOURCE=... names a tarball or a tree of Linux 6.12" >&2; exit 1; }
	@echo "unpacking into kernel-tree ..."
	@rm -rf kernel-tree.new
	@mkdir kernel-tree.new
	@if test -d "$(KERNEL_SOURCE)"; then \
		cd "$(KERNEL_SOURCE)" && cp -r --parents $(KERNEL_FILES) "$(CURDIR)/kernel-tree.new"; \
	else \
		tar -xf "$(KERNEL_SOURCE)" -C kernel-tree.new --strip-components=1 --anchored --wildcards --no-wildcards-match-slash $(foreach file,$(KERNEL_FILES),'*/$(file)'); \
	fi
	@test -f kernel-tree.new/fs/mbcache.c || { echo "$(KERNEL_SOURCE) has no fs/mbcache.c: it is no source of Linux" >&2; exit 1; }
	@rm -rf kernel-tree
	@mv kernel-tree.new kernel-tree

# What was unpacked, or what KERNEL_SOURCE names.
KERNEL_TREE := $(if $(filter command line environment,$(origin KERNEL_SOURCE)),$(KERNEL_SOURCE),$(if $(wildcard kernel-tree),kernel-tree,$(KERNEL_SOURCE)))
build/kernel-core: $(VENV)/built
	@$(BIN)/shrinkpy kernel build --source "$(KERNEL_TREE)" -o $@

test-kernel: build/kernel-core $(VENV)/test-needs
	@SHRINKPY_CORE="$(CURDIR)/build/kernel-core" $(PYTEST) $(ARGS)

# ---- what they stand on

needs-cc:
	@command -v $(CC) >/dev/null || { echo "shrinkpy needs a C compiler. On Debian or Ubuntu: $(APT)" >&2; exit 1; }

needs: needs-cc
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "shrinkpy needs Python 3.11 or newer (PYTHON=... names one). On Debian or Ubuntu: $(APT)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "shrinkpy needs Python's venv module. On Debian or Ubuntu: $(APT)" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || { echo "shrinkpy needs Python's headers (Python.h). On Debian or Ubuntu: $(APT)" >&2; exit 1; }

# The stamp comes last: what was cut off half-made is gone on with.
$(VENV)/needs: | needs
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(call install-needs,p["build-system"]["requires"] + p["project"]["dependencies"])
	@touch $@

# The tree itself, editable; --no-index: all it needs is there.
$(VENV)/built: $(VENV)/needs pyproject.toml setup.py build_ffi.py $(CORE_SOURCES) | needs-cc
	@echo "building ..."
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test-needs: pyproject.toml | $(VENV)/needs
	@$(call install-needs,p["project"]["optional-dependencies"]["test"])
	@touch $@

$(VENV)/all-needs: Makefile | $(VENV)/needs
	@$(PIP) $(ALL_NEEDS)
	@touch $@

$(VENV)/coverage-needs: Makefile | $(VENV)/needs
	@$(PIP) $(COVERAGE_NEEDS)
	@touch $@

$(VENV)/lint-needs: Makefile | $(VENV)/needs
	@$(PIP) $(LINT_NEEDS)
	@touch $@

clean:
	rm -rf build csrc/build *.egg-info shrinkpy/*.so shrinkpy/_core.c $(VENV)/built

distclean: clean
	rm -rf $(VENV) kernel-tree

.PHONY: all run test test-all test-asan coverage check-c bench lint format kernel-tree test-kernel build/kernel-core needs needs-cc clean distclean
