/* Reads HTTP/1.1 replies, and the counts in the bodies of replies and acknowledgements. Pure: bytes in, verdict out. */
#pragma once

#include "base/bytes.h"

enum reply_answer { REPLY_PARTIAL, REPLY_WHOLE, REPLY_BAD };

struct reply {
    int status;
    size_t head_length; /* 0: the head is not whole yet */
    uint64_t body_length;
    bool chunked; /* then body_length is not known */
    bool close;   /* the connection ends behind it */
    uint64_t retry_after_s;
};

struct reply_counts {
    uint64_t accepted, duplicate, rejected;
};

/* Of one reply from its first byte on; *reply is zeroed before the first call, and kept for the next if it is partial. */
enum reply_answer reply_parse(struct reply *reply, struct slice bytes);

/* The counts of a body; of one event alone, its status counts. False if there are none. */
bool reply_count(struct slice body, uint64_t events, struct reply_counts *counts);

/* The ids in the body of a reply to so many events, those of rejected events (null) among them. */
uint64_t reply_ids(struct slice body, uint64_t events);

/* The number behind `"name":`; 0 if it is absent. `name` has the quotes and the colon. */
uint64_t reply_number(struct slice body, struct slice name);
