# SPDX-License-Identifier: GPL-2.0-or-later
# Compiles SOURCES (relative to FROM) into ARCHIVE. Called by third_party.mk when a
# dependency has been unpacked: which files there are is known only then. SOURCE_ with a
# file's name is defined in it, for what is included before all of them.

objects := $(patsubst %.c,$(FROM)/%.o,$(SOURCES))

$(ARCHIVE): $(objects)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $(sort $(objects))

$(FROM)/%.o: $(FROM)/%.c
	$(if $(Q),@printf '  %-7s %s\n' CC $(NAME)/$*.c)
	$(Q)$(CC) $(FLAGS) -DSOURCE_$(*F) -c -o $@ $<
