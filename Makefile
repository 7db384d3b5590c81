# timeglas: `make help` lists the targets. CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR are yours.
PROFILE ?= release
B := build/$(PROFILE)
PREFIX ?= /usr/local
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

CC ?= cc
WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Werror
BASE_CFLAGS := -std=gnu11 -g -fno-common -fvisibility=default $(WARN)
release_CFLAGS := -O2 -D_FORTIFY_SOURCE=3 -fPIC -fstack-protector-strong -fstack-clash-protection
release_LDFLAGS := -pie -Wl,-z,relro,-z,now
debug_CFLAGS := -O0 -fPIC
asan_CFLAGS := -O1 -fPIC -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan_LDFLAGS := -fsanitize=address,undefined
cov_CFLAGS := -O0 -fPIC --coverage
cov_LDFLAGS := --coverage

ALL_CPPFLAGS := -D_GNU_SOURCE -Iinclude -Iclient -Iserver -I$(B)/gen $(CPPFLAGS)
ALL_CFLAGS := $(BASE_CFLAGS) $($(PROFILE)_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $($(PROFILE)_LDFLAGS) $(LDFLAGS)

CORE_SRC := $(wildcard client/core/*.c)
LIB_SRC := $(wildcard client/lib/*.c)
CLI_SRC := $(wildcard client/cli/*.c)
SERVER_SRC := $(filter-out server/main.c,$(wildcard server/*/*.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
CORE_LIBS := -lsodium
SERVER_LIBS := -levent_openssl -levent_core -levent_extra -lssl -lcrypto -lhiredis -lsodium -ljansson -linih
LIB_LIBS := -lcurl -lcrypto -lsodium -ljansson

all: $(B)/timeglasd $(B)/timeglas

$(B)/libcore.a: $(call obj,$(CORE_SRC))
$(B)/libtimeglas.a: $(call obj,$(CORE_SRC) $(LIB_SRC))
$(B)/libserver.a: $(call obj,$(SERVER_SRC)) $(B)/obj/gen/functions_lua.o
$(B)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

# The Function library as a C string constant: store_functions_lua, store_functions_lua_len
$(B)/gen/functions_lua.c: server/store/functions.lua
	@mkdir -p $(@D)
	$(Q)(echo 'extern const char store_functions_lua[]; extern const unsigned store_functions_lua_len; const char store_functions_lua[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0}; const unsigned store_functions_lua_len = sizeof store_functions_lua - 1;') >$@
$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/timeglasd: $(call obj,server/main.c) $(B)/libserver.a $(B)/libcore.a
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(SERVER_LIBS) $(LDLIBS)
$(B)/timeglas: $(call obj,$(CLI_SRC)) $(B)/libtimeglas.a
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS) $(LDLIBS)

# Unit tests: one program each, archives searched in order, so a test links only what it uses.
$(B)/unit/%: tests/unit/%.c $(B)/libserver.a $(B)/libtimeglas.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -o $@ $< $(B)/libserver.a $(B)/libtimeglas.a $(SERVER_LIBS) $(LIB_LIBS) -lcmocka -lz $(LDLIBS)
# `make unit-core` etc. builds and runs tests/unit/test_<name>.c against the objects it needs.
unit-%: $(B)/unit/test_%
	./$<

clean:
	rm -rf build

.PHONY: all clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
