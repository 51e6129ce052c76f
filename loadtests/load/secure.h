/* The client's side of TLS on a socket, by OpenSSL: nothing is verified, what is measured is what it costs. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct secure;

/* Shakes hands on a blocking socket, which stays the caller's. Exits if that fails. */
struct secure *secure_new(int fd);

/* Says goodbye, as far as that is possible at once. NULL is fine. */
void secure_free(struct secure *secure);

/* As send and recv on a socket that does not block; errno is EAGAIN, or EPIPE if it is lost. */
ssize_t secure_send(struct secure *secure, const char *bytes, size_t count);
ssize_t secure_receive(struct secure *secure, char *bytes, size_t room);
