/* Turns replies of gateways, of other servers and of liars into verdicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reply.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static void whole_replies_are_told_from_partial_and_bad_ones(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum reply_answer answer;
        int status;
        uint64_t retry_after_s;
        bool close;
    } rows[] = {
        { "", REPLY_PARTIAL, 0, 0, false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r", REPLY_PARTIAL, 0, 0, false },
        { OK_HEAD "Content-Length: 0\r\n\r\n", REPLY_WHOLE, 200, 0, false },
        { "HTTP/1.1 204 No Content\r\n\r\n", REPLY_WHOLE, 204, 0, false },
        { OK_HEAD "content-length:2\r\n\r\n{}", REPLY_WHOLE, 200, 0, false },
        { OK_HEAD "CONTENT-LENGTH: 3 \r\n\r\n{}", REPLY_PARTIAL, 200, 0, false },
        { "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 12\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
          REPLY_WHOLE, 503, 12, true },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", REPLY_PARTIAL, 200, 0, false },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", REPLY_WHOLE, 200, 0, false },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n10\r\n\r\n", REPLY_PARTIAL, 200, 0, false },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", REPLY_WHOLE, 200, 0, false },
        { OK_HEAD "X-Content-Length: 9\r\nnonsense\r\n\r\n", REPLY_WHOLE, 200, 0, false },
        { "SSH-2.0-OpenSSH\r\n\r\n", REPLY_BAD, 0, 0, false },
        { "\r\n\r\n", REPLY_BAD, 0, 0, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct reply reply = { 0 };
        assert_int_equal(reply_parse(&reply, slice_from_string(rows[i].bytes)), rows[i].answer);
        assert_int_equal(reply.status, rows[i].status);
        assert_int_equal(reply.retry_after_s, rows[i].retry_after_s);
        assert_int_equal(reply.close, rows[i].close);
    }
}

static void a_reply_that_comes_byte_by_byte_is_whole_at_its_last(void **state)
{
    (void)state;
    struct slice all = SLICE(OK_HEAD "Content-Length: 5\r\n\r\nhello");
    struct reply reply = { 0 };
    for (size_t n = 0; n < all.len; n++) {
        assert_int_equal(reply_parse(&reply, slice_make(all.data, n)), REPLY_PARTIAL);
    }
    assert_int_equal(reply_parse(&reply, all), REPLY_WHOLE);
}

static void counts_are_read_from_both_forms(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint64_t events;
        bool found;
        struct reply_counts counts;
        uint64_t ids;
    } rows[] = {
        { "{\"id\":\"01935c7e\",\"status\":\"accepted\"}", 1, true, { 1, 0, 0 }, 1 },
        { "{\"id\":\"01935c7e\",\"status\":\"stored\"}", 1, true, { 1, 0, 0 }, 1 },
        { "{\"status\":\"duplicate\"}", 1, true, { 0, 1, 0 }, 0 },
        { "{\"status\":\"ok\"}", 1, false, { 0, 0, 0 }, 0 },
        { "{\"accepted\":1,\"duplicate\":0,\"rejected\":0,\"ids\":[\"a\"],\"errors\":[]}", 1, true, { 1, 0, 0 }, 1 },
        { "{\"accepted\":5,\"duplicate\":2,\"rejected\":1,\"ids\":[\"a\",null,\"c\"],\"errors\":[1,2]}",
          8,
          true,
          { 5, 2, 1 },
          3 },
        { "{\"ack\":3,\"accepted\":0,\"duplicate\":12,\"rejected\":0}", 12, true, { 0, 12, 0 }, 0 },
        { "{\"accepted\":0,\"ids\":[]}", 12, false, { 0, 0, 0 }, 0 },
        { "", 12, false, { 0, 0, 0 }, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slice body = slice_from_string(rows[i].body);
        struct reply_counts counts;
        assert_int_equal(reply_count(body, rows[i].events, &counts), rows[i].found);
        assert_memory_equal(&counts, &rows[i].counts, sizeof counts);
        assert_int_equal(reply_ids(body, rows[i].events), rows[i].ids);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_replies_are_told_from_partial_and_bad_ones),
        cmocka_unit_test(a_reply_that_comes_byte_by_byte_is_whole_at_its_last),
        cmocka_unit_test(counts_are_read_from_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
