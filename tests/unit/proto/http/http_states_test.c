/* The states of an HTTP connection, and where each event leads: its phase, the part of a request that is next, what it
 * waits for. And what reading says of each request, without a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/http/http_read.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_connection_goes_through_its_phases(void **state)
{
    (void)state;
    static const struct {
        enum http_phase phase;
        enum http_step step;
        enum http_phase after;
    } rows[] = {
        { PHASE_CLOSED, HTTP_STEP_OPEN, PHASE_OPEN },     { PHASE_CLOSED, HTTP_STEP_CLOSE, PHASE_CLOSED },
        { PHASE_OPEN, HTTP_STEP_UPGRADE, PHASE_UPGRADE }, { PHASE_OPEN, HTTP_STEP_LAST, PHASE_LAST },
        { PHASE_OPEN, HTTP_STEP_FINISH, PHASE_LINGERS },  { PHASE_OPEN, HTTP_STEP_CLOSE, PHASE_CLOSED },
        { PHASE_UPGRADE, HTTP_STEP_LAST, PHASE_LAST },    { PHASE_UPGRADE, HTTP_STEP_FINISH, PHASE_LINGERS },
        { PHASE_UPGRADE, HTTP_STEP_CLOSE, PHASE_CLOSED }, { PHASE_LAST, HTTP_STEP_LAST, PHASE_LAST },
        { PHASE_LAST, HTTP_STEP_FINISH, PHASE_LINGERS },  { PHASE_LAST, HTTP_STEP_CLOSE, PHASE_CLOSED },
        { PHASE_LINGERS, HTTP_STEP_LAST, PHASE_LINGERS }, { PHASE_LINGERS, HTTP_STEP_FINISH, PHASE_LINGERS },
        { PHASE_LINGERS, HTTP_STEP_CLOSE, PHASE_CLOSED },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(http_phase_after(rows[i].phase, rows[i].step), rows[i].after);
    }
}

/* One event a letter. */
static void happen(struct wire *wire, char event)
{
    switch (event) {
    case 'h': send_text(wire, "POST /events HTTP/1.1\r\n"); break; /* half a head */
    case 'r': send_text(wire, "Host: x\r\nContent-Length: 7\r\n\r\n"); break;
    case 'e': send_text(wire, POST_HEAD "Content-Length: 7\r\nExpect: 100-continue\r\n\r\n"); break;
    case 'b': send_text(wire, "{\"a\":1}"); break;
    case 'k': send_text(wire, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n7\r\n"); break; /* chunks begin */
    case 'z': send_text(wire, "{\"a\":1}\r\n0\r\n\r\n"); break;
    case 'p': send_text(wire, GET_PING); break;
    case 'q': send_text(wire, "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); break;
    case 'l': send_text(wire, POST_HEAD "Connection: close\r\nContent-Length: 7\r\n\r\n{\"a\":1}"); break;
    case '!': send_text(wire, "NONSENSE\r\n\r\n"); break;
    case 'u':
        send_text(wire, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        break;
    case 'c': complete(wire, world.count - 1, 1, 0, OK); break;
    case 'B': wire->block = true; break;
    case 'W':
        wire->block = false;
        http_session_ops.writable(&wire->session);
        flush(wire);
        break;
    case 'f':
        http_session_ops.end_of_input(&wire->session);
        flush(wire);
        break;
    case 't': pass_seconds(wire, 11); break;
    case 'g': http_session_ops.give_way(&wire->session, ERROR_REPLYING_FULL); break;
    case 'd':
        wire->context.draining = true;
        http_session_ops.drain(&wire->session);
        flush(wire);
        break;
    default: http_session_ops.close(&wire->session); break;
    }
}

static void each_event_leads_to_its_state(void **state)
{
    (void)state;
    static const struct {
        const char *events;
        enum http_phase phase;
        enum http_part part;
        enum http_wait wait;
        bool reads;
    } rows[] = {
        { "", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "h", PHASE_OPEN, HTTP_AT_HEAD, WAIT_HEAD, true },
        { "hr", PHASE_OPEN, HTTP_IN_BODY, WAIT_BODY, true },
        { "hrb", PHASE_OPEN, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "hrbc", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "hrbh", PHASE_OPEN, HTTP_AT_HEAD, WAIT_HEAD, true },
        { "e", PHASE_OPEN, HTTP_IN_BODY, WAIT_BODY, true },
        { "eb", PHASE_OPEN, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "k", PHASE_OPEN, HTTP_IN_CHUNKS, WAIT_BODY, true },
        { "kz", PHASE_OPEN, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "kzc", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "p", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "Bp", PHASE_OPEN, HTTP_AT_HEAD, WAIT_SOCKET, false },
        { "BpW", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "Bpp", PHASE_OPEN, HTTP_AT_HEAD, WAIT_SOCKET, false },
        { "BppW", PHASE_OPEN, HTTP_AT_HEAD, WAIT_REQUEST, true },
        { "q", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "Bq", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_SOCKET, true },
        { "BqW", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "l", PHASE_LAST, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "lp", PHASE_LAST, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "lc", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "lcp", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "!", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "hrb!", PHASE_LAST, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "hrb!c", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "u", PHASE_UPGRADE, HTTP_AT_HEAD, WAIT_REQUEST, false },
        { "up", PHASE_UPGRADE, HTTP_AT_HEAD, WAIT_REQUEST, false }, /* what follows are frames */
        { "hrbu", PHASE_UPGRADE, HTTP_AT_HEAD, WAIT_ANSWER, false },
        { "hrbuc", PHASE_UPGRADE, HTTP_AT_HEAD, WAIT_REQUEST, false },
        { "hrbfc", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "ht", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true }, /* 408 */
        { "hrt", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "kt", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "hd", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true }, /* 503 */
        { "krd", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "hrbd", PHASE_OPEN, HTTP_AT_HEAD, WAIT_ANSWER, true },
        { "hrbdc", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_LINGER, true },
        { "hrx", PHASE_CLOSED, HTTP_AT_HEAD, WAIT_BODY, true },
        { "hrgd", PHASE_LINGERS, HTTP_AT_HEAD, WAIT_BODY, true }, /* given up: nothing more is said */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        for (const char *event = rows[i].events; *event != '\0'; event++) {
            happen(wire, *event);
        }
        const struct http_session *session = &wire->session;
        bool right = session->phase == rows[i].phase && session->input.part == rows[i].part &&
                     session->wait == rows[i].wait && wire->reading == rows[i].reads;
        if (!right) {
            fail_msg("after \"%s\": phase %d, part %d, wait %d, reading %d", rows[i].events, (int)session->phase,
                     (int)session->input.part, (int)session->wait, wire->reading);
        }
        wire_free(wire);
    }
}

static void a_body_cut_off_is_counted_once_whatever_cuts_it(void **state)
{
    (void)state;
    static const struct {
        const char *events;
        enum error counted;
    } rows[] = {
        { "hrx", ERROR_CONNECTION_CLOSED }, { "kx", ERROR_CONNECTION_CLOSED }, { "hrt", ERROR_TIMEOUT },
        { "krt", ERROR_BAD_REQUEST },       { "kd", ERROR_DRAINING },          { "hrg", ERROR_REPLYING_FULL },
        { "hrgd", ERROR_REPLYING_FULL },    { "kgx", ERROR_REPLYING_FULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        for (const char *event = rows[i].events; *event != '\0'; event++) {
            happen(wire, *event);
        }
        http_session_ops.close(&wire->session);
        for (size_t error = 0; error < ERROR_COUNT; error++) {
            assert_int_equal(world.refused[error], error == rows[i].counted);
        }
        wire_free(wire);
    }
}

/* Reading, of an exchange alone. */

static void reading_says_what_each_request_means(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum http_read read;
        enum http_part part;
        size_t answers;
    } rows[] = {
        { "GET", HTTP_READ_NOTHING, HTTP_AT_HEAD, 0 },
        { GET_PING, HTTP_READ_REQUEST, HTTP_AT_HEAD, 1 },
        { POST, HTTP_READ_REQUEST, HTTP_AT_HEAD, 1 },
        { POST_HEAD "Content-Length: 7\r\n\r\n{", HTTP_READ_HEAD, HTTP_IN_BODY, 0 },
        { POST_HEAD "Content-Length: 7\r\nExpect: 100-continue\r\n\r\n", HTTP_READ_EXPECTATION, HTTP_IN_BODY, 0 },
        { POST_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HTTP_READ_HEAD, HTTP_IN_CHUNKS, 0 },
        { "GET /ping HTTP/1.0\r\n\r\n", HTTP_READ_LAST, HTTP_AT_HEAD, 1 },
        { "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", HTTP_READ_REQUEST, HTTP_AT_HEAD, 1 },
        { POST_HEAD "Content-Length: 1001\r\n\r\n", HTTP_READ_LAST, HTTP_AT_HEAD, 1 },
        { "NONSENSE\r\n\r\n", HTTP_READ_LAST, HTTP_AT_HEAD, 1 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        struct http_exchange *exchange = &wire->session.exchange;
        struct http_input input = { 0 };
        assert_true(http_input_receive(&input, slice_from_string(rows[i].bytes)));
        assert_true(answer_ring_make_room(&exchange->answers));
        assert_int_equal(http_read_request(&input, exchange), rows[i].read);
        assert_int_equal(input.part, rows[i].part);
        assert_int_equal(exchange->answers.next, rows[i].answers);
        assert_int_equal(wire->session.phase, PHASE_OPEN); /* the session is not asked, and not told */
        http_input_check(&input);
        http_input_release(&input);
        wire_free(wire);
    }
}

/* What no client can cause stops the process. */

static bool aborts(void (*step)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        step();
        _exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void upgrade_after_the_last(void)
{
    http_phase_after(PHASE_LAST, HTTP_STEP_UPGRADE);
}

static void open_twice(void)
{
    http_phase_after(PHASE_OPEN, HTTP_STEP_OPEN);
}

static void answer_without_room(void)
{
    struct answer_ring ring = { 0 };
    answer_ring_push(&ring);
}

static void lose_the_head_of_a_body(void)
{
    struct http_input input = { .part = HTTP_IN_BODY, .head_length = 1 };
    http_input_check(&input);
}

static void states_that_cannot_be_abort(void **state)
{
    (void)state;
    assert_true(aborts(upgrade_after_the_last));
    assert_true(aborts(open_twice));
    assert_true(aborts(answer_without_room));
    assert_true(aborts(lose_the_head_of_a_body));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_goes_through_its_phases),
        cmocka_unit_test(each_event_leads_to_its_state),
        cmocka_unit_test(a_body_cut_off_is_counted_once_whatever_cuts_it),
        cmocka_unit_test(reading_says_what_each_request_means),
        cmocka_unit_test(states_that_cannot_be_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
