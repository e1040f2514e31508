/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/system_calls.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

/* What the kernel calls the machine that this code is for (linux/audit.h); 0: it is not known here, no filter. */
#if defined __x86_64__ && defined __LP64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __i386__
#define MACHINE AUDIT_ARCH_I386
#elif defined __aarch64__ && defined __AARCH64EL__
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined __arm__ && defined __ARM_EABI__ && !defined __ARMEB__
#define MACHINE AUDIT_ARCH_ARM
#elif defined __riscv && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined __s390x__
#define MACHINE AUDIT_ARCH_S390X
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define MACHINE AUDIT_ARCH_PPC64LE
#elif defined __mips__ && _MIPS_SIM == _ABIO32 && defined __MIPSEL__
#define MACHINE AUDIT_ARCH_MIPSEL
#elif defined __mips__ && _MIPS_SIM == _ABIO32
#define MACHINE AUDIT_ARCH_MIPS
#else
#define MACHINE 0
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { LOW_WORD = 4 };
#else
enum { LOW_WORD = 0 };
#endif

/* Each machine has some of these, and 32-bit ones two of those with times. */
static const uint16_t allowed[] = {
	SYS_read, SYS_write, SYS_writev, SYS_close, SYS_fcntl, SYS_getpid,
	SYS_connect, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
	SYS_getsockopt, SYS_setsockopt, SYS_getsockname, SYS_shutdown,
	SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_getrandom, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_ppoll
	SYS_ppoll,
#endif
#ifdef SYS_ppoll_time64
	SYS_ppoll_time64,
#endif
#ifdef SYS_send
	SYS_send,
#endif
#ifdef SYS_recv
	SYS_recv,
#endif
#ifdef SYS_clock_gettime
	SYS_clock_gettime,
#endif
#ifdef SYS_clock_gettime64
	SYS_clock_gettime64,
#endif
#ifdef SYS_clock_gettime32
	SYS_clock_gettime32,
#endif
#ifdef SYS_gettimeofday
	SYS_gettimeofday,
#endif
#ifdef SYS_time
	SYS_time,
#endif
#ifdef SYS_fcntl64
	SYS_fcntl64,
#endif
#ifdef SYS_sigreturn
	SYS_sigreturn,
#endif
#ifdef __s390x__
	SYS_mmap, /* its argument points to the real ones, which no filter can read: executable memory is not denied */
#endif
};

/* The third argument is the protection of memory. mmap is in it only where C libraries have nothing newer to call. */
static const uint16_t of_memory[] = {
	SYS_mprotect,
#ifdef SYS_mmap2
	SYS_mmap2,
#elif !defined __s390x__
	SYS_mmap,
#endif
};

enum {
	ALLOWED = sizeof allowed / sizeof *allowed,
	OF_MEMORY = sizeof of_memory / sizeof *of_memory,
	/* where the parts of the program begin; it can only jump forward */
	LIST = 3,
	IS_SOCKET = LIST + ALLOWED + OF_MEMORY,
	SOCKET = IS_SOCKET + 1,
	MEMORY = SOCKET + 3,
	DENY = MEMORY + 2,
	ALLOW = DENY + 1,
	END = ALLOW + 1,
};

/* Jumps are counted from the next instruction, and at most 255 long. */
_Static_assert(END < 255, "the list is too long for a jump");

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define JUMP_IF(value, at, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (uint8_t)((yes) - (at) - 1), (uint8_t)((no) - (at) - 1))
#define ARGUMENT(number) (offsetof(struct seccomp_data, args) + 8 * (number) + LOW_WORD)

static void write_program(struct sock_filter *program)
{
	const struct sock_filter frame[END] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		JUMP_IF(MACHINE, 1, 2, DENY),
		LOAD(offsetof(struct seccomp_data, nr)),
		[IS_SOCKET] = JUMP_IF(SYS_socket, IS_SOCKET, SOCKET, DENY),
		[SOCKET] = LOAD(ARGUMENT(0)),
		[SOCKET + 1] = JUMP_IF(AF_INET, SOCKET + 1, ALLOW, SOCKET + 2),
		[SOCKET + 2] = JUMP_IF(AF_INET6, SOCKET + 2, ALLOW, DENY),
		[MEMORY] = LOAD(ARGUMENT(2)),
		[MEMORY + 1] = BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), /* DENY and ALLOW follow */
		[DENY] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		[ALLOW] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	memcpy(program, frame, sizeof frame);
	for (int i = 0; i < ALLOWED; i++)
		program[LIST + i] = (struct sock_filter)JUMP_IF(allowed[i], LIST + i, ALLOW, LIST + i + 1);
	for (int i = 0; i < OF_MEMORY; i++) {
		int at = LIST + ALLOWED + i;
		program[at] = (struct sock_filter)JUMP_IF(of_memory[i], at, MEMORY, at + 1);
	}
}

int restrict_system_calls(struct diag *diag)
{
	struct sock_filter program[END];
	const struct sock_fprog filter = { .len = END, .filter = program };
	if (MACHINE == 0)
		return 0;
	write_program(program);
	/* EINVAL: the kernel has no filters */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 || errno == EINVAL)
		return 0;
	return diag_errno(diag, errno, "restrict system calls");
}
