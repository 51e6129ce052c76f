/* The states of a WebSocket, and where each event leads: how far its end has come, whether frames are taken, whether its
 * client is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pipeline/json/json.h"
#include "proto/ws/ws_ending.h"
#include "proto/ws/ws_input.h"
#include "proto/ws/ws_life.h"
#include "proto/ws/ws_pings.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The end. */

static void an_end_goes_through_its_phases(void **state)
{
    (void)state;
    static const struct {
        enum ws_phase phase;
        enum ws_step step;
        enum ws_phase after;
    } rows[] = {
        { WS_PHASE_OPEN, WS_STEP_END, WS_PHASE_ENDING },      { WS_PHASE_OPEN, WS_STEP_LOSE, WS_PHASE_GONE },
        { WS_PHASE_GONE, WS_STEP_END, WS_PHASE_ENDING },      { WS_PHASE_GONE, WS_STEP_CLOSE, WS_PHASE_CLOSED },
        { WS_PHASE_ENDING, WS_STEP_SAY, WS_PHASE_SAID },      { WS_PHASE_ENDING, WS_STEP_LOSE, WS_PHASE_ENDING },
        { WS_PHASE_ENDING, WS_STEP_CLOSE, WS_PHASE_CLOSED },  { WS_PHASE_SAID, WS_STEP_FINISH, WS_PHASE_LINGERS },
        { WS_PHASE_SAID, WS_STEP_LOSE, WS_PHASE_SAID },       { WS_PHASE_SAID, WS_STEP_CLOSE, WS_PHASE_CLOSED },
        { WS_PHASE_LINGERS, WS_STEP_LOSE, WS_PHASE_LINGERS }, { WS_PHASE_LINGERS, WS_STEP_CLOSE, WS_PHASE_CLOSED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ws_phase_after(rows[i].phase, rows[i].step), rows[i].after);
    }
}

static void each_phase_takes_writes_and_owes_what_it_says(void **state)
{
    (void)state;
    static const struct {
        bool takes_messages, writes, owes_close, is_over;
    } rows[WS_PHASES] = {
        [WS_PHASE_OPEN] = { .takes_messages = true, .writes = true },
        [WS_PHASE_GONE] = { .takes_messages = true },
        [WS_PHASE_ENDING] = { .writes = true, .owes_close = true },
        [WS_PHASE_SAID] = { .owes_close = true },
        [WS_PHASE_LINGERS] = { .is_over = true },
        [WS_PHASE_CLOSED] = { .is_over = true },
    };
    for (enum ws_phase phase = WS_PHASE_OPEN; phase < WS_PHASES; phase++) {
        assert_int_equal(ws_phase_takes_messages(phase), rows[phase].takes_messages);
        assert_int_equal(ws_phase_writes(phase), rows[phase].writes);
        assert_int_equal(ws_phase_owes_close(phase), rows[phase].owes_close);
        assert_int_equal(ws_phase_is_over(phase), rows[phase].is_over);
    }
}

static void fin_is_sent_when_the_client_has_said_all_and_waited_for_else(void **state)
{
    (void)state;
    struct ws_ending patient = { 0 };
    ws_ending_begin(&patient, (struct ws_end){ .error = ERROR_DRAINING });
    ws_ending_step(&patient, WS_STEP_SAY);
    assert_false(ws_ending_settle(&patient, false, 100));
    assert_false(ws_ending_settle(&patient, false, 101)); /* the deadline stays */
    assert_false(ws_ending_is_due(&patient, 99 + 2 * NS_PER_SECOND));
    assert_true(ws_ending_is_due(&patient, 100 + 2 * NS_PER_SECOND));
    assert_true(ws_ending_settle(&patient, true, 200)); /* its close frame came: a new one */
    assert_int_equal(patient.phase, WS_PHASE_LINGERS);
    assert_false(ws_ending_is_due(&patient, 199 + 2 * NS_PER_SECOND));
    assert_true(ws_ending_is_due(&patient, 200 + 2 * NS_PER_SECOND));
    assert_int_equal(patient.why.error, ERROR_DRAINING);
}

/* What comes in. */

static void frames_flow_wait_and_end(void **state)
{
    (void)state;
    static const struct {
        enum ws_flow flow;
        enum ws_flow_event event;
        enum ws_flow after;
    } rows[] = {
        { WS_FLOWS, WS_LACKS_ROOM, WS_HELD },       { WS_FLOWS, WS_LACKS_TURN, WS_IN_LINE },
        { WS_FLOWS, WS_ASKS_AGAIN, WS_FLOWS },      { WS_FLOWS, WS_HAS_TURN, WS_FLOWS },
        { WS_FLOWS, WS_WAITS_NO_MORE, WS_FLOWS },   { WS_FLOWS, WS_HEARD_ALL, WS_OVER },
        { WS_HELD, WS_ASKS_AGAIN, WS_FLOWS },       { WS_HELD, WS_HAS_TURN, WS_HELD },
        { WS_HELD, WS_WAITS_NO_MORE, WS_FLOWS },    { WS_HELD, WS_HEARD_ALL, WS_OVER },
        { WS_IN_LINE, WS_ASKS_AGAIN, WS_IN_LINE },  { WS_IN_LINE, WS_HAS_TURN, WS_FLOWS },
        { WS_IN_LINE, WS_WAITS_NO_MORE, WS_FLOWS }, { WS_IN_LINE, WS_HEARD_ALL, WS_OVER },
        { WS_OVER, WS_ASKS_AGAIN, WS_OVER },        { WS_OVER, WS_HAS_TURN, WS_OVER },
        { WS_OVER, WS_WAITS_NO_MORE, WS_OVER },     { WS_OVER, WS_HEARD_ALL, WS_OVER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ws_flow_after(rows[i].flow, rows[i].event), rows[i].after);
    }
}

static void a_lost_message_is_known_as_that_by_the_frame_that_comes_of_it(void **state)
{
    (void)state;
    static const struct {
        enum ws_flow flow;
        enum ws_next next;
        enum ws_fragments fragments;
        enum ws_next after;
    } rows[] = {
        { WS_FLOWS, WS_NEXT_PART, WS_NO_FRAGMENTS, WS_NEXT_LOST },
        { WS_FLOWS, WS_NEXT_PART, WS_TEXT_FRAGMENTS, WS_NEXT_LOST },
        { WS_FLOWS, WS_NEXT_UNKNOWN, WS_BINARY_FRAGMENTS, WS_NEXT_UNKNOWN }, /* its next frame is no beginning */
        { WS_HELD, WS_NEXT_UNKNOWN, WS_NO_FRAGMENTS, WS_NEXT_LOST },
        { WS_IN_LINE, WS_NEXT_UNKNOWN, WS_TEXT_FRAGMENTS, WS_NEXT_LOST },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ws_input input = { .flow = rows[i].flow, .next = rows[i].next, .fragments = rows[i].fragments };
        ws_input_lose(&input);
        assert_int_equal(input.next, rows[i].after);
        assert_int_equal(input.fragments, WS_NO_FRAGMENTS);
        ws_input_pass(&input); /* looked at again */
        assert_int_equal(input.next, rows[i].after);
    }
}

static void a_message_is_timed_from_its_first_byte_while_it_is_waited_for(void **state)
{
    (void)state;
    struct ws_input input;
    ws_input_init(&input);
    ws_input_time(&input, true, 10);
    assert_false(ws_input_has_begun(&input));
    assert_true(ws_input_receive(&input, SLICE("\x81")));
    ws_input_time(&input, true, 20);
    ws_input_time(&input, true, 30);
    assert_int_equal(input.begun_ns, 20);
    ws_input_time(&input, false, 40);
    assert_false(ws_input_has_begun(&input));
    ws_input_time(&input, true, 50);
    assert_int_equal(input.begun_ns, 50);
    ws_input_release(&input);
}

static void what_is_dropped_of_a_payload_is_passed_over_as_it_comes(void **state)
{
    (void)state;
    struct ws_input input;
    ws_input_init(&input);
    struct ws_frame frame = { .opcode = WS_TEXT, .final = true, .length = 5, .header_length = 2 };
    assert_true(ws_input_receive(&input, SLICE("HHabc")));
    ws_input_drop(&input, &frame);
    ws_input_pass(&input);
    assert_true(ws_input_is_all_taken(&input) && input.skip == 2);
    ws_input_settle(&input);
    assert_true(ws_input_receive(&input, SLICE("deN")));
    ws_input_pass(&input);
    assert_true(slice_equal(ws_input_rest(&input), SLICE("N")) && input.skip == 0);
    assert_true(input.bytes.cap - input.bytes.len >= JSON_PADDING);
    ws_input_release(&input);
}

/* Steps that no client can cause stop the process. */

static bool aborts(void (*step)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        fclose(stderr);
        close(STDERR_FILENO);
        step();
        _exit(0);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void say_while_open(void)
{
    ws_phase_after(WS_PHASE_OPEN, WS_STEP_SAY);
}

static void end_twice(void)
{
    ws_phase_after(WS_PHASE_ENDING, WS_STEP_END);
}

static void lose_when_closed(void)
{
    ws_phase_after(WS_PHASE_CLOSED, WS_STEP_LOSE);
}

static void take_while_held(void)
{
    ws_flow_after(WS_HELD, WS_LACKS_TURN);
}

static void take_when_over(void)
{
    ws_flow_after(WS_OVER, WS_LACKS_ROOM);
}

static void steps_that_cannot_be_abort(void **state)
{
    (void)state;
    assert_true(aborts(say_while_open));
    assert_true(aborts(end_twice));
    assert_true(aborts(lose_when_closed));
    assert_true(aborts(take_while_held));
    assert_true(aborts(take_when_over));
}

/* Life. */

static void a_silent_client_is_asked_and_then_given_up(void **state)
{
    (void)state;
    struct ws_life life = { 0 };
    ws_life_restart(&life, 100);
    assert_int_equal(ws_life_tick(&life, true, 109, 10, 5), WS_LIFE_GOES_ON);
    assert_int_equal(ws_life_tick(&life, true, 110, 10, 5), WS_LIFE_ASKS);
    assert_int_equal(ws_life_tick(&life, true, 114, 10, 5), WS_LIFE_GOES_ON);
    assert_int_equal(ws_life_tick(&life, true, 115, 10, 5), WS_LIFE_SILENT);
    ws_life_hear(&life, 116); /* late, but before anybody gave it up */
    assert_int_equal(ws_life_tick(&life, true, 125, 10, 5), WS_LIFE_GOES_ON);
    assert_int_equal(ws_life_tick(&life, true, 126, 10, 5), WS_LIFE_ASKS);
}

static void a_client_that_is_not_read_is_not_silent(void **state)
{
    (void)state;
    struct ws_life life = { 0 };
    assert_int_equal(ws_life_tick(&life, true, 10, 10, 5), WS_LIFE_ASKS);
    assert_int_equal(ws_life_tick(&life, false, 100, 10, 5), WS_LIFE_GOES_ON);
    assert_int_equal(life.state, WS_LIFE_HEARD);
    assert_int_equal(ws_life_tick(&life, true, 109, 10, 5), WS_LIFE_GOES_ON);
    assert_int_equal(ws_life_tick(&life, true, 110, 10, 5), WS_LIFE_ASKS);
}

static void pongs_are_bounded_and_the_newest_is_kept(void **state)
{
    (void)state;
    struct ws_pings pings = { .ping = true };
    struct buf out = { 0 };
    for (char c = 'a'; c < 'a' + WS_PONGS_MAX + 2; c++) {
        ws_pings_owe_pong(&pings, slice_make(&c, 1));
    }
    assert_true(ws_pings_owe(&pings));
    ws_pings_write(&pings, &out);
    assert_false(ws_pings_owe(&pings));
    assert_int_equal(out.len, WS_PONGS_MAX * 3 + 2);
    assert_int_equal(out.data[2], 'a');
    assert_int_equal(out.data[WS_PONGS_MAX * 3 - 1], 'a' + WS_PONGS_MAX + 1);
    buf_release(&out);
    buf_release(&pings.pongs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_goes_through_its_phases),
        cmocka_unit_test(each_phase_takes_writes_and_owes_what_it_says),
        cmocka_unit_test(fin_is_sent_when_the_client_has_said_all_and_waited_for_else),
        cmocka_unit_test(frames_flow_wait_and_end),
        cmocka_unit_test(a_lost_message_is_known_as_that_by_the_frame_that_comes_of_it),
        cmocka_unit_test(a_message_is_timed_from_its_first_byte_while_it_is_waited_for),
        cmocka_unit_test(what_is_dropped_of_a_payload_is_passed_over_as_it_comes),
        cmocka_unit_test(steps_that_cannot_be_abort),
        cmocka_unit_test(a_silent_client_is_asked_and_then_given_up),
        cmocka_unit_test(a_client_that_is_not_read_is_not_silent),
        cmocka_unit_test(pongs_are_bounded_and_the_newest_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
