/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exit codes of every applet: a contract with scripts. 64 and above follow sysexits.h. Every non-zero code of
 * quarantine other than PARTIAL and UNVERIFIED means that the rule set is what it was before.
 */
#ifndef BASE_EXIT_CODE_H
#define BASE_EXIT_CODE_H

enum exit_code {
	EXIT_DONE = 0, /* done, or already so */
	EXIT_ANSWER_NO = 1, /* status: not quarantined; probe: not proven */
	EXIT_NO_SERVER = 3, /* rolled back: no server proved itself */
	EXIT_STILL_REACHABLE = 4, /* rolled back: the forbidden URL still answers */
	EXIT_PARTIAL = 5, /* contained, but something named is not covered */
	EXIT_UNVERIFIED = 6, /* enforced, but could not be verified or recorded */
	EXIT_USAGE_ERROR = 64,
	EXIT_KERNEL_LACKS = 69, /* the kernel lacks what is needed */
	EXIT_SYSTEM_REFUSED = 71,
	EXIT_LOCKED = 75, /* another instance holds the lock */
	EXIT_NOT_PERMITTED = 77, /* needs CAP_NET_ADMIN */
	EXIT_BAD_CONFIG = 78,
	EXIT_NO_APPLET = 127,
};

/* The code for an error (errno value, either sign) of a system call or library. */
enum exit_code exit_code_for(int error);

#endif
