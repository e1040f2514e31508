# SPDX-License-Identifier: GPL-2.0-or-later
# `make fuzz`: everything that reads what strangers write, fed with what a fuzzer thinks of (clang's libFuzzer), under
# AddressSanitizer and UndefinedBehaviorSanitizer, FUZZ_SECONDS for each target. A target is a file here with
# LLVMFuzzerTestOneInput; what it begins with is in corpus/TARGET/. What crashes it is kept in $O/fuzz/TARGET/.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
fuzz_targets := $(patsubst tests/fuzz/%.c,$O/fuzz/%.fuzz,$(sort $(wildcard tests/fuzz/*.c)))
fuzz_sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all
fuzz_cflags = $(language) $(includes) -Iapplets -w -O1 -g -fno-omit-frame-pointer $(fuzz_sanitize) \
	$(shell $(PKG_CONFIG) --cflags libmnl libnftnl)
mbedtls_source = $(tp)/mbedtls

# Of the libraries what reads certificates and the configuration of Velociraptor's client, as it is in the program; compiled
# anew, for this machine's C library.
fuzz_libraries := $(foreach name,libyaml mbedtls,$(if $(filter $(name),$(needed)),$O/fuzz/$(name).a))
fuzz_mbedtls := $(filter %/mbedtls.a,$(fuzz_libraries))
$O/fuzz/mbedtls.a: private flags := -I$(mbedtls_source)/include -I$(mbedtls_source)/library -include $(here)/mbedtls_small.h
$O/fuzz/mbedtls.a: private sources = $(mbedtls_source)/library/*.c
$O/fuzz/libyaml.a: private flags := -DHAVE_CONFIG_H -DNDEBUG -I$(tp)/libyaml -I$(tp)/libyaml/include -I$(tp)/libyaml/src \
	-include $(here)/libyaml_small.h
$O/fuzz/libyaml.a: private sources = $(patsubst %,$(tp)/libyaml/src/%.c,api reader scanner parser)
$O/fuzz/mbedtls.a $O/fuzz/libyaml.a: $O/fuzz/%.a: $(tp)/%.ready
	$(say) FUZZCC $@
	@rm -rf $O/fuzz/$* && mkdir -p $O/fuzz/$*
	$(Q)ls $(sources) | xargs -P $$(nproc) -I {} sh -c '$(FUZZ_CC) -w -O1 -g \
		-fsanitize=fuzzer-no-link $(fuzz_sanitize) $(flags) -DSOURCE_$$(basename {} .c) \
		-c -o $O/fuzz/$*/$$(basename {} .c).o {}'
	$(Q)rm -f $@ && ar rc $@ $O/fuzz/$*/*.o

fuzz_sources := $(HOST_LIB_SOURCES) applets/quarantine/targets.c \
	$(if $(fuzz_mbedtls),$(filter-out libs/tls/tls_mbedtls.c,$(wildcard libs/tls/*.c)))
$O/fuzz/obj/%.o: %.c $O/host/flags | $(generated) $(fuzz_libraries)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(fuzz_cflags) -fsanitize=fuzzer-no-link -I$(mbedtls_source)/include -MMD -MP -c -o $@ $<
-include $(patsubst %.c,$O/fuzz/obj/%.d,$(fuzz_sources))

$O/fuzz/libs.a: $(patsubst %.c,$O/fuzz/obj/%.o,$(fuzz_sources))
	$(Q)rm -f $@ && ar rc $@ $^

$(fuzz_targets): $O/fuzz/%.fuzz: tests/fuzz/%.c $O/fuzz/libs.a $(fuzz_libraries)
	$(say) FUZZCC $<
	$(Q)$(FUZZ_CC) $(fuzz_cflags) -fsanitize=fuzzer -I$(mbedtls_source)/include -MMD -MP -MF $@.d -o $@ $< $O/fuzz/libs.a \
		$(fuzz_libraries) $(HOST_LIBS)
-include $(wildcard $O/fuzz/*.fuzz.d)

fuzz: all $(fuzz_targets)
	$(Q)$(test_environment) FUZZ_SECONDS='$(FUZZ_SECONDS)' \
		TEST_TIMEOUT_fuzz=$$((300 + $(words $(fuzz_targets)) * $(or $(FUZZ_SECONDS),0))) \
		tests/run $O/tests/logs tests/fuzz/fuzz_test.sh
