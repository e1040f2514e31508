/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the relocation at the start writes, tables of function pointers above all, is kept together by the linker
 * so that it can be made read-only then (PT_GNU_RELRO). In a program without an interpreter nobody does that: musl's
 * start-up code relocates and goes on. This is called before main: from _init, or, where the compiler brings its own
 * start-up code and so an _init, from the list of constructors, which takes 120 bytes more.
 */
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of this program, from the linker. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#ifdef OWN_LIBC
void _init(void);

void _init(void)
#else
static __attribute__((constructor)) void protect_relocated(void)
#endif
{
	uintptr_t file = (uintptr_t)&__ehdr_start;
	uintptr_t base = __ehdr_start.e_type == ET_DYN ? file : 0;
	uintptr_t page = (uintptr_t)getpagesize();
	const ElfW(Phdr) *header = (const void *)(file + __ehdr_start.e_phoff);
	for (const ElfW(Phdr) *end = header + __ehdr_start.e_phnum; header < end; header++) {
		if (header->p_type != PT_GNU_RELRO)
			continue;
		uintptr_t first = (base + header->p_vaddr) & -page;
		uintptr_t last = (base + header->p_vaddr + header->p_memsz) & -page;
		/* refused, it stays writable, as it was */
		(void)mprotect((void *)first, last - first, PROT_READ);
	}
}
