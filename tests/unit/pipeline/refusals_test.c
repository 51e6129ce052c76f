/* What the log says of refused events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "pipeline/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct refusal too_long = { PROTOCOL_UDP, "events", "channel", ERROR_TOO_LONG };
static const struct refusal no_json = { PROTOCOL_WS, "clicks", "", ERROR_INVALID_JSON };

/* What is written to stderr from here to log_text. */
struct capture {
    int kept;
    FILE *file;
};

static struct capture capture(enum log_level level)
{
    struct capture capture = { .kept = dup(STDERR_FILENO), .file = tmpfile() };
    assert_true(capture.kept >= 0 && capture.file != NULL);
    dup2(fileno(capture.file), STDERR_FILENO);
    log_init(level, LOG_TEXT);
    return capture;
}

static void log_text(struct capture *capture, char *text, size_t size)
{
    dup2(capture->kept, STDERR_FILENO);
    close(capture->kept);
    ssize_t len = pread(fileno(capture->file), text, size - 1, 0);
    text[len < 0 ? 0 : len] = '\0';
    fclose(capture->file);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void a_line_a_second_says_how_many_and_why_without_what_the_event_held(void **state)
{
    (void)state;
    char text[4096];
    struct refusals refusals;
    refusals_init(&refusals);
    struct capture capturing = capture(LOG_INFO);
    refusals_tell(&refusals);
    refusals_note(&refusals, &too_long, &(struct refused_input){ .events = 1 },
                  SLICE("channel: \"ann@example.org\" is 15 bytes long"));
    for (int i = 0; i < 1000; i++) {
        refusals_note(&refusals, &no_json, &(struct refused_input){ .events = 2 }, SLICE("invalid JSON at byte 17"));
    }
    refusals_tell(&refusals);
    refusals_tell(&refusals);
    refusals_note(&refusals, &no_json, &(struct refused_input){ .events = 1 }, SLICE(""));
    refusals_tell(&refusals);
    log_text(&capturing, text, sizeof text);
    assert_int_equal(count_lines(text), 2);
    assert_non_null(strstr(text,
                           "info  events refused: events=2001 the first: protocol=udp stream=events field=channel "
                           "reason=too_long\n"));
    assert_non_null(strstr(
        text, "info  events refused: events=1 the first: protocol=ws stream=clicks field= reason=invalid_json\n"));
    refusals_release(&refusals);
}

static void at_debug_each_is_a_line_with_its_message_cut(void **state)
{
    (void)state;
    static char text[65536];
    char message[1000];
    struct refusals refusals;
    memset(message, 'x', sizeof message);
    refusals_init(&refusals);
    struct capture capturing = capture(LOG_DEBUG);
    for (int i = 0; i < 100; i++) {
        refusals_note(&refusals, &too_long, &(struct refused_input){ .events = 1 },
                      slice_make(message, sizeof message));
    }
    refusals_note(&refusals, &no_json, &(struct refused_input){ .events = 1 }, SLICE(""));
    log_text(&capturing, text, sizeof text);
    assert_int_equal(count_lines(text), 101);
    assert_non_null(
        strstr(text, "debug refused: events=1 protocol=udp stream=events field=channel reason=too_long xxx"));
    assert_non_null(strstr(text, "reason=invalid_json the payload is not valid JSON\n"));
    assert_true(strlen(text) < 101 * 350);
    refusals_release(&refusals);
}

static void at_warn_nothing_is_said(void **state)
{
    (void)state;
    char text[100];
    struct refusals refusals;
    refusals_init(&refusals);
    struct capture capturing = capture(LOG_WARN);
    refusals_note(&refusals, &too_long, &(struct refused_input){ .events = 1 }, SLICE("too long"));
    refusals_tell(&refusals);
    log_text(&capturing, text, sizeof text);
    assert_string_equal(text, "");
    refusals_release(&refusals);
}

struct told {
    int count;
    struct refusal refusal;
    uint64_t events;
    char message[64];
    char bytes[64];
};

static void tell(void *context, const struct refusal *refusal, const struct refused_input *input, struct slice message)
{
    struct told *told = context;
    told->count++;
    told->refusal = *refusal;
    told->events = input->events;
    snprintf(told->message, sizeof told->message, "%.*s", (int)message.len, message.data);
    snprintf(told->bytes, sizeof told->bytes, "%.*s", (int)input->bytes.len, input->bytes.data);
}

static void each_sink_is_told_of_each_refusal_with_what_was_refused(void **state)
{
    (void)state;
    struct told first = { 0 }, second = { 0 };
    const struct refusal_sink sinks[] = { { &first, tell }, { &second, tell } };
    const struct refused_input input = { .events = 3, .whole = true, .bytes = SLICE("{\"a\":") };
    struct refusals refusals;
    refusals_init(&refusals);
    refusals_add_sink(&refusals, &sinks[0]);
    refusals_add_sink(&refusals, &sinks[1]);
    refusals_note(&refusals, &no_json, &input, SLICE("invalid JSON at byte 5"));
    refusals_note(&refusals, &no_json, &input, SLICE("invalid JSON at byte 5"));
    assert_int_equal(first.count, 2);
    assert_int_equal(second.count, 2);
    assert_int_equal(second.refusal.error, ERROR_INVALID_JSON);
    assert_string_equal(second.refusal.stream, "clicks");
    assert_int_equal(second.events, 3);
    assert_string_equal(second.message, "invalid JSON at byte 5");
    assert_string_equal(second.bytes, "{\"a\":");
    refusals_release(&refusals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_a_second_says_how_many_and_why_without_what_the_event_held),
        cmocka_unit_test(at_debug_each_is_a_line_with_its_message_cut),
        cmocka_unit_test(at_warn_nothing_is_said),
        cmocka_unit_test(each_sink_is_told_of_each_refusal_with_what_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
