/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.h with mbedtls 3.6. */
#include "tls/tls.h"

#include <errno.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/text.h"
#include "tls/certificate_mbedtls.h"
#include "tls/pem.h"

enum { IDENTITY_DER_MAX = 8192 }; /* bytes of a certificate or private key */

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt certificate; /* the identity's, or empty */
	mbedtls_pk_context key;
	int fd;
	int error; /* errno of the socket, when that was what failed */
};

/* What mbedtls wants to hear about a send or recv that returned count. */
static int socket_result(struct tls *tls, ssize_t count, int again, int failed)
{
	if (count >= 0)
		return (int)count;
	if (errno == EAGAIN || errno == EINTR)
		return again;
	tls->error = errno;
	return failed;
}

static int send_bytes(void *context, const unsigned char *bytes, size_t count)
{
	struct tls *tls = context;
	return socket_result(tls, send(tls->fd, bytes, count, MSG_NOSIGNAL), MBEDTLS_ERR_SSL_WANT_WRITE,
			     MBEDTLS_ERR_NET_SEND_FAILED);
}

static int receive_bytes(void *context, unsigned char *buffer, size_t size)
{
	struct tls *tls = context;
	return socket_result(tls, recv(tls->fd, buffer, size, 0), MBEDTLS_ERR_SSL_WANT_READ,
			     MBEDTLS_ERR_NET_RECV_FAILED);
}

/* The alerts that servers send to clients they do not like (RFC 8446 section 6). */
static const char *alert_name(unsigned alert)
{
	static const struct {
		unsigned char number;
		char name[28];
	} names[] = {
		{ 40, "handshake failure" }, { 42, "bad certificate" },	  { 47, "illegal parameter" },
		{ 48, "unknown CA" },	     { 70, "protocol version" },  { 80, "internal error" },
		{ 112, "unrecognized name" }, { 116, "client certificate required" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].number == alert)
			return names[i].name;
	}
	return "see RFC 8446 section 6";
}

/* Turns an error of mbedtls into -errno and a diagnostic about what was attempted. */
static int fail(const struct tls *tls, int error, const char *attempt, struct diag *diag)
{
	switch (error) {
	case MBEDTLS_ERR_NET_SEND_FAILED:
	case MBEDTLS_ERR_NET_RECV_FAILED:
		return diag_errno(diag, tls->error, "%s", attempt);
	case MBEDTLS_ERR_SSL_CONN_EOF:
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		return diag_fail(diag, ECONNRESET, "%s: the peer closed the connection", attempt);
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: {
		/* no function gives the alert's number; the message it came in is still there */
		unsigned alert = tls->ssl.MBEDTLS_PRIVATE(in_msg)[1];
		return diag_fail(diag, EPROTO, "%s: the peer sent alert %u (%s)", attempt, alert, alert_name(alert));
	}
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
		return diag_fail(diag, EPROTO, "%s: the answer is not TLS, or damaged", attempt);
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		return diag_fail(diag, EPROTO, "%s: the peer has neither TLS 1.2 nor 1.3", attempt);
	default:
		/* calloc's: on its way up it becomes all kinds of errors, like "handshake failure" */
		if (errno == ENOMEM)
			return diag_errno(diag, ENOMEM, "%s", attempt);
		return diag_fail(diag, EPROTO, "%s: TLS error -0x%04x", attempt, (unsigned)-error);
	}
}

/* Waits for what mbedtls wants, or fails. Returns 0 when the call should be made again. */
static int wait_or_fail(const struct tls *tls, int error, struct deadline deadline, const char *attempt,
			struct diag *diag)
{
	if (error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		return 0;
	if (error != MBEDTLS_ERR_SSL_WANT_READ && error != MBEDTLS_ERR_SSL_WANT_WRITE)
		return fail(tls, error, attempt, diag);
	struct pollfd ready = { .fd = tls->fd, .events = error == MBEDTLS_ERR_SSL_WANT_READ ? POLLIN : POLLOUT };
	int left = deadline_left(deadline);
	if (left == 0 || poll(&ready, 1, left) == 0)
		return diag_fail(diag, ETIMEDOUT, "%s: no answer in time", attempt);
	return 0;
}

static int no_certificate(struct diag *diag)
{
	return diag_fail(diag, EPROTO, "TLS handshake: the peer sent no certificate");
}

/*
 * When the peer has shown that the key is its own, with TLS 1.2 (ECDHE) and 1.3 alike, and before it gets anything of
 * ours: strangers are shown no client certificate.
 */
static int verify_peer(const struct tls *tls, const struct tls_settings *settings, struct tls_facts *facts,
		       struct diag *diag)
{
	const mbedtls_ssl_session *session = tls->ssl.MBEDTLS_PRIVATE(session_negotiate);
	text_copy(facts->version, sizeof facts->version, mbedtls_ssl_get_version(&tls->ssl));
	text_copy(facts->cipher, sizeof facts->cipher,
		  mbedtls_ssl_get_ciphersuite_name(session->MBEDTLS_PRIVATE(ciphersuite)));
	if (!session->MBEDTLS_PRIVATE(peer_cert))
		return no_certificate(diag);
	return certificate_verify(session->MBEDTLS_PRIVATE(peer_cert), settings, facts, diag);
}

/* No function says whether the server asks for a client certificate; its message is still there after that step. */
static int handshake(struct tls *tls, const struct tls_settings *settings, struct deadline deadline,
		     struct tls_facts *facts, struct diag *diag)
{
	while (!mbedtls_ssl_is_handshake_over(&tls->ssl)) {
		int state = tls->ssl.MBEDTLS_PRIVATE(state);
		bool may_ask = state == MBEDTLS_SSL_CERTIFICATE_REQUEST;
		int result = 0;
		if (state == MBEDTLS_SSL_CLIENT_CERTIFICATE && !facts->has_leaf)
			result = verify_peer(tls, settings, facts, diag);
		if (result < 0)
			return result;
		errno = 0; /* for `fail' */
		result = mbedtls_ssl_handshake_step(&tls->ssl);
		if (result != 0)
			result = wait_or_fail(tls, result, deadline, "TLS handshake", diag);
		else if (may_ask)
			facts->asks_identity = *tls->ssl.MBEDTLS_PRIVATE(in_msg) == MBEDTLS_SSL_HS_CERTIFICATE_REQUEST;
		if (result < 0)
			return result;
	}
	return facts->has_leaf ? 0 : no_certificate(diag);
}

/* Returns 0 or mbedtls' error. */
static int read_identity(struct tls *tls, const struct tls_identity *identity)
{
	unsigned char der[IDENTITY_DER_MAX];
	const struct pem_bundle *bundle = &identity->certificate;
	size_t offset = 0;
	size_t length;
	int result = 0;
	while (result == 0 && (length = pem_next_certificate(bundle->pem, bundle->length, &offset, der, sizeof der)))
		result = mbedtls_x509_crt_parse_der(&tls->certificate, der, length);
	length = pem_private_key(identity->key.pem, identity->key.length, der, sizeof der);
	if (result == 0)
		result = mbedtls_pk_parse_key(&tls->key, der, length, NULL, 0, mbedtls_psa_get_random,
					      MBEDTLS_PSA_RANDOM_STATE);
	explicit_bzero(der, sizeof der);
	return result ? result : mbedtls_ssl_conf_own_cert(&tls->config, &tls->certificate, &tls->key);
}

static int configure(struct tls *tls, const struct tls_settings *settings)
{
	errno = 0;
	int result = mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
						 MBEDTLS_SSL_PRESET_DEFAULT);
	if (result != 0)
		return result;
	/* verify_peer decides */
	mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_min_tls_version(&tls->config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_rng(&tls->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	result = mbedtls_ssl_setup(&tls->ssl, &tls->config);
	if (result != 0)
		return result;
	mbedtls_ssl_set_bio(&tls->ssl, tls, send_bytes, receive_bytes, NULL);
	struct address literal; /* RFC 6066 section 3: literal addresses are not permitted in SNI */
	bool send_name = settings->server_name && !address_parse(settings->server_name, &literal);
	return mbedtls_ssl_set_hostname(&tls->ssl, send_name ? settings->server_name : NULL);
}

static int shake_hands(struct tls *tls, const struct tls_settings *settings, struct deadline deadline,
				struct tls_facts *facts, struct diag *diag)
{
	int result = configure(tls, settings);
	if (result != 0)
		return fail(tls, result, "prepare TLS", diag);
	if (settings->identity.certificate.length > 0 && read_identity(tls, &settings->identity) != 0)
		return diag_fail(diag, EBADMSG, "our client certificate or its private key can't be read");
	return handshake(tls, settings, deadline, facts, diag);
}

int tls_open(int fd, const struct tls_settings *settings, struct deadline deadline, struct tls **tls,
	     struct tls_facts *facts, struct diag *diag)
{
	*facts = (struct tls_facts){ 0 };
	if (psa_crypto_init() != PSA_SUCCESS)
		return diag_fail(diag, EIO, "prepare TLS: no random numbers");
	struct tls *opened = calloc(1, sizeof *opened);
	if (!opened)
		return diag_errno(diag, ENOMEM, "prepare TLS");
	opened->fd = fd;
	mbedtls_ssl_init(&opened->ssl);
	mbedtls_ssl_config_init(&opened->config);
	mbedtls_x509_crt_init(&opened->certificate);
	mbedtls_pk_init(&opened->key);
	int result = shake_hands(opened, settings, deadline, facts, diag);
	if (result < 0)
		tls_close(opened);
	else
		*tls = opened;
	return result;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	(void)mbedtls_ssl_close_notify(&tls->ssl);
	mbedtls_ssl_free(&tls->ssl);
	mbedtls_ssl_config_free(&tls->config);
	mbedtls_x509_crt_free(&tls->certificate);
	mbedtls_pk_free(&tls->key);
	free(tls);
}

long tls_receive(struct tls *tls, void *buffer, size_t size, struct deadline deadline, struct diag *diag)
{
	for (;;) {
		errno = 0;
		int result = mbedtls_ssl_read(&tls->ssl, buffer, size);
		if (result > 0)
			return result;
		if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
			return 0;
		if (result == 0)
			result = MBEDTLS_ERR_SSL_CONN_EOF;
		result = wait_or_fail(tls, result, deadline, "receive", diag);
		if (result < 0)
			return result;
	}
}

int tls_send_all(struct tls *tls, const void *bytes, size_t count, struct deadline deadline, struct diag *diag)
{
	const unsigned char *at = bytes;
	while (count > 0) {
		errno = 0;
		int result = mbedtls_ssl_write(&tls->ssl, at, count);
		if (result >= 0) {
			at += result;
			count -= (size_t)result;
			continue;
		}
		result = wait_or_fail(tls, result, deadline, "send", diag);
		if (result < 0)
			return result;
	}
	return 0;
}
