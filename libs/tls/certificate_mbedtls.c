/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tls/certificate_mbedtls.h"

#include <errno.h>
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/md.h>
#include <psa/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/address.h"
#include "base/date.h"
#include "base/text.h"
#include "tls/pem.h"
#include "tls/trust_store.h"

/* Nobody has an identity to show but Velociraptor's client. third_party/mbedtls_small.h asks. */
extern const unsigned char tls_may_identify;
const unsigned char tls_may_identify = CONFIG_VELOCIRAPTOR_CONFIG;

enum {
	CERTIFICATE_DER_MAX = 8192, /* the largest root in Mozilla's list has 2,007 bytes */
	CANDIDATES_MAX = 16, /* anchors with a subject that the chain names */
	WINDOW_SIZE = 64 << 10, /* bytes of a bundle that are in memory at a time; the kernel maps as many at once */
};

static void add_printable(struct text *text, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_add_bytes(text, bytes[i] >= ' ' && bytes[i] < 0x7f ? (const char *)bytes + i : "?", 1);
}

/* The usual name of an attribute type below 2.5.4 (RFC 4519 section 2), or "?". */
static const char *attribute_name(const mbedtls_x509_buf *oid)
{
	static const struct {
		unsigned char type;
		char name[3];
	} names[] = { { 3, "CN" }, { 6, "C" }, { 7, "L" }, { 8, "ST" }, { 10, "O" }, { 11, "OU" } };
	if (oid->len != 3 || oid->p[0] != 0x55 || oid->p[1] != 0x04)
		return "?";
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].type == oid->p[2])
			return names[i].name;
	}
	return "?";
}

static void format_name(const mbedtls_x509_name *name, char *buffer, size_t size)
{
	struct text text = text_on(buffer, size);
	for (; name; name = name->next) {
		text_addf(&text, "%s%s=", text.length > 0 ? ", " : "", attribute_name(&name->oid));
		add_printable(&text, name->val.p, name->val.len);
	}
}

static void format_common_name(const mbedtls_x509_name *name, char *buffer, size_t size)
{
	struct text text = text_on(buffer, size);
	for (; name; name = name->next) {
		if (strcmp(attribute_name(&name->oid), "CN") != 0)
			continue;
		add_printable(&text, name->val.p, name->val.len);
		return;
	}
}

static void format_dns_name(const mbedtls_x509_crt *certificate, char *buffer, size_t size)
{
	struct text text = text_on(buffer, size);
	const mbedtls_x509_sequence *name = &certificate->subject_alt_names;
	for (; name && name->buf.p; name = name->next) {
		if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_DNS_NAME)
			continue;
		add_printable(&text, name->buf.p, name->buf.len);
		return;
	}
}

/* Days of the Gregorian calendar since 1970-01-01. Years begin on 1 March here, so that leap days come last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t epoch_of(const mbedtls_x509_time *time)
{
	return ((days_since_1970(time->year, time->mon, time->day) * 24 + time->hour) * 60 + time->min) * 60 +
	       time->sec;
}

static void hash(const mbedtls_x509_buf *bytes, struct fingerprint *fingerprint)
{
	/* fails only for a hash that is not SHA-256 */
	(void)mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), bytes->p, bytes->len, fingerprint->bytes);
}

void certificate_describe(const mbedtls_x509_crt *certificate, struct certificate_facts *facts)
{
	format_name(&certificate->subject, facts->subject, sizeof facts->subject);
	format_name(&certificate->issuer, facts->issuer, sizeof facts->issuer);
	format_common_name(&certificate->subject, facts->common_name, sizeof facts->common_name);
	format_dns_name(certificate, facts->dns_name, sizeof facts->dns_name);
	facts->not_before = epoch_of(&certificate->valid_from);
	facts->not_after = epoch_of(&certificate->valid_to);
	hash(&certificate->raw, &facts->sha256);
	hash(&certificate->pk_raw, &facts->key_sha256);
}

/*
 * The subject of a DER certificate, without parsing the rest: a system's bundle has 150 certificates, and at most a few
 * are needed. Certificate and TBSCertificate: RFC 5280 section 4.1.
 */
static bool find_subject(unsigned char *der, size_t length, mbedtls_x509_buf *subject)
{
	enum { CONSTRUCTED = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };
	static const int before_subject[] = { MBEDTLS_ASN1_INTEGER, CONSTRUCTED, CONSTRUCTED, CONSTRUCTED };
	unsigned char *at = der;
	const unsigned char *end = der + length;
	size_t count;
	if (mbedtls_asn1_get_tag(&at, end, &count, CONSTRUCTED) || mbedtls_asn1_get_tag(&at, end, &count, CONSTRUCTED))
		return false;
	if (mbedtls_asn1_get_tag(&at, end, &count,
				 MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0) == 0)
		at += count; /* version */
	for (size_t i = 0; i < sizeof before_subject / sizeof *before_subject; i++) {
		if (mbedtls_asn1_get_tag(&at, end, &count, before_subject[i]))
			return false;
		at += count;
	}
	subject->p = at;
	if (mbedtls_asn1_get_tag(&at, end, &count, CONSTRUCTED))
		return false;
	subject->len = (size_t)(at - subject->p) + count;
	return true;
}

/* Whether a certificate of the chain names this subject as its issuer; byte for byte, as Go's crypto/x509 compares. */
static bool is_issuer_in(const mbedtls_x509_crt *chain, const mbedtls_x509_buf *subject)
{
	for (; chain; chain = chain->next) {
		if (chain->issuer_raw.len == subject->len &&
		    memcmp(chain->issuer_raw.p, subject->p, subject->len) == 0)
			return true;
	}
	return false;
}

/* Parses a trust anchor when it can have issued a certificate of the chain. Returns 1, 0 or -ENOMEM. */
static int load_candidate(const mbedtls_x509_crt *chain, unsigned char *der, size_t length,
			  mbedtls_x509_crt *candidates)
{
	mbedtls_x509_buf subject;
	if (!find_subject(der, length, &subject) || !is_issuer_in(chain, &subject))
		return 0;
	int result = mbedtls_x509_crt_parse_der(candidates, der, length);
	return result == MBEDTLS_ERR_X509_ALLOC_FAILED ? -ENOMEM : result == 0;
}

static int load_candidates(const mbedtls_x509_crt *chain, const struct pem_bundle *bundle,
			   mbedtls_x509_crt *candidates, struct diag *diag)
{
	unsigned char der[CERTIFICATE_DER_MAX];
	size_t offset = 0;
	size_t forgotten = 0;
	size_t length;
	for (int found = 0; found < CANDIDATES_MAX;) {
		length = pem_next_certificate(bundle->pem, bundle->length, &offset, der, sizeof der);
		int result = length > 0 ? load_candidate(chain, der, length, candidates) : 0;
		if (result < 0)
			return diag_errno(diag, -result, "read trusted certificates");
		if (length == 0)
			break;
		found += result;
		if (bundle->mapped && offset - forgotten >= WINDOW_SIZE) {
			trust_store_forget(bundle->pem, offset);
			forgotten = offset;
		}
	}
	return 0;
}

/* What verify_one sees of a chain. */
struct verification {
	int64_t earliest; /* tls_settings.not_before */
	int64_t now; /* seconds since 1970, by the clock */
	bool clock_unset;
	char dates[TLS_REASON_SIZE]; /* which certificate is not valid now, in words */
};

static void explain_dates(const mbedtls_x509_crt *certificate, bool expired, struct verification *verification)
{
	char subject[80];
	struct text text = TEXT_ON(verification->dates);
	format_name(&certificate->subject, subject, sizeof subject);
	text_addf(&text, "certificate %s %s ", subject, expired ? "expired on" : "is not valid before");
	date_format(epoch_of(expired ? &certificate->valid_to : &certificate->valid_from), &text);
	text_add(&text, "; the clock says ");
	date_format(verification->now, &text);
}

/* Called by mbedtls for every certificate of the chain, the anchor first, with what it found wrong with it. */
static int verify_one(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct verification *verification = context;
	(void)depth;
	if (verification->now < verification->earliest) {
		verification->clock_unset = true;
		*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_EXPIRED);
		if (epoch_of(&certificate->valid_to) < verification->earliest)
			*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	}
	if (*flags & (MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_EXPIRED))
		explain_dates(certificate, *flags & MBEDTLS_X509_BADCERT_EXPIRED, verification);
	return 0;
}

/* mbedtls' flags for the chain and one name, or any; all bits set when it gave up. */
static uint32_t verify_chain(const mbedtls_x509_crt *chain, mbedtls_x509_crt *candidates, const char *name,
			     struct verification *verification)
{
	uint32_t flags = 0;
	verification->dates[0] = '\0';
	/* it writes nothing but the parsed structures' internal state; its prototype lacks the const */
	(void)mbedtls_x509_crt_verify((mbedtls_x509_crt *)(uintptr_t)chain, candidates, NULL, name, &flags, verify_one,
				      verification);
	return flags;
}

/* Tries the names until one is the certificate's. */
static uint32_t verify_names(const mbedtls_x509_crt *chain, mbedtls_x509_crt *candidates,
			     const struct tls_settings *settings, struct verification *verification)
{
	uint32_t flags = MBEDTLS_X509_BADCERT_CN_MISMATCH;
	for (size_t i = 0; i < settings->name_count && (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH); i++)
		flags = verify_chain(chain, candidates, settings->names[i], verification);
	return flags;
}

static unsigned refusals_of(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		unsigned refusal;
	} meanings[] = {
		{ MBEDTLS_X509_BADCERT_NOT_TRUSTED, TLS_REFUSED_UNTRUSTED },
		{ MBEDTLS_X509_BADCERT_CN_MISMATCH, TLS_REFUSED_NAME },
		{ MBEDTLS_X509_BADCERT_EXPIRED, TLS_REFUSED_EXPIRED },
		{ MBEDTLS_X509_BADCERT_FUTURE, TLS_REFUSED_NOT_YET_VALID },
	};
	unsigned refusals = 0;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if (flags & meanings[i].flag)
			refusals |= meanings[i].refusal;
		flags &= ~meanings[i].flag;
	}
	return flags ? refusals | TLS_REFUSED_WEAK : refusals;
}

static void explain_name(const struct tls_settings *settings, const struct certificate_facts *leaf, struct text *text)
{
	text_addf(text, "certificate %.*s", 80, *leaf->subject ? leaf->subject : "without subject");
	if (*leaf->dns_name && strcmp(leaf->dns_name, leaf->common_name) != 0)
		text_addf(text, " for %.*s", 60, leaf->dns_name);
	text_add(text, ", expected ");
	for (size_t i = 0; i < settings->name_count; i++)
		text_addf(text, "%s%.*s", i > 0 ? " or " : "", 60, settings->names[i]);
	text_add(text, settings->name_count == 0 ? "a name, but none is set" : "");
}

static bool has_anchors(const struct tls_settings *settings)
{
	for (size_t i = 0; i < TLS_ANCHORS_MAX; i++) {
		if (settings->anchors[i].length > 0)
			return true;
	}
	return settings->issuer.length > 0;
}

/* The reason that weighs most, in words. */
static void explain(const struct tls_settings *settings, const struct verification *verification,
		    struct tls_facts *facts)
{
	const struct certificate_facts *leaf = &facts->leaf;
	struct text text = TEXT_ON(facts->reason);
	if (facts->refusals & TLS_REFUSED_UNTRUSTED)
		text_addf(&text, "certificate %.*s, issued by %.*s: %s", 80, leaf->subject, 80, leaf->issuer,
			  has_anchors(settings) ? "its chain does not lead to a trusted CA" :
						  "this system has no CA certificates");
	else if (facts->refusals & TLS_REFUSED_NAME)
		explain_name(settings, leaf, &text);
	else if (*verification->dates)
		text_add(&text, verification->dates);
	else if (facts->refusals & TLS_REFUSED_USAGE)
		text_addf(&text, "certificate %.*s is not for servers", 80, leaf->subject);
	else if (facts->refusals & TLS_REFUSED_WEAK)
		text_addf(&text, "certificate %.*s: key or signature is too weak or unknown", 80, leaf->subject);
}

static bool is_pinned(const struct tls_settings *settings, const struct fingerprint *fingerprint)
{
	for (size_t i = 0; i < settings->pin_count; i++) {
		if (fingerprint_equal(&settings->pins[i], fingerprint))
			return true;
	}
	return false;
}

/* refusals of mbedtls' flags, and whether the certificate is for servers at all. */
static unsigned refusals_for_server(const mbedtls_x509_crt *leaf, uint32_t flags)
{
	unsigned refusals = refusals_of(flags);
	if (mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_SERVER_AUTH,
						      MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
		refusals |= TLS_REFUSED_USAGE;
	return refusals;
}

/*
 * Whether the certificate alone, without what came with it, is signed by one of the bundle, and valid: mbedtls' flags,
 * or -errno with a diagnostic.
 */
static int64_t verify_alone(const mbedtls_x509_crt *certificate, const struct pem_bundle *issuer,
			    struct verification *verification, struct diag *diag)
{
	mbedtls_x509_crt alone, candidates;
	mbedtls_x509_crt_init(&alone);
	mbedtls_x509_crt_init(&candidates);
	int64_t result = 0;
	if (mbedtls_x509_crt_parse_der(&alone, certificate->raw.p, certificate->raw.len) != 0)
		result = diag_errno(diag, ENOMEM, "look at a certificate");
	if (result == 0)
		result = load_candidates(&alone, issuer, &candidates, diag);
	if (result == 0)
		result = verify_chain(&alone, &candidates, NULL, verification);
	mbedtls_x509_crt_free(&alone);
	mbedtls_x509_crt_free(&candidates);
	return result;
}

/* Velociraptor's own CA: its signature is enough. Returns 0 whatever came of it, or -errno with a diagnostic. */
static int verify_by_issuer(const mbedtls_x509_crt *chain, const struct tls_settings *settings, struct tls_facts *facts,
			    struct diag *diag)
{
	struct verification verification = { .earliest = settings->not_before, .now = time(NULL) };
	if (settings->issuer.length == 0)
		return 0;
	int64_t flags = verify_alone(chain, &settings->issuer, &verification, diag);
	if (flags < 0)
		return (int)flags;
	facts->by_issuer = refusals_for_server(chain, (uint32_t)flags) == 0;
	facts->clock_unset = facts->by_issuer && verification.clock_unset;
	return 0;
}

static int verify_by_chain(const mbedtls_x509_crt *chain, const struct tls_settings *settings, struct tls_facts *facts,
			   struct diag *diag)
{
	struct verification verification = { .earliest = settings->not_before, .now = time(NULL) };
	mbedtls_x509_crt candidates;
	mbedtls_x509_crt_init(&candidates);
	int result = load_candidates(chain, &settings->issuer, &candidates, diag);
	for (size_t i = 0; i < TLS_ANCHORS_MAX && result == 0; i++)
		result = load_candidates(chain, &settings->anchors[i], &candidates, diag);
	if (result == 0) {
		facts->refusals =
			refusals_for_server(chain, verify_names(chain, &candidates, settings, &verification));
		facts->clock_unset = verification.clock_unset;
		explain(settings, &verification, facts);
	}
	mbedtls_x509_crt_free(&candidates);
	return result;
}

int certificate_verify(const mbedtls_x509_crt *chain, const struct tls_settings *settings, struct tls_facts *facts,
		       struct diag *diag)
{
	certificate_describe(chain, &facts->leaf);
	facts->has_leaf = true;
	bool pins_count = settings->trust == TLS_TRUST_PIN || settings->trust == TLS_TRUST_PIN_OR_CHAIN;
	facts->by_pin = pins_count && is_pinned(settings, &facts->leaf.sha256);
	if (settings->trust == TLS_TRUST_ANYONE)
		return 0;
	if (!facts->by_pin && settings->trust == TLS_TRUST_PIN) {
		facts->refusals = TLS_REFUSED_PIN;
		struct text text = TEXT_ON(facts->reason);
		text_addf(&text, "certificate %.*s is not the pinned one", 80, facts->leaf.subject);
	} else if (!facts->by_pin) {
		int result = verify_by_issuer(chain, settings, facts, diag);
		if (result == 0 && !facts->by_issuer)
			result = verify_by_chain(chain, settings, facts, diag);
		if (result < 0)
			return result;
	}
	facts->verified = facts->refusals == 0;
	return facts->verified ? 0 : diag_fail(diag, EKEYREJECTED, "%s", facts->reason);
}

/* ---- server.pem ---- */

/* CN, else the first DNS name, else the first address (Velociraptor's crypto/utils, GetSubjectName). */
static void format_subject_name(const mbedtls_x509_crt *certificate, struct certificate_facts *facts, char *buffer,
				size_t size)
{
	struct text text = text_on(buffer, size);
	const mbedtls_x509_sequence *name = &certificate->subject_alt_names;
	text_add(&text, *facts->common_name ? facts->common_name : facts->dns_name);
	for (; name && name->buf.p && text.length == 0; name = name->next) {
		struct address address = { .family = name->buf.len == 4 ? AF_INET : AF_INET6 };
		if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_IP_ADDRESS ||
		    (name->buf.len != 4 && name->buf.len != 16))
			continue;
		memcpy(address.bytes, name->buf.p, name->buf.len);
		address_format(&address, &text);
	}
}

/* What is wrong with it, as words behind "certificate X"; 0: nothing, 1: reason says it, or -errno. */
static int find_fault(mbedtls_x509_crt *certificate, const struct certificate_demand *demand,
		      struct certificate_facts *facts, struct text *reason, struct diag *diag)
{
	struct verification verification = { .earliest = demand->not_before, .now = time(NULL) };
	char name[HOST_NAME_MAX_LENGTH + 1];
	certificate_describe(certificate, facts);
	format_subject_name(certificate, facts, name, sizeof name);
	if (mbedtls_pk_get_type(&certificate->pk) != MBEDTLS_PK_RSA) {
		text_addf(reason, "certificate %.*s: expected an RSA key", 80, facts->subject);
		return 1;
	}
	int64_t flags = verify_alone(certificate, &demand->issuer, &verification, diag);
	if (flags < 0)
		return (int)flags;
	unsigned refusals = refusals_of((uint32_t)flags);
	if (refusals & TLS_REFUSED_UNTRUSTED)
		text_addf(reason, "certificate %.*s, issued by %.*s: not signed by the CA", 80, facts->subject, 80,
			  facts->issuer);
	else if (*verification.dates)
		text_add(reason, verification.dates);
	else if (refusals)
		text_addf(reason, "certificate %.*s: key or signature is too weak or unknown", 80, facts->subject);
	else if (strcmp(name, demand->name) != 0)
		text_addf(reason, "certificate %.*s, expected %.*s", 80, facts->subject, 80, demand->name);
	else if (demand->key && !fingerprint_equal(demand->key, &facts->key_sha256))
		text_addf(reason, "certificate %.*s has another key than the TLS connection", 80, facts->subject);
	return reason->length > 0;
}

int certificate_check(const char *pem, size_t length, const struct certificate_demand *demand,
		      struct certificate_facts *facts, char *reason, size_t reason_size, struct diag *diag)
{
	unsigned char der[CERTIFICATE_DER_MAX];
	struct text text = text_on(reason, reason_size);
	mbedtls_x509_crt certificate;
	size_t offset = 0;
	*facts = (struct certificate_facts){ 0 };
	size_t der_length = pem_next_certificate(pem, length, &offset, der, sizeof der);
	if (der_length == 0) {
		text_addf(&text, "expected a certificate, found %s", length > 0 ? "other text" : "nothing");
		return 1;
	}
	if (psa_crypto_init() != PSA_SUCCESS)
		return diag_fail(diag, EIO, "look at a certificate: no random numbers");
	mbedtls_x509_crt_init(&certificate);
	int result = mbedtls_x509_crt_parse_der(&certificate, der, der_length);
	if (result == MBEDTLS_ERR_X509_ALLOC_FAILED) {
		result = diag_errno(diag, ENOMEM, "look at a certificate");
	} else if (result != 0) {
		text_add(&text, "its certificate is damaged");
		result = 1;
	} else {
		result = find_fault(&certificate, demand, facts, &text, diag);
	}
	mbedtls_x509_crt_free(&certificate);
	return result;
}
