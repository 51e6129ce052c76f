/* One HTTP request as ClickHouse's interface takes it, and its answer. */
#pragma once

#include "base/bytes.h"

#define MAX_ARGUMENTS 64

struct argument {
    char *name; /* decoded; owned */
    char *value;
    size_t value_len;
};

struct request {
    char method[8];
    char path[64];
    struct argument arguments[MAX_ARGUMENTS];
    size_t argument_count;
    struct buf body; /* unpacked */
    char user[128];
    char password[128];
    bool keep_alive;
    bool lz4;
};

struct answer {
    int status;
    int code; /* ClickHouse's; 0: none */
    struct buf body;
};

/* Reads one request. False: the peer is gone or speaks nonsense, close. A body shorter than its Content-Length is
 * never handed on. */
MUST_CHECK bool request_read(int fd, struct buf *input, struct request *request);
void request_release(struct request *request);

/* NULL if it is not there. */
const struct argument *request_argument(const struct request *request, const char *name);

MUST_CHECK bool answer_write(int fd, const struct request *request, const struct answer *answer);
