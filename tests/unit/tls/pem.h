/* pem.h: certificates for tests, in files. */
#ifndef CHATTERBOX_TESTS_UNIT_TLS_PEM_H
#define CHATTERBOX_TESTS_UNIT_TLS_PEM_H

/* A certificate that vouches for itself, of localhost and 127.0.0.1, good from and to so many seconds from now; and its key, if key_path is not NULL. */
void pem_make(const char *path, const char *key_path, long begins, long ends);

/* Put the second file behind the first. */
void pem_append(const char *path, const char *other_path);

#endif
