# timeglas: `make help` lists the targets. CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR are yours.
# Sources are found by folder; a new file needs no edit here. Everything built stands in build/$(PROFILE)/.
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

VERSION := $(shell sed -n 's/^.define TG_VERSION "\(.*\)"/\1/p' include/timeglas/timeglas.h)
SOVERSION := 0

ifneq ($(filter fuzz,$(PROFILE)),)
CC := clang
endif
CC ?= cc
WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Werror
BASE_CFLAGS := -std=gnu11 -g -fno-common -fPIC $(WARN)
release_CFLAGS := -O2 -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
release_LDFLAGS := -Wl,-z,relro,-z,now
debug_CFLAGS := -O0
asan_CFLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan_LDFLAGS := -fsanitize=address,undefined
tsan_CFLAGS := -O1 -fsanitize=thread -fno-omit-frame-pointer
tsan_LDFLAGS := -fsanitize=thread
fuzz_CFLAGS := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz_LDFLAGS := -fsanitize=address,undefined
cov_CFLAGS := -O0 --coverage
cov_LDFLAGS := --coverage

ALL_CPPFLAGS := -D_GNU_SOURCE -I. -Iinclude -Iclient -Iserver -I$(B)/gen $(CPPFLAGS)
ALL_CFLAGS := $(BASE_CFLAGS) $($(PROFILE)_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $($(PROFILE)_LDFLAGS) $(LDFLAGS)
PIE_LDFLAGS := $(if $(filter release,$(PROFILE)),-pie)

CORE_SRC := $(wildcard core/*.c)
LIB_SRC := $(wildcard client/lib/*.c)
CLI_SRC := $(wildcard client/cli/*.c)
SERVER_SRC := $(filter-out server/main.c server/wipe/preload.c,$(wildcard server/*/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard bench/*.c)
SYMBOL_SRC := $(wildcard tests/symbols/*.c)
MAN := $(wildcard docs/man/*.[1-8])
# One library, in this order: a file uses what stands before it.
LUA_SRC := $(patsubst %,server/store/functions/%.lua,base record session upload read once reap server)
LUA_ALL := $(B)/gen/schema.lua $(LUA_SRC) $(B)/gen/register.lua
SCHEMA := $(B)/gen/store/schema.h $(B)/gen/schema.lua $(B)/gen/register.lua
LUA_OBJ := $(B)/obj/gen/functions_lua.o

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
SERVER_LIBS := -levent_openssl -levent_core -levent_extra -lssl -lcrypto -lhiredis -lsodium -ljansson -linih
LIB_LIBS := -lcurl -lssl -lcrypto -lsodium -ljansson
CLI_LIBS := $(LIB_LIBS) -linih
TEST_LIBS := $(SERVER_LIBS) -lcurl -lcmocka -lz -lm
# Nothing in the server calls jemalloc by name, so without --no-as-needed a linker may drop it, and with it the wiping of freed memory.
# A sanitizer brings its own allocator.
WIPING := $(filter release debug cov,$(PROFILE))
MALLOC_LIBS := $(if $(WIPING),-Wl$(comma)--push-state$(comma)--no-as-needed -ljemalloc -Wl$(comma)--pop-state)

## all: timeglasd, timeglas, timeglas-bench and libtimeglas (.a, .so) into build/$(PROFILE)/
all: $(B)/timeglasd $(B)/timeglas $(B)/timeglas-bench $(B)/libtimeglas.so $(B)/timeglas.pc $(if $(WIPING),$(B)/libtimeglas-wipe.so)

# Before the first compilation: a missing package is named together with its cure.
$(B)/.packages: tools/deps.sh
	@mkdir -p $(@D)
	@tools/deps.sh --check build
	@touch $@

# What make variables say is remembered, each in a file that changes when they do, and what is made of them depends on it:
# how to compile, how to link, where it is to be installed, and which files there are (a file that went leaves no trace in an archive).
remember = @mkdir -p $(@D); echo '$(subst ','\'',$(1))' | cmp -s - $@ || echo '$(subst ','\'',$(1))' >$@
$(B)/.flags: FORCE
	$(call remember,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS))
$(B)/.link: FORCE
	$(call remember,$(PIE_LDFLAGS) $(ALL_LDFLAGS) $(LDLIBS))
$(B)/.prefix: FORCE
	$(call remember,$(PREFIX))
$(B)/.files: FORCE
	$(call remember,$(CORE_SRC) $(LIB_SRC) $(CLI_SRC) $(SERVER_SRC) $(BENCH_SRC) $(LUA_SRC) $(PEERS))
FORCE:

$(B)/libcore.a: $(call obj,$(CORE_SRC))
$(B)/libtimeglas.a: $(call obj,$(CORE_SRC) $(LIB_SRC))
$(B)/libserver.a: $(call obj,$(SERVER_SRC)) $(LUA_OBJ)
$(B)/%.a: $(B)/.files
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

# The shared library exports the functions of include/timeglas/ and nothing else.
$(B)/libtimeglas.so.$(SOVERSION): $(call obj,$(CORE_SRC) $(LIB_SRC)) client/libtimeglas.map $(B)/.link $(B)/.files
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared $(if $(filter release debug,$(PROFILE)),-Wl$(comma)-z$(comma)defs) -Wl,-soname,$(@F) -Wl,--version-script,client/libtimeglas.map -o $@ $(filter %.o,$^) $(LIB_LIBS) $(LDLIBS)
$(B)/libtimeglas.so: $(B)/libtimeglas.so.$(SOVERSION)
	$(Q)ln -sf $(<F) $@
$(B)/timeglas.pc: client/timeglas.pc.in include/timeglas/timeglas.h $(B)/.prefix Makefile
	@mkdir -p $(@D)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $< >$@

# What is declared once, in server/store/schema.def. A file that would not change is left alone.
$(B)/.schema: tools/schema.py server/store/schema.def include/timeglas/errors.h include/timeglas/retention.h
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/schema.py header $(B)/gen/store/schema.h
	$(Q)$(PYTHON) tools/schema.py lua $(B)/gen/schema.lua
	$(Q)$(PYTHON) tools/schema.py register $(B)/gen/register.lua
	@touch $@
$(SCHEMA): $(B)/.schema ;
# The Function library as a C string constant: store_functions_lua, store_functions_lua_len
$(B)/gen/functions_lua.c: $(LUA_ALL) $(B)/.files
	@mkdir -p $(@D)
	$(Q)(echo 'extern const char store_functions_lua[]; extern const unsigned store_functions_lua_len; const char store_functions_lua[] = {'; \
	  cat $(LUA_ALL) | od -An -v -tx1 | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0}; const unsigned store_functions_lua_len = sizeof store_functions_lua - 1;') >$@
# The configurations of what is compared with, likewise: peers_nginx_conf, peers_handler_lua, …
PEERS := $(wildcard bench/peers/*)
peer_name = peers_$(subst .,_,$(notdir $(1)))
$(B)/gen/peers.c: $(PEERS) $(B)/.files Makefile
	@mkdir -p $(@D)
	$(Q)($(foreach f,$(PEERS),echo 'extern const char $(call peer_name,$f)[]; const char $(call peer_name,$f)[] = {'; \
	  od -An -v -tx1 $f | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0};';)) >$@
$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/.flags | $(B)/.packages
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/obj/%.o: %.c $(B)/.flags | $(B)/.packages $(B)/.schema
	@mkdir -p $(@D)
	$(SAY) "CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

SERVER_OBJ := $(call obj,server/main.c) $(B)/libserver.a $(B)/libcore.a
link-server = $(CC) $(ALL_CFLAGS) $(PIE_LDFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(SERVER_LIBS) $(MALLOC_LIBS) $(LDLIBS)
$(B)/timeglasd: $(SERVER_OBJ) $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(link-server)
$(B)/timeglas: $(call obj,$(CLI_SRC)) $(B)/libtimeglas.a $(B)/.link $(B)/.files
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE_LDFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(CLI_LIBS) $(LDLIBS)

$(B)/libbench.a: $(call obj,$(filter-out bench/main.c,$(BENCH_SRC))) $(B)/obj/gen/peers.o
$(B)/timeglas-bench: $(call obj,bench/main.c) $(B)/libbench.a $(B)/libserver.a $(B)/libtimeglas.a $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE_LDFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(SERVER_LIBS) -lcurl -lm $(LDLIBS)

# Preloaded into the embedded Redis (server/wipe/preload.c)
$(B)/libtimeglas-wipe.so: $(call obj,server/wipe/preload.c server/wipe/realloc.c) $(B)/.link
	$(SAY) "LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ $(filter %.o,$^) $(LDLIBS)

# Unit tests: one program each, archives searched in order, so a test links only what it uses.
# At -O2 these two warnings do not know that a failed assertion ends a case.
TEST_WARN := -Wno-maybe-uninitialized -Wno-format-truncation
$(B)/unit/%: tests/unit/%.c $(B)/libbench.a $(B)/libserver.a $(B)/libtimeglas.a $(B)/.flags $(B)/.link
	@mkdir -p $(@D)
	$(SAY) "CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) $(TEST_WARN) $(PIE_LDFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(filter %.a,$^) $(TEST_LIBS) $(LDLIBS)
## unit-NAME: build and run tests/unit/test_NAME.c (PROFILE=asan: with sanitizers)
unit-%: $(B)/unit/test_%
	./$<
## units: build every unit test
units: $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))

# Checks ----------------------------------------------------------------------------------------------------------

## layers: no file uses one of a layer above it, none use each other in a circle, no export is unused
layers: $(call obj,$(CORE_SRC) $(LIB_SRC) $(CLI_SRC) $(SERVER_SRC) $(BENCH_SRC)) $(LUA_OBJ) \
  $(call obj,server/main.c server/wipe/preload.c) $(B)/obj/gen/peers.o
	@$(PYTHON) tools/layers.py --self-test
	@$(PYTHON) tools/layers.py --build $(B)

# The server with one object too many (each opens with the fault that the check must find), some of them linked in another way.
TRAPS := $(patsubst tests/symbols/%.c,$(B)/symbols/%,$(SYMBOL_SRC))
$(B)/symbols/unlisted_library: SERVER_LIBS += -lcurl
$(B)/symbols/static_sodium $(B)/symbols/renamed_sodium: SERVER_LIBS := $(subst -lsodium,-l:libsodium.a,$(SERVER_LIBS))
$(B)/symbols/static_openssl: SERVER_LIBS := $(subst -lssl -lcrypto,-l:libssl.a -l:libcrypto.a,$(SERVER_LIBS))
$(B)/symbols/search_path: TRAP_LDFLAGS := -Wl,-rpath,/opt/other -Wl,--enable-new-dtags
$(B)/symbols/executable_stack: TRAP_LDFLAGS := -Wl,-z,execstack
$(B)/symbols/writable_code: TRAP_LDFLAGS := -Wl,--no-warn-rwx-segments
$(B)/symbols/stripped: TRAP_AFTER := strip
$(B)/symbols/nameless_code: TRAP_AFTER := objcopy --strip-symbol=fold
$(B)/symbols/renamed_sodium: TRAP_AFTER := tests/symbols/rename.sh
$(TRAPS): $(B)/symbols/%: $(B)/obj/tests/symbols/%.o $(SERVER_OBJ) $(B)/libtimeglas.a $(B)/.link Makefile tests/symbols/rename.sh
	@mkdir -p $(@D)
	$(Q)$(if $(filter %/static_server,$@),$(CC) -static -o $@ $<,$(link-server) $(TRAP_LDFLAGS))
	$(if $(TRAP_AFTER),$(Q)$(TRAP_AFTER) $@)
## docs: make the tables of docs/store.md anew, of server/store/schema.def
docs:
	@$(PYTHON) tools/schema.py docs docs/store.md

## check-symbols: the server imports, links and holds nothing that opens an envelope, and this check can tell
check-symbols: $(B)/timeglasd $(TRAPS)
	@tools/check-symbols.py $(B)/timeglasd
	@tools/check-symbols.py --traps $(TRAPS)

## lint: warnings, cppcheck, clang-tidy, layers, man pages, shell and Python scripts, white space
lint:
	@tools/deps.sh build test lint
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=debug all units
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release layers
	@tools/lint.sh

## test: set up, build, run every test; ends with "N passed, N failed, N skipped"
test:
	@tools/deps.sh build test
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all units check-symbols
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=asan all units
	@tests/run

## test-all: the same, then memcheck and the long tests (floods, large stores, long faults), which have a closing line of their own
test-all: test
	@tests/run valgrind long

## coverage: line coverage of core/, server/ and client/ by all tests; fails under 85 %
coverage:
	@tools/deps.sh build test cov
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=cov all units
	@find build/cov -name '*.gcda' -delete
	@TIMEGLAS_BUILD=build/cov tests/run unit system
	@gcovr --root . --object-directory build/cov --filter 'core/' --filter 'server/' --filter 'client/' --fail-under-line 85 --print-summary

FUZZ_S ?= 30
## fuzz: run each fuzzer of tests/fuzz for FUZZ_S seconds (30)
fuzz:
	@tools/deps.sh build fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=fuzz fuzzers
	@tests/fuzz/run $(FUZZ_S)
fuzzers: $(patsubst tests/fuzz/%.c,$(B)/%,$(FUZZ_SRC))
$(B)/fuzz_%: tests/fuzz/fuzz_%.c $(B)/libserver.a $(B)/libtimeglas.a $(B)/.flags $(B)/.link
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $< $(B)/libserver.a $(B)/libtimeglas.a $(SERVER_LIBS) -lcurl $(LDLIBS)

# To use --------------------------------------------------------------------------------------------------------------

## demo: set up, build, and show each promise kept (FILES="a.pdf b.mp4": with files of yours, too)
demo:
	@tools/deps.sh build demo
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@tests/demo/demo.sh $(FILES)

## run: a development server to play with, in build/dev; ends with Ctrl-C
run:
	@tools/deps.sh build run
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@echo 'In another shell: . build/dev/env; export TIMEGLAS_CERT=$$TIMEGLAS_UPLOADER_CERT TIMEGLAS_KEY=$$TIMEGLAS_UPLOADER_KEY; build/release/timeglas policy'
	@exec build/release/timeglasd --dev build/dev

BENCH_OUT ?= build/bench
BENCH ?= expiry throughput latency connect scale live seal
BENCH_ARGS ?=
## bench: how late blobs end, how fast and at what cost they pass, next to peers (BENCH="throughput latency": only these; also reaper, memory, floods; BENCH_ARGS=--quick: options); figures and plots go to BENCH_OUT (build/bench)
bench:
	@tools/deps.sh build run bench
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@mkdir -p $(BENCH_OUT)
	@failed=0; for b in $(BENCH); do \
	  if [ -f bench/$$b.py ]; then \
	    case $$b in reaper) set -- spread same ;; *) set -- '' ;; esac; : >$(BENCH_OUT)/$$b.txt; \
	    for what; do echo "bench/$$b.py $$what"; $(PYTHON) bench/$$b.py $$what >>$(BENCH_OUT)/$$b.txt || failed=1; done; \
	    cat $(BENCH_OUT)/$$b.txt; continue; \
	  fi; \
	  set -- $(BENCH_ARGS) --json $(BENCH_OUT)/$$b.json; case $$b in connect|seal) ;; *) set -- "$$@" --plot $(BENCH_OUT)/$$b.svg ;; esac; \
	  echo "timeglas-bench $$b $$*"; build/release/timeglas-bench $$b "$$@" >$(BENCH_OUT)/$$b.txt || failed=1; cat $(BENCH_OUT)/$$b.txt; \
	done; exit $$failed

## deps: install the Debian packages that are missing (as root, or through sudo)
deps:
	@tools/deps.sh build run demo test lint cov fuzz bench

INSTALL ?= install
# A page of section 3 is found under the name of each function that it describes (n, of the page f).
each-function = for f in $(filter %.3,$(MAN)); do for n in $$(sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \([a-z_]*\).*/\1/p' $$f); do $(1); done; done
D := $(DESTDIR)$(PREFIX)
## install: programs, library, headers, man pages, examples below DESTDIR and PREFIX
install: all
	$(INSTALL) -d $(D)/bin $(D)/lib/pkgconfig $(D)/lib/timeglas $(D)/include/timeglas $(D)/share/doc/timeglas/examples
	$(INSTALL) -m 755 $(B)/timeglasd $(B)/timeglas $(D)/bin/
	$(INSTALL) -m 644 $(B)/libtimeglas.a $(B)/libtimeglas.so.$(SOVERSION) $(D)/lib/
	ln -sf libtimeglas.so.$(SOVERSION) $(D)/lib/libtimeglas.so
	$(if $(WIPING),$(INSTALL) -m 644 $(B)/libtimeglas-wipe.so $(D)/lib/timeglas/)
	$(INSTALL) -m 644 $(B)/timeglas.pc $(D)/lib/pkgconfig/
	$(INSTALL) -m 644 include/timeglas/*.h $(D)/include/timeglas/
	$(INSTALL) -m 644 LICENSE README.md CHANGES.md CONTRIBUTING.md SECURITY.md $(D)/share/doc/timeglas/
	$(INSTALL) -d $(D)/share/doc/timeglas/docs/bench $(D)/share/doc/timeglas/docs/decisions \
	  $(D)/share/doc/timeglas/docs/vectors/sealed
	$(INSTALL) -m 644 $(wildcard docs/*.*) $(D)/share/doc/timeglas/docs/
	$(INSTALL) -m 644 $(wildcard docs/decisions/*) $(D)/share/doc/timeglas/docs/decisions/
	$(INSTALL) -m 644 $(wildcard docs/vectors/*.*) $(D)/share/doc/timeglas/docs/vectors/
	$(INSTALL) -m 644 $(wildcard docs/vectors/sealed/*) $(D)/share/doc/timeglas/docs/vectors/sealed/
	$(INSTALL) -m 644 $(wildcard docs/bench/*) $(D)/share/doc/timeglas/docs/bench/
	$(INSTALL) -m 644 $(wildcard docs/examples/*) $(D)/share/doc/timeglas/examples/
	for f in $(wildcard deploy/*); do sed 's|/usr/local/|$(PREFIX)/|' $$f >$(D)/share/doc/timeglas/examples/$${f##*/}; done
	for f in $(MAN); do s=man$${f##*.}; $(INSTALL) -d $(D)/share/man/$$s; $(INSTALL) -m 644 $$f $(D)/share/man/$$s/; done
	$(call each-function,[ -e $(D)/share/man/man3/$$n.3 ] || ln -s $${f##*/} $(D)/share/man/man3/$$n.3)
## uninstall: remove what install put there
uninstall:
	rm -f $(D)/bin/timeglasd $(D)/bin/timeglas $(D)/lib/libtimeglas.a $(D)/lib/libtimeglas.so.$(SOVERSION) $(D)/lib/libtimeglas.so \
	  $(D)/lib/pkgconfig/timeglas.pc
	rm -rf $(D)/lib/timeglas
	rm -rf $(D)/include/timeglas $(D)/share/doc/timeglas
	$(call each-function,rm -f $(D)/share/man/man3/$$n.3)
	for f in $(MAN); do rm -f $(D)/share/man/man$${f##*.}/$${f##*/}; done

## clean: remove everything that was built
clean:
	rm -rf build
## help: this list
help:
	@echo 'Targets (PROFILE=$(subst $() ,|,$(PROFILES)); V=1 shows commands):'
	@sed -n 's/^## \([^:]*\): \(.*\)/  \1\t\2/p' Makefile | sort | expand -t 18

.PHONY: all units layers docs check-symbols lint test test-all coverage fuzz fuzzers demo run bench deps install uninstall clean help FORCE
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
