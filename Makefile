# timeglas: `make help` lists the targets. CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR are the
# user's. Sources are found by folder, so a new file needs no edit here. Everything that is built is
# put into build/$(PROFILE)/.
PROFILE ?= release
PROFILES := release debug asan tsan fuzz cov
ifeq ($(filter $(PROFILE),$(PROFILES)),)
$(error PROFILE=$(PROFILE): use one of $(PROFILES))
endif
B := build/$(PROFILE)
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
SAY := @$(if $(filter 1,$(V)),:,echo)
comma := ,
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
PYTHON := /usr/bin/python3
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

VERSION := $(shell sed -n 's/^.define TG_VERSION "\(.*\)"/\1/p' include/timeglas/version.h)
SOVERSION := 0

ifneq ($(filter fuzz,$(PROFILE)),)
CC := clang
endif
CC ?= cc
# WERROR=1, which .ci/run and `make lint` set, makes every warning an error.
WERROR ?= 0
WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes \
  -Wpointer-arith $(if $(filter 1,$(WERROR)),-Werror)
BASE_CFLAGS := -std=gnu11 -g -fno-common -fPIC $(WARN)
release_CFLAGS := -O2 -fstack-protector-strong -fstack-clash-protection
# The user's own choice of _FORTIFY_SOURCE (dpkg-buildflags has one) goes before ours.
release_CPPFLAGS := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=3)
release_LDFLAGS := -Wl,-z,relro,-z,now
debug_CFLAGS := -O0
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan_CFLAGS := -O1 $(SANITIZE)
asan_LDFLAGS := -fsanitize=address,undefined
tsan_CFLAGS := -O1 -fsanitize=thread -fno-omit-frame-pointer
tsan_LDFLAGS := -fsanitize=thread
fuzz_CFLAGS := -O1 -fsanitize=fuzzer-no-link $(SANITIZE)
fuzz_LDFLAGS := -fsanitize=address,undefined
cov_CFLAGS := -O0 --coverage
cov_LDFLAGS := --coverage

ALL_CPPFLAGS := -D_GNU_SOURCE -I. -Iinclude -Iclient -Iserver -I$(B)/gen \
  $($(PROFILE)_CPPFLAGS) $(CPPFLAGS)
ALL_CFLAGS := $(BASE_CFLAGS) $($(PROFILE)_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $($(PROFILE)_LDFLAGS) $(LDFLAGS)
PIE_LDFLAGS := $(if $(filter release,$(PROFILE)),-pie)

CORE_SRC := $(wildcard core/*.c)
LIB_SRC := $(wildcard client/lib/*.c)
CLI_SRC := $(wildcard client/cli/*.c)
# libcurl for the command alone, which loads it with the first request.
LATE_SRC := $(wildcard client/late/*.c)
SERVER_SRC := $(filter-out server/main.c server/wipe/preload.c server/witness/main.c,\
  $(wildcard server/*/*.c))
# Compiled on its own, and preloaded into the embedded Redis.
PRELOAD_SRC := server/wipe/preload.c server/wipe/realloc.c
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/*.c)
PROGRAM_SRC := $(CORE_SRC) $(LIB_SRC) $(CLI_SRC) $(LATE_SRC) $(SERVER_SRC) $(BENCH_SRC) \
  server/main.c server/wipe/preload.c server/witness/main.c
PEERS := $(wildcard bench/peers/*)
SYMBOL_SRC := $(wildcard tests/symbols/*.c)
MAN := $(wildcard docs/man/*.[1-8])
# One library, in this order: a file uses what stands before it.
LUA_SRC := $(patsubst %,server/store/functions/%.lua,\
  base record session subject upload read idempotency reap server)
LUA_ALL := $(B)/gen/schema.lua $(LUA_SRC) $(B)/gen/register.lua
SCHEMA := $(B)/gen/store/schema.h $(B)/gen/schema.lua $(B)/gen/register.lua
LUA_OBJ := $(B)/obj/gen/functions_lua.o

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
SERVER_LIBS := -levent_openssl -levent_core -levent_extra -lssl -lcrypto -lhiredis -lsodium \
  -ljansson -linih
LIB_LIBS := -lcurl -lssl -lcrypto -lsodium -ljansson
CLI_LIBS := $(filter-out -lcurl,$(LIB_LIBS)) -linih
TEST_LIBS := $(SERVER_LIBS) -lcurl -lcmocka -lz -lm
# Nothing in the server calls jemalloc by name, so without --no-as-needed a linker may drop it, and
# with it the wiping of freed memory. A sanitizer brings its own allocator.
WIPING := $(filter release debug cov,$(PROFILE))
JEMALLOC := -Wl,--push-state,--no-as-needed -ljemalloc -Wl,--pop-state
MALLOC_LIBS := $(if $(WIPING),$(JEMALLOC))
NO_UNDEFINED := -Wl,-z,defs

## all: timeglasd, timeglas, timeglas-witness, timeglas-bench and libtimeglas (.a, .so) into
##   build/$(PROFILE)/
all: $(B)/timeglasd $(B)/timeglas $(B)/timeglas-witness $(B)/timeglas-bench $(B)/libtimeglas.so \
  $(if $(WIPING),$(B)/libtimeglas-wipe.so)

# Before the first compilation: a missing package is named together with its cure.
$(B)/.packages: tools/deps.sh
	@mkdir -p $(@D)
	@tools/deps.sh --check build
	@touch $@

# What the variables say is kept in files, on which depends what is made with them: how to compile,
# how to link, and which source files there are (a source that was removed must leave the archives).
# Such a file is written only when what it says has changed.
quoted = '$(subst ','\'',$(1))'
remember = @mkdir -p $(@D); echo $(quoted) | cmp -s - $@ || echo $(quoted) >$@
$(B)/.flags: FORCE
	$(call remember,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS))
$(B)/.link: FORCE
	$(call remember,$(PIE_LDFLAGS) $(ALL_LDFLAGS) $(LDLIBS))
$(B)/.files: FORCE
	$(call remember,$(PROGRAM_SRC) $(LUA_SRC) $(PEERS))
FORCE:

$(B)/libcore.a: $(call obj,$(CORE_SRC))
$(B)/libtimeglas.a: $(call obj,$(CORE_SRC) $(LIB_SRC))
$(B)/libserver.a: $(call obj,$(SERVER_SRC)) $(LUA_OBJ)
$(B)/%.a: $(B)/.files
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

# The shared library exports the functions of include/timeglas/ and nothing else.
$(B)/libtimeglas.so.$(SOVERSION): $(call obj,$(CORE_SRC) $(LIB_SRC)) client/libtimeglas.map \
  $(B)/.link $(B)/.files
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) \
	  $(if $(filter release debug,$(PROFILE)),$(NO_UNDEFINED)) \
	  -Wl,--version-script,client/libtimeglas.map \
	  -o $@ $(filter %.o,$^) $(LIB_LIBS) $(LDLIBS)
$(B)/libtimeglas.so: $(B)/libtimeglas.so.$(SOVERSION)
	$(Q)ln -sf $(<F) $@

# What is declared once, in server/store/schema.def. A file that would not change is left alone.
$(B)/.schema: tools/schema.py server/store/schema.def \
  include/timeglas/errors.h include/timeglas/retention.h
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/schema.py header $(B)/gen/store/schema.h
	$(Q)$(PYTHON) tools/schema.py lua $(B)/gen/schema.lua
	$(Q)$(PYTHON) tools/schema.py register $(B)/gen/register.lua
	@touch $@
$(SCHEMA): $(B)/.schema ;
# Files as one C string: each byte as a number, and the NUL
as-bytes = cat $(1) | od -An -v -tx1 | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0};'
# The Function library as a C string constant: store_functions_lua, store_functions_lua_len
$(B)/gen/functions_lua.c: $(LUA_ALL) $(B)/.files
	@mkdir -p $(@D)
	$(Q)(echo 'extern const char store_functions_lua[];'; \
	  echo 'extern const unsigned store_functions_lua_len;'; \
	  echo 'const char store_functions_lua[] = {'; $(call as-bytes,$(LUA_ALL)); \
	  echo 'const unsigned store_functions_lua_len = sizeof store_functions_lua - 1;') >$@
# The configurations of what is compared with, likewise: peers_nginx_conf, peers_handler_lua, …
peer_name = peers_$(subst .,_,$(notdir $(1)))
$(B)/gen/peers.c: $(PEERS) $(B)/.files Makefile
	@mkdir -p $(@D)
	$(Q)($(foreach f,$(PEERS),echo 'extern const char $(call peer_name,$f)[];'; \
	  echo 'const char $(call peer_name,$f)[] = {'; $(call as-bytes,$f);)) >$@
$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/.flags | $(B)/.packages
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/obj/%.o: %.c $(B)/.flags | $(B)/.packages $(B)/.schema
	@mkdir -p $(@D)
	$(SAY) "CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

SERVER_OBJ := $(call obj,server/main.c) $(B)/libserver.a $(B)/libcore.a
link-program = $(CC) $(ALL_CFLAGS) $(PIE_LDFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^)
link-server = $(link-program) $(SERVER_LIBS) $(MALLOC_LIBS) $(LDLIBS)
$(B)/timeglasd: $(SERVER_OBJ) $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(link-server)
# It links what it uses alone: a witness's machine needs no Redis client.
WITNESS_LIBS := -Wl,--as-needed $(SERVER_LIBS) -Wl,--no-as-needed
$(B)/timeglas-witness: $(call obj,server/witness/main.c) $(B)/libserver.a $(B)/libcore.a $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(link-program) $(WITNESS_LIBS) $(LDLIBS)
$(B)/timeglas: $(call obj,$(CLI_SRC) $(LATE_SRC)) $(B)/libtimeglas.a $(B)/.link $(B)/.files
	$(SAY) "LD $@"
	$(Q)$(link-program) $(CLI_LIBS) $(LDLIBS)

$(B)/libbench.a: $(call obj,$(filter-out bench/main.c,$(BENCH_SRC))) $(B)/obj/gen/peers.o
$(B)/timeglas-bench: $(call obj,bench/main.c) $(B)/libbench.a $(B)/libserver.a \
  $(B)/libtimeglas.a $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(link-program) $(SERVER_LIBS) -lcurl -lm $(LDLIBS)

$(B)/libtimeglas-wipe.so: $(call obj,$(PRELOAD_SRC)) $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ \
	  $(filter %.o,$^) $(LDLIBS)

# Unit tests: one program each, archives searched in order, so a test links only what it uses.
# At -O2 these two warnings do not know that a failed assertion ends a case.
TEST_WARN := -Wno-maybe-uninitialized -Wno-format-truncation
$(B)/unit/%: tests/unit/%.c $(B)/libbench.a $(B)/libserver.a $(B)/libtimeglas.a \
  $(B)/.flags $(B)/.link
	@mkdir -p $(@D)
	$(SAY) "CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) $(TEST_WARN) $(PIE_LDFLAGS) \
	  $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS) $(LDLIBS)
# The files of the timeglas command are in no archive.
$(B)/unit/test_audit_tags: $(call obj,client/cli/audit_tags.c)
## unit-NAME: build and run tests/unit/test_NAME.c (PROFILE=asan: with sanitizers)
unit-%: $(B)/unit/test_%
	./$<
## units: build every unit test
units: $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))

# Checks -------------------------------------------------------------------------------------------

## check: build, then layers, symbols, unit tests and a smoke of the system tests: under a minute
check:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all units
	@tests/run check

## layers: no file uses one of a layer above it, or another in a circle; no export is without a user
layers: $(call obj,$(PROGRAM_SRC)) $(LUA_OBJ) $(B)/obj/gen/peers.o
	@$(PYTHON) tools/layers.py --self-test
	@$(PYTHON) tools/layers.py --build $(B)

# The server with one object too many; each opens with the fault that the check must find. Some of
# them are linked in another way.
BAD_SERVERS := $(patsubst tests/symbols/%.c,$(B)/symbols/%,$(SYMBOL_SRC))
$(B)/symbols/unlisted_library: SERVER_LIBS += -lcurl
STATIC_SODIUM := $(subst -lsodium,-l:libsodium.a,$(SERVER_LIBS))
STATIC_OPENSSL := $(subst -lssl -lcrypto,-l:libssl.a -l:libcrypto.a,$(SERVER_LIBS))
$(B)/symbols/static_sodium $(B)/symbols/renamed_sodium: SERVER_LIBS := $(STATIC_SODIUM)
$(B)/symbols/static_openssl: SERVER_LIBS := $(STATIC_OPENSSL)
$(B)/symbols/search_path: BAD_LDFLAGS := -Wl,-rpath,/opt/other -Wl,--enable-new-dtags
$(B)/symbols/executable_stack: BAD_LDFLAGS := -Wl,-z,execstack
$(B)/symbols/writable_code: BAD_LDFLAGS := -Wl,--no-warn-rwx-segments
$(B)/symbols/stripped: BAD_AFTER := strip
$(B)/symbols/nameless_code: BAD_AFTER := objcopy --strip-symbol=fold
$(B)/symbols/renamed_sodium: BAD_AFTER := tests/symbols/rename.sh
$(BAD_SERVERS): $(B)/symbols/%: $(B)/obj/tests/symbols/%.o $(SERVER_OBJ) $(B)/libtimeglas.a \
  $(B)/.link Makefile tests/symbols/rename.sh
	@mkdir -p $(@D)
	$(Q)$(if $(filter %/static_server,$@),$(CC) -static -o $@ $<,\
	  $(link-server) $(BAD_LDFLAGS))
	$(if $(BAD_AFTER),$(Q)$(BAD_AFTER) $@)
## docs: make the tables of docs/store.md anew, of server/store/schema.def
docs:
	@$(PYTHON) tools/schema.py docs docs/store.md

## check-symbols: the server imports, links and holds nothing that opens an envelope; and the check
##   finds each of the bad servers that are built for it
check-symbols: $(B)/timeglasd $(BAD_SERVERS)
	@tools/check-symbols.py $(B)/timeglasd
	@tools/check-symbols.py --must-fail $(BAD_SERVERS)

## lint: warnings, cppcheck, clang-tidy, layers, man pages, shell and Python scripts, white space
lint:
	@tools/deps.sh build test lint
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=debug WERROR=1 all units
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release layers
	@tools/lint.sh

# dpkg-buildflags quotes what it prints for the shell.
DEBIAN_FLAGS := DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --export=cmdline
## debian-flags: a build with the flags of a Debian package, in build/debian, without a warning
debian-flags:
	@tools/deps.sh build
	@eval "$(MAKE) --no-print-directory -j$(JOBS) B=build/debian WERROR=1 \
	  $$($(DEBIAN_FLAGS)) all"
	@grep -q -e -Wdate-time build/debian/.flags && grep -q -e '-z,relro' build/debian/.link
	@tools/check-symbols.py build/debian/timeglasd

## test: set up, build, run every test; ends with "N passed, N failed, N skipped"
test:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all units check-symbols
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=asan all units
	@tests/run

## test-all: the same, then a build with Debian's flags, memcheck and the long tests (floods, large
##   stores, long faults), which have a closing line of their own
test-all: test
	@$(MAKE) --no-print-directory debian-flags
	@tests/run valgrind long

## coverage: line coverage of core/, server/ and client/ by all tests; fails under 85 %
coverage:
	@tools/deps.sh build test cov
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=cov all units
	@find build/cov -name '*.gcda' -delete
	@TIMEGLAS_BUILD=build/cov tests/run unit system
	@gcovr --root . --object-directory build/cov --filter 'core/' --filter 'server/' \
	  --filter 'client/' --fail-under-line 85 --print-summary

FUZZ_S ?= 30
## fuzz: run each fuzzer of tests/fuzz for FUZZ_S seconds (30)
fuzz:
	@tools/deps.sh build fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=fuzz fuzzers
	@tests/fuzz/run $(FUZZ_S)
fuzzers: $(patsubst tests/fuzz/%.c,$(B)/%,$(FUZZ_SRC))
$(B)/fuzz_%: tests/fuzz/fuzz_%.c $(B)/libserver.a $(B)/libtimeglas.a $(B)/.flags $(B)/.link
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $< \
	  $(filter %.a,$^) $(SERVER_LIBS) -lcurl $(LDLIBS)

# To use -------------------------------------------------------------------------------------------

## demo: set up, build, and show each promise kept (FILES="a.pdf b.mp4": with files of yours, too)
demo:
	@tools/deps.sh build demo
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@tests/demo/demo.sh $(FILES)

## run: a development server to play with, in build/dev; ends with Ctrl-C
run:
	@tools/deps.sh build run
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@echo 'In another shell:'
	@echo '  . build/dev/env'
	@echo '  export TIMEGLAS_CERT=$$TIMEGLAS_UPLOADER_CERT TIMEGLAS_KEY=$$TIMEGLAS_UPLOADER_KEY'
	@echo '  build/release/timeglas policy'
	@exec build/release/timeglasd --dev build/dev

BENCH_OUT ?= build/bench
BENCH ?= expiry throughput latency mixed connect scale live seal
BENCH_ARGS ?=
## bench: how late blobs end, how fast and at what cost they pass, next to peers; figures and plots
##   go to BENCH_OUT (build/bench). BENCH="throughput latency": only these; also reaper, memory,
##   floods. BENCH_ARGS=--quick: options of timeglas-bench.
bench:
	@tools/deps.sh build run bench
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@mkdir -p $(BENCH_OUT)
	@failed=0; for b in $(BENCH); do out=$(BENCH_OUT)/$$b; \
	  if [ -f bench/$$b.py ]; then \
	    case $$b in reaper) set -- spread same ;; *) set -- '' ;; esac; : >$$out.txt; \
	    for what; do echo "bench/$$b.py $$what"; \
	      $(PYTHON) bench/$$b.py $$what >>$$out.txt || failed=1; done; \
	    cat $$out.txt; continue; \
	  fi; \
	  set -- $(BENCH_ARGS) --json $$out.json; \
	  case $$b in connect|seal) ;; *) set -- "$$@" --plot $$out.svg ;; esac; \
	  echo "timeglas-bench $$b $$*"; \
	  build/release/timeglas-bench $$b "$$@" >$$out.txt || failed=1; cat $$out.txt; \
	done; exit $$failed

## deps: install the Debian packages that are missing (as root, or through sudo)
deps:
	@tools/deps.sh build run demo test lint cov fuzz bench

INSTALL ?= install
# A page of section 3 is found under the name of each function that it describes (n, of the page f).
names-of-page = sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \([a-z_]*\).*/\1/p'
each-function = for f in $(filter %.3,$(MAN)); do \
  for n in $$($(names-of-page) $$f); do $(1); done; done
D := $(DESTDIR)$(PREFIX)
DOC := $(D)/share/doc/timeglas
## install: programs, library, headers, man pages, examples below DESTDIR and PREFIX
# Nothing that is built has PREFIX in it: files that name it are written here, so nothing in the
# build folder is made again.
install: all
	$(INSTALL) -d $(D)/bin $(D)/lib/pkgconfig $(D)/lib/timeglas $(D)/include/timeglas \
	  $(DOC)/examples
	$(INSTALL) -m 755 $(B)/timeglasd $(B)/timeglas $(B)/timeglas-witness $(D)/bin/
	$(INSTALL) -m 644 $(B)/libtimeglas.a $(B)/libtimeglas.so.$(SOVERSION) $(D)/lib/
	ln -sf libtimeglas.so.$(SOVERSION) $(D)/lib/libtimeglas.so
	$(if $(WIPING),$(INSTALL) -m 644 $(B)/libtimeglas-wipe.so $(D)/lib/timeglas/)
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' client/timeglas.pc.in \
	  >$(D)/lib/pkgconfig/timeglas.pc
	$(INSTALL) -m 644 include/timeglas/*.h $(D)/include/timeglas/
	$(INSTALL) -m 644 LICENSE README.md CHANGES.md CONTRIBUTING.md SECURITY.md $(DOC)/
	$(INSTALL) -d $(DOC)/docs/bench $(DOC)/docs/decisions $(DOC)/docs/states \
	  $(DOC)/docs/vectors/sealed
	$(INSTALL) -m 644 $(wildcard docs/*.*) $(DOC)/docs/
	$(INSTALL) -m 644 $(wildcard docs/decisions/*) $(DOC)/docs/decisions/
	$(INSTALL) -m 644 $(wildcard docs/states/*.svg) $(DOC)/docs/states/
	$(INSTALL) -m 644 $(wildcard docs/vectors/*.*) $(DOC)/docs/vectors/
	$(INSTALL) -m 644 $(wildcard docs/vectors/sealed/*) $(DOC)/docs/vectors/sealed/
	$(INSTALL) -m 644 $(wildcard docs/bench/*) $(DOC)/docs/bench/
	$(INSTALL) -m 644 $(wildcard docs/examples/*.*) $(DOC)/examples/
	for f in $(wildcard deploy/*); do \
	  sed 's|/usr/local/|$(PREFIX)/|g' $$f >$(DOC)/examples/$${f##*/}; done
	for f in $(MAN); do s=$(D)/share/man/man$${f##*.}; \
	  $(INSTALL) -d $$s; $(INSTALL) -m 644 $$f $$s/; done
	$(call each-function,m=$(D)/share/man/man3/$$n.3; [ -e $$m ] || ln -s $${f##*/} $$m)
## uninstall: remove what install put there
uninstall:
	rm -f $(D)/bin/timeglasd $(D)/bin/timeglas $(D)/bin/timeglas-witness
	rm -f $(D)/lib/pkgconfig/timeglas.pc
	rm -f $(D)/lib/libtimeglas.a $(D)/lib/libtimeglas.so.$(SOVERSION) $(D)/lib/libtimeglas.so
	rm -rf $(D)/lib/timeglas $(D)/include/timeglas $(DOC)
	$(call each-function,rm -f $(D)/share/man/man3/$$n.3)
	for f in $(MAN); do rm -f $(D)/share/man/man$${f##*.}/$${f##*/}; done

## clean: remove everything that was built
clean:
	rm -rf build
## help: this list
help:
	@echo 'Targets (PROFILE=$(subst $() ,|,$(PROFILES)); V=1 shows commands):'
	@sed -n 's/^## \([A-Za-z-]*\): /\1\t/p; s/^##  /\t/p' Makefile | \
	  awk -F '\t' '$$1 { name = $$1 } { print name "\t" NR "\t  " $$1 "\t" $$2 }' | \
	  sort -t "$$(printf '\t')" -k 1,1 -k 2,2n | cut -f 3- | expand -t 18

.PHONY: all units check layers docs check-symbols lint debian-flags test test-all coverage fuzz \
  fuzzers demo run bench deps install uninstall clean help FORCE
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
