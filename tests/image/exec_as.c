/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: exec_as PROGRAM [ARGUMENT...]: runs it with these arguments, the name included; without any, argv is empty. */
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 64;
	execv(argv[1], argv + 2);
	return 127;
}
