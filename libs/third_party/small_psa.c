/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of PSA's cryptography that mbedtls' TLS 1.3 calls, over mbedtls' own HMAC and curves: random numbers,
 * one hash, one HMAC, HKDF (RFC 5869), and one exchange of keys (ECDH). What mbedtls brings is 12 KB larger, for keys
 * of all kinds, with policies, in any number. Here there is one key to exchange and one for an HMAC at a time: a
 * process makes one connection, and TLS 1.3 wants no more of them for it.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <errno.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

enum { NO_KEY, EXCHANGE_KEY, MAC_KEY };

static mbedtls_ecp_keypair exchange; /* its curve is MBEDTLS_ECP_DP_NONE when there is none */
static struct {
	uint8_t bytes[PSA_HASH_MAX_SIZE];
	size_t length; /* 0: there is none */
} mac_key;

static psa_status_t status_of(int error)
{
	switch (error) {
	case 0:
		return PSA_SUCCESS;
	case MBEDTLS_ERR_MPI_ALLOC_FAILED:
	case MBEDTLS_ERR_ECP_ALLOC_FAILED:
	case MBEDTLS_ERR_MD_ALLOC_FAILED:
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	case MBEDTLS_ERR_ECP_BAD_INPUT_DATA:
	case MBEDTLS_ERR_ECP_INVALID_KEY:
		return PSA_ERROR_INVALID_ARGUMENT;
	default:
		return PSA_ERROR_GENERIC_ERROR;
	}
}

psa_status_t psa_crypto_init(void)
{
	return PSA_SUCCESS;
}

/* The only source of randomness: no file is opened, no state is kept. */
psa_status_t psa_generate_random(uint8_t *output, size_t output_size)
{
	for (size_t done = 0; done < output_size;) {
		ssize_t count = getrandom(output + done, output_size - done, 0);
		if (count < 0 && errno != EINTR)
			return PSA_ERROR_INSUFFICIENT_ENTROPY;
		done += count > 0 ? (size_t)count : 0;
	}
	return PSA_SUCCESS;
}

/* ---- hashes ---- */

static const mbedtls_md_info_t *hash_in(psa_algorithm_t alg)
{
	return mbedtls_md_info_from_type(mbedtls_md_type_from_psa_alg(alg));
}

static size_t hash_length_in(psa_algorithm_t alg)
{
	return mbedtls_md_get_size(hash_in(alg));
}

psa_status_t psa_hash_compute(psa_algorithm_t alg, const uint8_t *input, size_t input_length, uint8_t *hash,
			      size_t hash_size, size_t *hash_length)
{
	*hash_length = hash_length_in(alg);
	if (*hash_length > hash_size)
		return PSA_ERROR_BUFFER_TOO_SMALL;
	return status_of(mbedtls_md(hash_in(alg), input, input_length, hash));
}

/*
 * HMAC with the hash in alg. For HKDF-Expand the number of the block follows the data (RFC 5869 section 2.3), which is
 * always the first: TLS 1.3 never wants more than a hash's length.
 */
static psa_status_t hmac(psa_algorithm_t alg, const uint8_t *key, size_t key_length, const uint8_t *data,
			 size_t data_length, uint8_t *mac)
{
	static const uint8_t block = 1;
	mbedtls_md_context_t context;
	mbedtls_md_init(&context);
	int error = mbedtls_md_setup(&context, hash_in(alg), true);
	if (error == 0)
		error = mbedtls_md_hmac_starts(&context, key, key_length);
	if (error == 0)
		error = mbedtls_md_hmac_update(&context, data, data_length);
	if (error == 0 && PSA_ALG_IS_HKDF_EXPAND(alg))
		error = mbedtls_md_hmac_update(&context, &block, 1);
	if (error == 0)
		error = mbedtls_md_hmac_finish(&context, mac);
	mbedtls_md_free(&context);
	return status_of(error);
}

psa_status_t psa_mac_compute(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const uint8_t *input, size_t input_length,
			     uint8_t *mac, size_t mac_size, size_t *mac_length)
{
	*mac_length = hash_length_in(alg);
	if (key != MAC_KEY)
		return PSA_ERROR_INVALID_HANDLE;
	if (*mac_length > mac_size)
		return PSA_ERROR_BUFFER_TOO_SMALL;
	return hmac(alg, mac_key.bytes, mac_key.length, input, input_length, mac);
}

/* ---- HKDF: each of its two halves is one HMAC, of the second input with the first as the key ---- */

/* The operation's capacity is the length of its first input. */
psa_status_t psa_key_derivation_setup(psa_key_derivation_operation_t *operation, psa_algorithm_t alg)
{
	operation->alg = alg;
	return PSA_SUCCESS;
}

psa_status_t psa_key_derivation_input_bytes(psa_key_derivation_operation_t *operation, psa_key_derivation_step_t step,
					    const uint8_t *data, size_t data_length)
{
	psa_hkdf_key_derivation_t *hkdf = &operation->ctx.hkdf;
	bool expands = PSA_ALG_IS_HKDF_EXPAND(operation->alg);
	if (step != (expands ? PSA_KEY_DERIVATION_INPUT_SECRET : PSA_KEY_DERIVATION_INPUT_SALT))
		return hmac(operation->alg, hkdf->prk, operation->capacity, data, data_length, hkdf->output_block);
	if (data_length > sizeof hkdf->prk)
		return PSA_ERROR_NOT_SUPPORTED;
	memcpy(hkdf->prk, data, data_length);
	operation->capacity = data_length;
	return PSA_SUCCESS;
}

psa_status_t psa_key_derivation_output_bytes(psa_key_derivation_operation_t *operation, uint8_t *output,
					     size_t output_length)
{
	if (output_length > hash_length_in(operation->alg))
		return PSA_ERROR_NOT_SUPPORTED;
	memcpy(output, operation->ctx.hkdf.output_block, output_length);
	return PSA_SUCCESS;
}

psa_status_t psa_key_derivation_abort(psa_key_derivation_operation_t *operation)
{
	explicit_bzero(operation, sizeof *operation);
	return PSA_SUCCESS;
}

/* ---- keys ---- */

psa_status_t psa_import_key(const psa_key_attributes_t *attributes, const uint8_t *data, size_t data_length,
			    mbedtls_svc_key_id_t *key)
{
	if (psa_get_key_type(attributes) != PSA_KEY_TYPE_HMAC || data_length > sizeof mac_key.bytes)
		return PSA_ERROR_NOT_SUPPORTED;
	if (mac_key.length > 0)
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	memcpy(mac_key.bytes, data, data_length);
	mac_key.length = data_length;
	*key = MAC_KEY;
	return PSA_SUCCESS;
}

psa_status_t psa_generate_key(const psa_key_attributes_t *attributes, mbedtls_svc_key_id_t *key)
{
	mbedtls_ecp_group_id curve = mbedtls_ecc_group_from_psa(
		PSA_KEY_TYPE_ECC_GET_FAMILY(psa_get_key_type(attributes)), psa_get_key_bits(attributes));
	if (exchange.grp.id != MBEDTLS_ECP_DP_NONE)
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	mbedtls_ecp_keypair_init(&exchange);
	int error = mbedtls_ecp_gen_key(curve, &exchange, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
	if (error == 0)
		*key = EXCHANGE_KEY;
	else
		mbedtls_ecp_keypair_free(&exchange);
	return status_of(error);
}

psa_status_t psa_get_key_attributes(mbedtls_svc_key_id_t key, psa_key_attributes_t *attributes)
{
	if (key != EXCHANGE_KEY)
		return PSA_ERROR_INVALID_HANDLE;
	psa_set_key_bits(attributes, exchange.grp.pbits);
	return PSA_SUCCESS;
}

psa_status_t psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t *data, size_t data_size, size_t *data_length)
{
	if (key != EXCHANGE_KEY)
		return PSA_ERROR_INVALID_HANDLE;
	return status_of(mbedtls_ecp_point_write_binary(&exchange.grp, &exchange.Q,
							MBEDTLS_ECP_PF_UNCOMPRESSED, data_length, data, data_size));
}

static int agree(const uint8_t *peer_key, size_t peer_key_length, mbedtls_ecp_point *peer, mbedtls_mpi *secret,
		 uint8_t *output, size_t output_length)
{
	mbedtls_ecp_group *curve = &exchange.grp;
	int error = mbedtls_ecp_point_read_binary(curve, peer, peer_key, peer_key_length);
	if (error == 0)
		error = mbedtls_ecp_check_pubkey(curve, peer);
	if (error == 0)
		error = mbedtls_ecdh_compute_shared(curve, secret, peer, &exchange.d, mbedtls_psa_get_random,
						    MBEDTLS_PSA_RANDOM_STATE);
	return error ? error : mbedtls_mpi_write_binary(secret, output, output_length);
}

psa_status_t psa_raw_key_agreement(psa_algorithm_t alg, mbedtls_svc_key_id_t private_key, const uint8_t *peer_key,
				   size_t peer_key_length, uint8_t *output, size_t output_size, size_t *output_length)
{
	size_t length = PSA_BITS_TO_BYTES(exchange.grp.pbits);
	mbedtls_ecp_point peer;
	mbedtls_mpi secret;
	if (private_key != EXCHANGE_KEY)
		return PSA_ERROR_INVALID_HANDLE;
	if (alg != PSA_ALG_ECDH || peer_key_length != 2 * length + 1) /* a point that is not compressed */
		return PSA_ERROR_INVALID_ARGUMENT;
	if (length > output_size)
		return PSA_ERROR_BUFFER_TOO_SMALL;
	mbedtls_ecp_point_init(&peer);
	mbedtls_mpi_init(&secret);
	int error = agree(peer_key, peer_key_length, &peer, &secret, output, length);
	mbedtls_ecp_point_free(&peer);
	mbedtls_mpi_free(&secret);
	*output_length = length;
	return status_of(error);
}

psa_status_t psa_destroy_key(mbedtls_svc_key_id_t key)
{
	if (key == EXCHANGE_KEY)
		mbedtls_ecp_keypair_free(&exchange);
	if (key == MAC_KEY)
		explicit_bzero(&mac_key, sizeof mac_key);
	return key <= MAC_KEY ? PSA_SUCCESS : PSA_ERROR_INVALID_HANDLE;
}
