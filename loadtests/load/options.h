/* The options: declared once, in a table that parses them, checks them and prints the help. */
#pragma once

#include "body.h"
#include "compress.h"

#include <netinet/in.h>

enum protocol_bit { ON_HTTP = 1, ON_WS = 2, ON_UDP = 4, ON_ALL = ON_HTTP | ON_WS | ON_UDP };
enum expect { EXPECT_SLUICE, EXPECT_2XX };

struct options {
    enum protocol_bit protocol;
    const char *host;       /* a name, or an address in text */
    struct in_addr address; /* of the host */
    uint64_t port;
    const char *path;
    uint64_t connections;
    double seconds;
    uint64_t events; /* 0: until the seconds are over */
    uint64_t bulk;   /* 0: one event, nothing around it */
    unsigned shape;  /* enum body_shape */
    const char *load_template_file;
    double rate; /* events a second; 0: closed loop */
    uint64_t repeat;
    uint64_t start;
    unsigned compress; /* enum compression */
    unsigned expect;   /* enum expect */
    bool retry;
    bool same;
    bool tls;
    const char *key; /* NULL: none is shown */
    const char *acked_file;
    uint64_t window;
    uint64_t idle;
    uint64_t addresses;
    double progress; /* seconds; 0: no lines */
    const char *histogram_file;
};

/* Exits with 2 and a message that names the option, or with 0 after --help. */
void options_parse(struct options *options, int argc, char **argv);

/* For what only later turns out to be wrong with an option. */
_Noreturn void options_refuse(const char *option, const char *format, ...) PRINTF_LIKE(2, 3);
