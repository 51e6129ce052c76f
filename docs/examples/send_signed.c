/* Sends each line of standard input as a signed datagram: SLUICE_KEY=slw_… send_signed HOST PORT < events.ndjson
 * Build it with: cc send_signed.c -o send_signed -lcrypto */
#include <netdb.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MARK "SluiceH\x01"

/* Writes the trailer behind `length` bytes of a payload; returns the length of both. */
static size_t sign(unsigned char *datagram, size_t length, const char *key)
{
    unsigned char secret[32], id[32], mac[32];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned long long ns = (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
    SHA256((const unsigned char *)key, strlen(key), secret);
    SHA256(secret, sizeof secret, id);
    for (int i = 0; i < 8; i++) {
        datagram[length++] = (unsigned char)(ns >> 8 * i);
    }
    memcpy(datagram + length, id, 8);
    HMAC(EVP_sha256(), secret, sizeof secret, datagram, length + 8, mac, NULL);
    memcpy(datagram + length + 8, mac, 16);
    memcpy(datagram + length + 24, MARK, 8);
    return length + 32;
}

int main(int count, char **arguments)
{
    static char line[65507];
    struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *to;
    const char *key = getenv("SLUICE_KEY");
    if (count != 3 || key == NULL || getaddrinfo(arguments[1], arguments[2], &hints, &to) != 0) {
        fprintf(stderr, "usage: SLUICE_KEY=… send_signed HOST PORT < events.ndjson\n");
        return 2;
    }
    int sender = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    while (fgets(line, sizeof line - 40, stdin) != NULL) {
        size_t length = sign((unsigned char *)line, strcspn(line, "\n"), key);
        sendto(sender, line, length, 0, to->ai_addr, to->ai_addrlen);
    }
    freeaddrinfo(to);
    return 0;
}
