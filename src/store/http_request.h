/* One request to a ClickHouse server, put together piece by piece, and what its answer means for the writer.
 *
 * What a request may have done decides its outcome: nothing sent is UNREACHABLE, everything else without an answer of
 * ClickHouse's own is UNKNOWN. An answer is ClickHouse's if it has an X-ClickHouse-* header, which every version sends with
 * each reply: the empty 200 of a maintenance page stored nothing. */
#pragma once

#include "store/client/http_client.h"
#include "store/store.h"

struct request_draft {
    struct buf url; /* ends in '?' or in arguments; owned */
    struct http_call request;
};

void request_release(struct request_draft *draft);

/* <prefix><name>=<value> of the URL's query, percent-encoded. */
void request_add_argument(struct request_draft *draft, const char *prefix, struct slice name, struct slice value);
void request_add_setting(struct request_draft *draft, const char *name, const char *value);

enum request_expects { EXPECTS_ROWS, EXPECTS_NOTHING /* any text in a 200 is no success */ };

/* Blocks up to the draft's time-out. `client` may be NULL: memory is short. */
void request_perform(struct http_client *client, const struct http_address *address, struct request_draft *draft,
                     enum request_expects expects, struct store_reply *reply);

/* A reply of our own about this server. */
void request_fail(struct store_reply *reply, enum store_outcome outcome, int code, const struct http_address *address,
                  const char *text);
