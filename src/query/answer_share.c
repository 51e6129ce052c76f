/* Turns results into values of Redis, and back. */
#include "query/answer_share.h"

#include "base/breaker.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/options/dedup_options.h"
#include "pipeline/dedup/redis_command.h"
#include "pipeline/dedup/redis_connection.h"
#include "pipeline/json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "sluice-query 1 "

static const struct backoff backoff = { 500 * NS_PER_MS, 10 * NS_PER_SECOND };

struct answer_share {
    const struct dedup_options *options;
    struct redis_address address;
    struct redis_connection *connection; /* NULL: there is none now */
    struct breaker breaker;
    uint64_t random;
};

/* --- values --- */

void answer_share_write(const struct result *results, size_t count, int64_t until_wall_ns, struct buf *out)
{
    buf_printf(out, HEAD "%" PRId64 "\n", until_wall_ns / NS_PER_MS);
    for (size_t i = 0; i < count; i++) {
        struct slice json = buf_slice(&results[i].json);
        if (json.len == 0) {
            buf_append_string(out, "-\n\n");
            continue;
        }
        buf_printf(out, "%zu %d\n", json.len, results[i].empty);
        buf_append_slice(out, json);
        buf_append_byte(out, '\n');
    }
}

static bool is_json(struct json_parser *parser, struct slice text)
{
    struct buf copy = { 0 };
    struct json_document document;
    buf_append_slice(&copy, text);
    buf_append_fill(&copy, 0, JSON_PADDING);
    bool valid = !copy.failed && json_parse(parser, slice_make(copy.data, text.len), &document) == OK;
    buf_release(&copy);
    return valid;
}

static bool read_one(struct slice *rest, struct json_parser *parser, struct result *result)
{
    struct slice line, length;
    uint64_t bytes;
    if (!slice_split(rest, '\n', &line) || rest->data == NULL) {
        return false;
    }
    if (slice_equal(line, SLICE("-"))) {
        return slice_split(rest, '\n', &line) && line.len == 0 && rest->data != NULL;
    }
    if (!slice_split(&line, ' ', &length) || !slice_to_u64(length, &bytes) || line.len != 1 || bytes == 0 ||
        bytes >= rest->len || rest->data[bytes] != '\n') {
        return false;
    }
    struct slice json = slice_make(rest->data, (size_t)bytes);
    *rest = slice_after(*rest, (size_t)bytes + 1);
    result->empty = line.data[0] == '1';
    buf_append_slice(&result->json, json);
    return !result->json.failed && is_json(parser, json);
}

bool answer_share_read(struct slice text, struct json_parser *parser, struct result *results, size_t count,
                       int64_t now_wall_ns, int64_t *left_ns)
{
    struct slice line, head = SLICE(HEAD);
    uint64_t until_ms;
    bool fine = slice_split(&text, '\n', &line) && slice_starts_with(line, head) &&
                slice_to_u64(slice_after(line, head.len), &until_ms) && until_ms < INT64_MAX / (uint64_t)NS_PER_MS;
    *left_ns = fine ? (int64_t)until_ms * NS_PER_MS - now_wall_ns : 0;
    fine = fine && *left_ns > 0 && text.data != NULL;
    for (size_t i = 0; fine && i < count; i++) {
        fine = read_one(&text, parser, &results[i]);
    }
    fine = fine && text.len == 0;
    for (size_t i = 0; !fine && i < count; i++) {
        result_release(&results[i]);
    }
    return fine;
}

/* --- Redis --- */

static void fail(struct answer_share *share, struct buf *problem)
{
    if (share->breaker.failures == 0) {
        const char *reason = buf_c_string(problem);
        LOG(LOG_WARN, "answers are not shared", "server=%s reason=\"%s\"; queries are answered without it",
            share->address.name, reason == NULL ? "out of memory" : reason);
    }
    redis_connection_close(share->connection);
    share->connection = NULL;
    breaker_failure(&share->breaker, 1, &backoff, clock_monotonic_ns(), &share->random);
}

static bool log_in(struct answer_share *share, struct buf *problem)
{
    struct buf commands = { 0 };
    struct redis_answer answers[2] = { { .want = REDIS_WANT_DONE }, { .want = REDIS_WANT_DONE } };
    size_t count = redis_command_login(&commands, &share->address, share->options->redis_password);
    bool fine =
        count == 0 || (!commands.failed &&
                       redis_connection_round_trip(share->connection, buf_slice(&commands), answers, count,
                                                   clock_monotonic_ns() + share->options->redis_timeout_ns, problem));
    buf_release(&commands);
    return fine;
}

static bool connect_to(struct answer_share *share)
{
    struct buf problem = { 0 };
    if (share->connection != NULL) {
        return true;
    }
    if (share->breaker.open && clock_monotonic_ns() < share->breaker.next_ns) {
        return false;
    }
    share->connection = redis_connection_open(&share->address, share->options->redis_timeout_ns, &problem);
    bool fine = share->connection != NULL && log_in(share, &problem);
    if (!fine) {
        fail(share, &problem);
    }
    buf_release(&problem);
    return fine;
}

/* One command and its answer. */
static bool travel(struct answer_share *share, const struct buf *command, struct redis_answer *answer)
{
    struct buf problem = { 0 };
    bool fine = !command->failed && connect_to(share);
    if (fine) {
        fine = redis_connection_round_trip(share->connection, buf_slice(command), answer, 1,
                                           clock_monotonic_ns() + share->options->redis_timeout_ns, &problem);
        if (fine) {
            breaker_success(&share->breaker);
        } else {
            fail(share, &problem);
        }
    }
    buf_release(&problem);
    return fine;
}

static void put_key(const struct answer_share *share, struct hash128 key, struct buf *out)
{
    char name[128];
    int len =
        snprintf(name, sizeof name, "%s:q:%016" PRIx64 "%016" PRIx64, share->options->redis_prefix, key.high, key.low);
    redis_command_word(out, slice_make(name, (size_t)len));
}

bool answer_share_get(struct answer_share *share, struct hash128 key, struct json_parser *parser,
                      struct result *results, size_t count, int64_t now_wall_ns, int64_t *left_ns)
{
    struct buf command = { 0 }, text = { 0 };
    struct redis_answer answer = { .want = REDIS_WANT_TEXT, .text = &text };
    redis_command_begin(&command, 2);
    redis_command_word(&command, SLICE("GET"));
    put_key(share, key, &command);
    bool found = travel(share, &command, &answer) && answer.found && !text.failed &&
                 answer_share_read(buf_slice(&text), parser, results, count, now_wall_ns, left_ns);
    buf_release(&command);
    buf_release(&text);
    return found;
}

void answer_share_put(struct answer_share *share, struct hash128 key, const struct result *results, size_t count,
                      int64_t now_wall_ns, int64_t keep_ns)
{
    struct buf command = { 0 }, text = { 0 };
    struct redis_answer answer = { .want = REDIS_WANT_DONE };
    answer_share_write(results, count, now_wall_ns + keep_ns, &text);
    if (!text.failed && text.len <= REDIS_LONGEST_TEXT && keep_ns >= NS_PER_MS) {
        redis_command_begin(&command, 5);
        redis_command_word(&command, SLICE("SET"));
        put_key(share, key, &command);
        redis_command_word(&command, buf_slice(&text));
        redis_command_word(&command, SLICE("PX"));
        redis_command_number(&command, keep_ns / NS_PER_MS);
        (void)travel(share, &command, &answer);
    }
    buf_release(&command);
    buf_release(&text);
}

struct answer_share *answer_share_new(const struct dedup_options *options)
{
    struct buf problem = { 0 };
    struct answer_share *share = calloc(1, sizeof *share);
    if (share != NULL) {
        share->options = options;
        share->random = (uint64_t)clock_monotonic_ns() | 1;
        if (!redis_address_of_options(&share->address, options, &problem)) {
            free(share);
            share = NULL;
        }
    }
    buf_release(&problem);
    return share;
}

void answer_share_free(struct answer_share *share)
{
    if (share != NULL) {
        redis_connection_close(share->connection);
        redis_address_release(&share->address);
        free(share);
    }
}
