/* Results of named queries in Redis, for `cache_in: redis`: what one gateway asked, the others need not ask again.
 *
 * A key is <dedup.redis_prefix>:q:<32 hex digits of query and values>. Its value is text:
 *
 *   sluice-query 1 <moment of its end, ms since 1970>
 *   <bytes> <0 or 1: it had no rows>          for each statement; "-" instead of bytes: it was left out
 *   <JSON>
 *
 * Redis expires it. One share belongs to one thread, with a connection of its own; a round trip takes at most dedup.redis_timeout, and after a
 * failure Redis is left alone for a while. Without it queries are answered all the same. What it says is input: JSON that does not parse is not used. */
#pragma once

#include "base/hash.h"
#include "query/statement/result.h"

struct answer_share;
struct dedup_options;

/* NULL: memory is short, or the URL cannot be read (--check has told). Connects when first asked. */
struct answer_share *answer_share_new(const struct dedup_options *options);
void answer_share_free(struct answer_share *share); /* takes NULL */

/* Fills the empty results (of `count` statements), and says how long they may be kept. False: it has none. */
MUST_CHECK bool answer_share_get(struct answer_share *share, struct hash128 key, struct json_parser *parser,
                                 struct result *results, size_t count, int64_t now_wall_ns, int64_t *left_ns);

/* Keeps them for that long, unless they are too long. */
void answer_share_put(struct answer_share *share, struct hash128 key, const struct result *results, size_t count,
                      int64_t now_wall_ns, int64_t keep_ns);

/* The value of a key. Pure; the first is for tests and fuzzers as well. False: it makes no sense, or is over. */
MUST_CHECK bool answer_share_read(struct slice text, struct json_parser *parser, struct result *results, size_t count,
                                  int64_t now_wall_ns, int64_t *left_ns);
void answer_share_write(const struct result *results, size_t count, int64_t until_wall_ns, struct buf *out);
