#include "unit/tls/pem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "runtime/check.h"

void pem_make(const char *path, const char *key_path, long begins, long ends)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    CHECK_MEMORY(key);
    CHECK_MEMORY(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), begins);
    X509_gmtime_adj(X509_getm_notAfter(certificate), ends);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    CHECK(X509_add_ext(certificate, names, -1) == 1);
    X509_EXTENSION_free(names);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    if (key_path != NULL) {
        file = fopen(key_path, "w");
        CHECK(file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void pem_append(const char *path, const char *other_path)
{
    char bytes[8192];
    FILE *file = fopen(path, "a"), *other = fopen(other_path, "r");
    CHECK(file != NULL && other != NULL);
    const size_t length = fread(bytes, 1, sizeof bytes, other);
    CHECK(fwrite(bytes, 1, length, file) == length && fclose(file) == 0 && fclose(other) == 0);
}
