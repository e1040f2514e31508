/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What our tables, sets and rules say of themselves in their user data, behind the comment that nft shows: enough to
 * compare what the kernel holds with what was installed, without a file and without the process that did it. nft and
 * the kernel pass over it. It tells of accidents and of changes by hand; whoever forges it on purpose is root.
 */
#ifndef NFT_SEAL_H
#define NFT_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/*
 * User data is a row of entries of type, length and value, one byte each of the first two (libnftnl/udata.h). nft
 * numbers its own types from 0; this one is ours, with one of the structures below, all in host byte order.
 */
enum {
	SEAL_TYPE = 'q',
	SEAL_FORMAT = 2, /* another number when a structure below, a digest or the plan's chains change their meaning */
	SEAL_FRONT = UINT16_MAX, /* the number of rules that stand in front of the plan's */
	USER_DATA_SIZE = 256, /* the kernel's NFT_USERDATA_MAXLEN */
};

struct table_seal {
	uint64_t began; /* ms of CLOCK_BOOTTIME: tells one run from another */
	int64_t began_wall; /* seconds since the epoch */
	uint32_t lasts; /* seconds, of --for; 0: until release */
	uint32_t chains; /* bits 1 << enum chain_id */
	uint16_t rules; /* of this table, but for those in front */
	uint8_t format;
	uint8_t wanted; /* LAYER_ bits that were asked for */
	uint8_t layers; /* those that are in the tables */
	uint8_t refused; /* those that the kernel does not have */
	uint8_t without_fib; /* bits 1 << enum table_id */
	uint8_t without_log; /* the same */
	uint8_t stateless;
	uint8_t gaps; /* GAP_ bits */
	uint8_t restored; /* what is saved may be newer, and may take its place */
	uint8_t reserved;
	uint32_t plan; /* plan_digest; 0: not known */
};

struct set_seal {
	uint64_t sum; /* of the digests of the elements */
	uint32_t count; /* of elements */
	uint32_t reserved;
};

struct rule_seal {
	uint64_t digest;
	uint16_t number; /* in the table, from 0; or SEAL_FRONT */
	uint8_t reserved[6];
};

/* User data in the making: a comment (cut at 127 bytes) unless NULL, then a seal unless NULL. */
size_t user_data_write(uint8_t data[USER_DATA_SIZE], const char *comment, const void *seal, size_t seal_size);

/* The comment, "" when there is none; in the user data, which may be NULL. */
const char *user_data_comment(const struct nlattr *user_data);

/* Copies what an entry of that type holds; false when there is none of that size. */
bool user_data_find(const struct nlattr *user_data, uint8_t type, void *value, size_t size);

/* ---- digests: the same for what is sent and for what the kernel gives back ---- */

uint64_t digest_element(const void *key, size_t length);

/*
 * Of a list of expressions (the contents of NFTA_RULE_EXPRESSIONS): not of counters, nor of what the kernel numbers.
 * `constant` is told the name of each set without a name that a lookup goes to; its elements are the caller's to add.
 */
uint64_t digest_expressions(const void *list, size_t length, void (*constant)(void *context, const char *name),
			    void *context);

/* Of the whole rule. */
uint64_t digest_rule(uint64_t expressions, const char *chain, const char *comment);

#endif
