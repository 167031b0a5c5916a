#include "bus/seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bytes.h"
#include "runtime/check.h"

enum { FILE_BYTES_MIN = 32, FILE_BYTES_MAX = 4096, PATH_BYTES = 1024, KEY_BYTES = 32, NONCE_BYTES = 12 };

struct seal {
    EVP_CIPHER_CTX *encrypt; /* each made when it is used first: of another node's key one is enough */
    EVP_CIPHER_CTX *decrypt;
    uint8_t key[KEY_BYTES];
};

static bool load_file(uint8_t secret[SEAL_SECRET_BYTES], const char *path, size_t path_length, char error[SEAL_ERROR_BYTES])
{
    char name[PATH_BYTES];
    uint8_t bytes[FILE_BYTES_MAX + 1];
    if (path_length == 0 || path_length >= sizeof name) {
        snprintf(error, SEAL_ERROR_BYTES, "--cluster-secret-file: expected a path, or two with a comma between them");
        return false;
    }
    memcpy(name, path, path_length);
    name[path_length] = '\0';
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        snprintf(error, SEAL_ERROR_BYTES, "--cluster-secret-file %.140s: %s", name, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it in a buffer */
    size_t length = fread(bytes, 1, sizeof bytes, file);
    bool is_good = ferror(file) == 0 && length >= FILE_BYTES_MIN && length <= FILE_BYTES_MAX;
    fclose(file);
    if (is_good)
        SHA256(bytes, length, secret);
    else
        snprintf(error, SEAL_ERROR_BYTES, "--cluster-secret-file %.140s: expected a file of %d to %d random bytes", name, FILE_BYTES_MIN,
                 FILE_BYTES_MAX);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return is_good;
}

bool seal_secrets_load(struct seal_secrets *secrets, const char *paths, char error[SEAL_ERROR_BYTES])
{
    struct seal_secrets loaded = { 0 };
    const char *comma = strchr(paths, ',');
    size_t first = comma != NULL ? (size_t)(comma - paths) : strlen(paths);
    bool is_good = load_file(loaded.secret[loaded.count++], paths, first, error) &&
                   (comma == NULL || load_file(loaded.secret[loaded.count++], comma + 1, strlen(comma + 1), error));
    if (is_good)
        *secrets = loaded;
    seal_secrets_wipe(&loaded);
    return is_good;
}

void seal_secrets_wipe(struct seal_secrets *secrets)
{
    OPENSSL_cleanse(secrets, sizeof *secrets);
}

static void derive(uint8_t key[KEY_BYTES], const uint8_t secret[SEAL_SECRET_BYTES], uint64_t source, uint64_t life)
{
    static const unsigned char salt[] = "chatterbox bus";
    uint8_t info[16];
    size_t length = KEY_BYTES;
    bytes_put_64(info, source);
    bytes_put_64(info + 8, life);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    CHECK_MEMORY(context);
    CHECK(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
          EVP_PKEY_CTX_set1_hkdf_salt(context, salt, sizeof salt - 1) == 1 &&
          EVP_PKEY_CTX_set1_hkdf_key(context, secret, SEAL_SECRET_BYTES) == 1 &&
          EVP_PKEY_CTX_add1_hkdf_info(context, info, sizeof info) == 1 && EVP_PKEY_derive(context, key, &length) == 1);
    EVP_PKEY_CTX_free(context);
}

struct seal *seal_new(const uint8_t secret[SEAL_SECRET_BYTES], uint64_t source, uint64_t life)
{
    struct seal *seal = calloc(1, sizeof *seal);
    CHECK_MEMORY(seal);
    derive(seal->key, secret, source, life);
    return seal;
}

void seal_free(struct seal **pointer)
{
    struct seal *seal = *pointer;
    if (seal == NULL)
        return;
    *pointer = NULL;
    EVP_CIPHER_CTX_free(seal->encrypt);
    EVP_CIPHER_CTX_free(seal->decrypt);
    OPENSSL_cleanse(seal->key, sizeof seal->key);
    free(seal);
}

/* A batch that does not fit into an int is no batch. */
static int int_of(size_t length)
{
    CHECK(length <= INT_MAX);
    return (int)length;
}

static void nonce_of(uint8_t nonce[NONCE_BYTES], uint64_t number)
{
    memset(nonce, 0, NONCE_BYTES);
    bytes_put_64(nonce + NONCE_BYTES - 8, number);
}

void seal_close(struct seal *seal, uint64_t number, const void *clear, size_t clear_length, uint8_t *bytes, size_t length,
                uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t nonce[NONCE_BYTES];
    int done;
    nonce_of(nonce, number);
    if (seal->encrypt == NULL) {
        seal->encrypt = EVP_CIPHER_CTX_new();
        CHECK_MEMORY(seal->encrypt);
        CHECK(EVP_EncryptInit_ex(seal->encrypt, EVP_aes_256_gcm(), NULL, seal->key, NULL) == 1);
    }
    CHECK(EVP_EncryptInit_ex(seal->encrypt, NULL, NULL, NULL, nonce) == 1 &&
          EVP_EncryptUpdate(seal->encrypt, NULL, &done, clear, int_of(clear_length)) == 1 &&
          EVP_EncryptUpdate(seal->encrypt, bytes, &done, bytes, int_of(length)) == 1 &&
          EVP_EncryptFinal_ex(seal->encrypt, bytes + done, &done) == 1 &&
          EVP_CIPHER_CTX_ctrl(seal->encrypt, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_BYTES, tag) == 1);
}

bool seal_open(struct seal *seal, uint64_t number, const void *clear, size_t clear_length, uint8_t *bytes, size_t length,
               const uint8_t tag[SEAL_TAG_BYTES])
{
    uint8_t nonce[NONCE_BYTES], expected[SEAL_TAG_BYTES];
    int done;
    nonce_of(nonce, number);
    memcpy(expected, tag, sizeof expected); /* OpenSSL does not say that it only reads it */
    if (seal->decrypt == NULL) {
        seal->decrypt = EVP_CIPHER_CTX_new();
        CHECK_MEMORY(seal->decrypt);
        CHECK(EVP_DecryptInit_ex(seal->decrypt, EVP_aes_256_gcm(), NULL, seal->key, NULL) == 1);
    }
    CHECK(EVP_DecryptInit_ex(seal->decrypt, NULL, NULL, NULL, nonce) == 1 &&
          EVP_DecryptUpdate(seal->decrypt, NULL, &done, clear, int_of(clear_length)) == 1 &&
          EVP_DecryptUpdate(seal->decrypt, bytes, &done, bytes, int_of(length)) == 1 &&
          EVP_CIPHER_CTX_ctrl(seal->decrypt, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_BYTES, expected) == 1);
    return EVP_DecryptFinal_ex(seal->decrypt, bytes + done, &done) == 1;
}
