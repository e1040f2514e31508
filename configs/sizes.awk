# SPDX-License-Identifier: GPL-2.0-or-later
# Adds up, from the linker's map, the bytes that each folder and each third party has in the program.
# usage: awk -f sizes.awk -v object_folder=O/obj/ -v sysroot=.../lib/ -v total=N -v without=N MAP

# Whose code an input file of the linker is.
function owner(file) {
	if (index(file, object_folder) == 1) {
		file = substr(file, length(object_folder) + 1)
		sub(/\/[^\/]*$/, "", file)
		return file
	}
	if (index(file, sysroot) == 1) {
		file = substr(file, length(sysroot) + 1)
		sub(/\.a\(.*$/, "", file)
		return file == "libc" || file ~ /crt.\.o$/ ? "musl" : file
	}
	return file ~ /libgcc/ ? "libgcc" : "other"
}

function number(hex,    i, n) {
	n = 0
	hex = tolower(hex)
	for (i = 3; i <= length(hex); i++)
		n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
	return n
}

# Only what comes after this heading is in the program; .bss and what is stripped takes no room in the file.
/^Linker script and memory map/ { in_map = 1 }
!in_map { next }
/^\.[a-z]/ { output = $1 }
# A long section name stands alone on its line.
/^ \.[^ ]+$/ { pending = 1; next }
/^ \.[^ ]+ +0x/ || (pending && /^ +0x/) {
	if (pending) { size = $2; file = $3 } else { size = $3; file = $4 }
	pending = 0
	if (file != "" && output ~ /^\.(text|rodata|data|init|fini|eh_frame|tdata|preinit|ctors)/)
		bytes[owner(file)] += number(size)
	next
}
{ pending = 0 }

END {
	for (name in bytes)
		if (bytes[name] > 0)
			printf "%8d  %s\n", bytes[name], name | "sort -k1,1nr -k2"
	close("sort -k1,1nr -k2")
	for (name in bytes)
		sum += bytes[name]
	printf "%8d  headers, tables and padding of the file\n", without - sum
	printf "%8d  without link-time optimisation, which is what the shares above add up to\n", without
	printf "%8d  in total\n", total
}
