/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last step of the build, on the machine that builds: a copy of the linked program without what nobody reads once
 * it runs.
 *
 * - Symbols and section headers, for linkers and debuggers (quarbox.unstripped has them). strip leaves the headers,
 *   about 1 KB; sstrip, as firmware has it, does not.
 * - With --pack, relative relocations become a bitmap (SHT_RELR of the System V ABI): a bit where they take 8 or 24
 *   bytes each. Linkers for x86 and ppc64le do it themselves; GNU ld for the others can not. libs/relocations.ld has
 *   laid them at the end of the file, so that it ends earlier. The C library's start-up code has to know of the bitmap:
 *   musl's does from 1.2.4 on.
 *
 * usage: finish PROGRAM COPY [--pack]
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef DT_RELR /* of 2022 */
#define DT_RELRSZ 35
#define DT_RELR 36
#define DT_RELRENT 37
#endif

enum { PROGRAM_MAX = 64 << 20 };

static const char *path;
static unsigned char *file;
static size_t length;
static bool wide;	/* ELFCLASS64 */
static bool big_endian; /* ELFDATA2MSB */

static _Noreturn void fail(const char *name, const char *attempt, const char *reason)
{
	fprintf(stderr, "finish: %s %s: %s\n", attempt, name, reason);
	exit(1);
}

static unsigned char *at(uint64_t offset, size_t size)
{
	if (offset > length || size > length - offset)
		fail(path, "read", "it ends before what its headers name");
	return file + offset;
}

/* Fields of 2, 4 or 8 bytes, in the program's byte order. */
static uint64_t get(uint64_t offset, size_t size)
{
	const unsigned char *bytes = at(offset, size);
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[big_endian ? i : size - 1 - i];
	return value;
}

static void put(uint64_t offset, size_t size, uint64_t value)
{
	unsigned char *bytes = at(offset, size);
	for (size_t i = 0; i < size; i++, value >>= 8)
		bytes[big_endian ? size - 1 - i : i] = (unsigned char)value;
}

#define SIZE(structure) (wide ? sizeof(Elf64_##structure) : sizeof(Elf32_##structure))
#define OFFSET(structure, field) (wide ? offsetof(Elf64_##structure, field) : offsetof(Elf32_##structure, field))
#define WIDTH(structure, field) \
	(wide ? sizeof(((Elf64_##structure *)NULL)->field) : sizeof(((Elf32_##structure *)NULL)->field))
#define GET(base, structure, field) get((base) + OFFSET(structure, field), WIDTH(structure, field))
#define PUT(base, structure, field, value) put((base) + OFFSET(structure, field), WIDTH(structure, field), value)

static uint64_t program_header(uint64_t i)
{
	return GET(0, Ehdr, e_phoff) + i * SIZE(Phdr);
}

/* Where in the file a segment ends. */
static uint64_t end_of(uint64_t segment)
{
	return GET(segment, Phdr, p_offset) + GET(segment, Phdr, p_filesz);
}

/* The program header of the segment that ends last in the file. */
static uint64_t last_loaded(void)
{
	uint64_t last = 0;
	uint64_t last_end = 0;
	for (uint64_t i = 0; i < GET(0, Ehdr, e_phnum); i++) {
		uint64_t header = program_header(i);
		uint64_t end = end_of(header);
		if (GET(header, Phdr, p_type) == PT_LOAD && GET(header, Phdr, p_filesz) > 0 && end > last_end) {
			last = header;
			last_end = end;
		}
	}
	if (last == 0)
		fail(path, "read", "no segment is loaded");
	(void)at(last_end, 0);
	return last;
}

/* Where in the file the byte lies that is loaded at address. */
static uint64_t offset_of(uint64_t address)
{
	for (uint64_t i = 0; i < GET(0, Ehdr, e_phnum); i++) {
		uint64_t header = program_header(i);
		uint64_t into = address - GET(header, Phdr, p_vaddr);
		if (GET(header, Phdr, p_type) == PT_LOAD && into < GET(header, Phdr, p_filesz))
			return GET(header, Phdr, p_offset) + into;
	}
	fail(path, "read", "an address of its dynamic section is in no segment");
}

/* ---- relocations ---- */

/* Offset in the file of the entry of the dynamic section that has this tag; 0: there is none. */
static uint64_t dynamic_entry(uint64_t tag)
{
	for (uint64_t i = 0; i < GET(0, Ehdr, e_phnum); i++) {
		uint64_t header = program_header(i);
		if (GET(header, Phdr, p_type) != PT_DYNAMIC)
			continue;
		uint64_t end = end_of(header);
		for (uint64_t entry = GET(header, Phdr, p_offset); entry + SIZE(Dyn) <= end; entry += SIZE(Dyn)) {
			uint64_t found = GET(entry, Dyn, d_tag);
			if (found == tag)
				return entry;
			if (found == DT_NULL)
				break;
		}
	}
	return 0;
}

/* The type that says: add where the program has been loaded; 0: of a machine that is not known here. */
static uint64_t relative_type(void)
{
	switch (GET(0, Ehdr, e_machine)) {
	case EM_X86_64:
		return R_X86_64_RELATIVE;
	case EM_386:
		return R_386_RELATIVE;
	case EM_ARM:
		return R_ARM_RELATIVE;
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	case EM_RISCV:
		return R_RISCV_RELATIVE;
	case EM_S390:
		return R_390_RELATIVE;
	case EM_PPC64:
		return R_PPC64_RELATIVE;
	case EM_MIPS:
		return R_MIPS_REL32; /* without a symbol */
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a;
	uint64_t second = *(const uint64_t *)b;
	return (first > second) - (first < second);
}

/* Writes at where; returns the number of bytes, never more than the relocations had. */
static uint64_t write_bitmap(uint64_t where, const uint64_t *addresses, size_t count)
{
	size_t word = wide ? 8 : 4;
	uint64_t covered = (8 * word - 1) * word; /* by one word with a bitmap: its lowest bit says what it is */
	uint64_t end = where;
	for (size_t i = 0; i < count;) {
		put(end, word, addresses[i]);
		end += word;
		for (uint64_t next = addresses[i++] + word;; next += covered) {
			uint64_t bits = 0;
			for (; i < count && addresses[i] - next < covered && (addresses[i] - next) % word == 0; i++)
				bits |= (uint64_t)1 << (addresses[i] - next) / word;
			if (bits == 0)
				break;
			put(end, word, bits << 1 | 1);
			end += word;
		}
	}
	return end - where;
}

/* What can't be packed stays as the linker has written it. */
static void keep_relocations(const char *reason)
{
	fprintf(stderr, "finish: relocations of %s stay unpacked: %s\n", path, reason);
}

static void pack_relocations(void)
{
	bool rela = dynamic_entry(DT_RELA) != 0;
	uint64_t table = dynamic_entry(rela ? DT_RELA : DT_REL);
	uint64_t table_size = dynamic_entry(rela ? DT_RELASZ : DT_RELSZ);
	uint64_t entry_size = dynamic_entry(rela ? DT_RELAENT : DT_RELENT);
	if (table == 0 || table_size == 0 || entry_size == 0)
		return;
	uint64_t begin = offset_of(GET(table, Dyn, d_un.d_ptr));
	uint64_t end = begin + GET(table_size, Dyn, d_un.d_val);
	uint64_t each = rela ? SIZE(Rela) : SIZE(Rel);
	uint64_t segment = last_loaded();
	if (end != end_of(segment)) {
		keep_relocations("they are not the last in the file");
		return;
	}
	uint64_t *addresses = calloc((size_t)((end - begin) / each) + 1, sizeof *addresses);
	if (!addresses)
		fail(path, "pack relocations of", strerror(errno));
	size_t count = 0;
	for (uint64_t entry = begin; entry < end; entry += each) {
		uint64_t info = GET(entry, Rela, r_info);
		uint64_t address = GET(entry, Rela, r_offset);
		if (info == 0)
			continue; /* mips begins with one that does nothing */
		if (info != relative_type() || address % 2 != 0) {
			free(addresses);
			keep_relocations("one is not relative, or has an odd address");
			return;
		}
		addresses[count++] = address;
	}
	for (uint64_t entry = begin; rela && entry < end; entry += each)
		put(offset_of(GET(entry, Rela, r_offset)), wide ? 8 : 4, GET(entry, Rela, r_addend));
	qsort(addresses, count, sizeof *addresses, compare);
	uint64_t packed = write_bitmap(begin, addresses, count);
	free(addresses);
	PUT(table, Dyn, d_tag, DT_RELR);
	PUT(table_size, Dyn, d_tag, DT_RELRSZ);
	PUT(table_size, Dyn, d_un.d_val, packed);
	PUT(entry_size, Dyn, d_tag, DT_RELRENT);
	PUT(entry_size, Dyn, d_un.d_val, wide ? 8 : 4);
	PUT(segment, Phdr, p_filesz, begin + packed - GET(segment, Phdr, p_offset));
}

/* ---- the file ---- */

static void read_program(void)
{
	FILE *stream = fopen(path, "rb");
	file = malloc(PROGRAM_MAX);
	if (!stream || !file)
		fail(path, "read", strerror(errno));
	length = fread(file, 1, PROGRAM_MAX, stream);
	if (ferror(stream) || length == PROGRAM_MAX)
		fail(path, "read", ferror(stream) ? strerror(errno) : "it is too large");
	fclose(stream);
	unsigned char *fitted = realloc(file, length + 1); /* so that a sanitizer sees where it ends */
	file = fitted ? fitted : file;
	if (memcmp(at(0, EI_NIDENT), ELFMAG, SELFMAG) != 0)
		fail(path, "read", "it is not an ELF file");
	wide = file[EI_CLASS] == ELFCLASS64;
	big_endian = file[EI_DATA] == ELFDATA2MSB;
}

/* What is not loaded, like PT_RISCV_ATTRIBUTES, is not in the copy. */
static void forget_the_rest(void)
{
	for (uint64_t i = 0; i < GET(0, Ehdr, e_phnum); i++) {
		uint64_t header = program_header(i);
		if (GET(header, Phdr, p_filesz) > 0 && end_of(header) > length)
			PUT(header, Phdr, p_type, PT_NULL);
	}
}

static void write_copy(const char *name)
{
	FILE *stream = fopen(name, "wb");
	if (!stream)
		fail(name, "write", strerror(errno));
	bool written = fwrite(file, 1, length, stream) == length;
	if (fclose(stream) != 0 || !written || chmod(name, 0755) != 0)
		fail(name, "write", strerror(errno)); /* make removes it */
}

int main(int argc, char **argv)
{
	bool pack = argc == 4 && strcmp(argv[3], "--pack") == 0;
	if (argc != 3 && !pack) {
		fputs("usage: finish PROGRAM COPY [--pack]\n", stderr);
		return 1;
	}
	path = argv[1];
	read_program();
	if (pack)
		pack_relocations();
	length = (size_t)end_of(last_loaded());
	forget_the_rest();
	PUT(0, Ehdr, e_shoff, 0);
	PUT(0, Ehdr, e_shnum, 0);
	PUT(0, Ehdr, e_shstrndx, 0);
	write_copy(argv[2]);
	return 0;
}
