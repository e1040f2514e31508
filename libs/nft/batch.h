/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One nf_tables transaction: messages are collected, then sent in one call; the kernel does all of them or none. */
#ifndef NFT_BATCH_H
#define NFT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "netlink/socket.h"

/* The message that the kernel refused. */
struct refusal {
	int type; /* NFT_MSG_*, or -1 when no message is to blame */
	uint8_t family; /* NFPROTO_* */
	uint32_t hook; /* of NFT_MSG_NEWCHAIN: its number */
	bool every_device; /* of NFT_MSG_NEWCHAIN: it was to be hooked on all devices */
	bool fib; /* of NFT_MSG_NEWRULE: it looks an address up */
	bool log; /* of NFT_MSG_NEWRULE: it logs */
	bool route; /* of NFT_MSG_NEWRULE: it asks for a route */
};

struct batch {
	struct netlink *netlink;
	uint8_t *bytes;
	size_t length;
	size_t last; /* where the last message begins */
	size_t capacity;
	uint8_t family; /* NFPROTO_* of the table that the next messages are about */
	uint32_t sets; /* ids handed out to sets of this transaction */
	size_t part_size; /* bytes after which batch_part sends what there is; 0: never, it stays one transaction */
	bool parted; /* a part has been sent: a failure from now on leaves it behind */
	int error; /* -errno once a message could not be stored or a part not sent; commit returns it then */
	struct diag part_diag; /* of the part */
	struct refusal part_refusal;
};

/*
 * generation: of the rule set that the transaction was planned on (nft_generation); the kernel refuses the commit with
 * -ERESTART when it has changed since. 0: whatever it is.
 */
void batch_begin(struct batch *batch, struct netlink *netlink, uint32_t generation);
void batch_fini(struct batch *batch); /* frees; safe on zero */

/*
 * Starts a message of the given nf_tables type (NFT_MSG_*) and flags, about the batch's family, with room for `room`
 * bytes of attributes. Returns its header, valid until the next batch_message, or NULL (error is set then). When its
 * attributes are complete, batch_message_end must follow.
 */
struct nlmsghdr *batch_message(struct batch *batch, uint16_t type, uint16_t flags, size_t room);
void batch_message_end(struct batch *batch, const struct nlmsghdr *message);

/*
 * Between two messages: sends what there is as a transaction of its own when it has reached part_size. For elements of
 * sets that no rule looks into yet, so that a large policy needs little memory.
 */
void batch_part(struct batch *batch);

/*
 * Sends the transaction and waits for the kernel's answer. Returns 0 or -errno; the diagnostic names the message that
 * was refused ("rule 'DNS replies' in chain inbound_chain: Operation not supported"), as does *refusal if not NULL.
 */
int batch_commit(struct batch *batch, struct refusal *refusal, struct diag *diag);

#endif
