/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mbedtls compiles because a function pointer, or a branch that is never taken here, leads to it. Included before
 * each of its files, with SOURCE_ and the file's name defined: in the file that is named, calls of these functions
 * fail. The compiler then drops them, and what only they need.
 */
#ifndef THIRD_PARTY_MBEDTLS_SMALL_H
#define THIRD_PARTY_MBEDTLS_SMALL_H

#include "common.h"

/*
 * libs/tls has it: whether this program can have a certificate to show. A constant, so that link-time optimisation
 * leaves out what signs where it can't; not a macro, because all configurations share one compiled mbedtls.
 */
extern const unsigned char tls_may_identify;

/* The tables of functions for each kind of key: nothing is encrypted with one, and no two are compared. */
#ifdef SOURCE_pk_wrap
#include "mbedtls/pk.h"
#define mbedtls_rsa_pkcs1_encrypt(...) MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE
#define mbedtls_rsa_pkcs1_decrypt(...) MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE
#define mbedtls_rsa_check_pub_priv(...) MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE
#define mbedtls_ecp_check_pub_priv(...) MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE
#include "mbedtls/ecdsa.h"
#define mbedtls_rsa_pkcs1_sign(...) \
	(tls_may_identify ? mbedtls_rsa_pkcs1_sign(__VA_ARGS__) : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE)
#define mbedtls_ecdsa_write_signature(...) \
	(tls_may_identify ? mbedtls_ecdsa_write_signature(__VA_ARGS__) : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE)
#endif

/* The client's messages with its certificate and what proves that it is its own. */
#if defined SOURCE_ssl_tls || defined SOURCE_ssl_tls12_client || defined SOURCE_ssl_tls13_client || \
	defined SOURCE_ssl_tls13_generic
#include "ssl_misc.h"
#define mbedtls_ssl_own_cert(ssl) (tls_may_identify ? mbedtls_ssl_own_cert(ssl) : NULL)
#define mbedtls_ssl_own_key(ssl) (tls_may_identify ? mbedtls_ssl_own_key(ssl) : NULL)
#endif

/* The table of functions for AES alone: only GCM is used, which calls AES itself. */
#ifdef SOURCE_cipher_wrap
#include "mbedtls/aes.h"
#include "mbedtls/cipher.h"
#define mbedtls_aes_crypt_ecb(...) MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE
#define mbedtls_aes_setkey_enc(...) MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE
#endif

/* A private key is read whole (RFC 8017, appendix A.1.2, with no number missing or 0): nothing is left to deduce. */
#ifdef SOURCE_rsa
#include "mbedtls/rsa.h"
#include "rsa_alt_helpers.h"
#define mbedtls_rsa_deduce_primes(...) MBEDTLS_ERR_RSA_BAD_INPUT_DATA
#define mbedtls_rsa_deduce_private_exponent(...) MBEDTLS_ERR_RSA_BAD_INPUT_DATA
#endif

/* libs/tls verifies chains itself, and tells mbedtls not to (MBEDTLS_SSL_VERIFY_NONE). */
#ifdef SOURCE_ssl_tls
#include "mbedtls/x509_crt.h"
#define mbedtls_x509_crt_verify_restartable(...) MBEDTLS_ERR_X509_FATAL_ERROR
#define mbedtls_x509_crt_check_key_usage(...) MBEDTLS_ERR_X509_FATAL_ERROR
#define mbedtls_x509_crt_check_extended_key_usage(...) MBEDTLS_ERR_X509_FATAL_ERROR
#endif

#endif
