/* Turns /live/events into lines. */
#include "command/ask/tail_command.h"

#include "base/clock.h"
#include "inspect/asking.h"
#include "inspect/gateway_look.h"
#include "inspect/live_line.h"
#include "pipeline/json/json.h"
#include "remote/event_stream.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define AGAIN_NS NS_PER_SECOND

struct tail {
    struct asking asking;
    const char *stream;
    bool rejected, accepted;
    bool json;
    uint64_t wanted; /* lines; 0: without end */
    uint64_t printed;
    struct json_parser *parser;
    struct event_stream events;
    struct buf line;
};

static bool read_count(struct tail *tail, const char *text)
{
    bool good = slice_to_u64(slice_from_string(text), &tail->wanted) && tail->wanted != 0;
    if (!good) {
        fprintf(stderr, "sluice tail: --count: expected a number of lines, 1 or more\n");
    }
    return good;
}

static bool read_stream(struct tail *tail, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    tail->stream = text;
    bool good = text[0] != '\0' && text[strspn(text, letters)] == '\0';
    if (!good) {
        fprintf(stderr, "sluice tail: --stream: expected the name of a stream\n");
    }
    return good;
}

static bool parse_arguments(int argc, char **argv, struct tail *tail)
{
    for (int option; (option = command_next_option(&tail_command, argc, argv)) != -1;) {
        bool taken = option == 's'   ? read_stream(tail, optarg)
                     : option == 'n' ? read_count(tail, optarg)
                     : option == 'r' ? (tail->rejected = true)
                     : option == 'a' ? (tail->accepted = true)
                     : option == 'j' ? (tail->json = true)
                                     : asking_take(&tail->asking, option, optarg);
        if (!taken) {
            return false;
        }
    }
    return optind == argc;
}

static bool print_event(void *context, const char *name, struct slice data)
{
    struct tail *tail = context;
    buf_clear(&tail->line);
    enum live_line_result result = tail->json ? live_line_json(tail->parser, name, data, &tail->line)
                                              : live_line(tail->parser, name, data, &tail->line);
    if (result != LIVE_LINE) {
        return true;
    }
    buf_append_byte(&tail->line, '\n');
    bool written = fwrite(tail->line.data, 1, tail->line.len, stdout) == tail->line.len && fflush(stdout) == 0;
    tail->printed++;
    return written && tail->printed != tail->wanted;
}

static bool take_piece(void *context, struct slice piece)
{
    struct tail *tail = context;
    return event_stream_take(&tail->events, piece, print_event, tail);
}

/* Both kinds are all there is but the numbers, which have no line. */
static bool write_path(const struct tail *tail, struct buf *path)
{
    buf_append_string(path, "/live/events?");
    if (tail->rejected != tail->accepted) {
        buf_printf(path, "only=%s&", tail->rejected ? "refused" : "accepted");
    }
    if (tail->stream != NULL) {
        buf_printf(path, "stream=%s&", tail->stream);
    }
    path->len--; /* the last sign stands between nothing */
    return buf_c_string(path) != NULL;
}

/* -1: it is worth another try. */
static int judge(const struct tail *tail, const struct remote_reply *reply, bool was_connected)
{
    char problem[2 * REMOTE_FAILURE_MAX];
    if (reply->fate == REMOTE_GIVEN_UP) {
        return ferror(stdout) ? 3 : 0;
    }
    bool is_end = reply->fate == REMOTE_ANSWERED && reply->status == 200;
    gateway_look_explain(&tail->asking.remote, reply, problem, sizeof problem);
    fprintf(stderr, "sluice tail: %s%s\n", is_end ? "the gateway ended the stream" : problem,
            was_connected && reply->status < 400 ? "; it is asked again" : "");
    bool restarts = was_connected && reply->status == 503;
    if (reply->fate == REMOTE_ANSWERED && !is_end && !restarts) {
        return 3;
    }
    return was_connected ? -1 : 1;
}

static int follow(struct tail *tail)
{
    const struct timespec pause = { .tv_sec = AGAIN_NS / NS_PER_SECOND };
    struct remote_reply reply = { 0 };
    struct buf path = { 0 };
    bool was_connected = false;
    int code = -1;
    if (!write_path(tail, &path)) {
        code = 3;
    }
    const struct remote_request request = {
        .path = path.data, .accept = "text/event-stream", .take = take_piece, .context = tail
    };
    while (code < 0) {
        remote_get(&tail->asking.remote, &request, &reply);
        event_stream_release(&tail->events);
        was_connected = was_connected || reply.status == 200;
        code = judge(tail, &reply, was_connected);
        if (code < 0) {
            nanosleep(&pause, NULL);
        }
    }
    buf_release(&path);
    remote_reply_release(&reply);
    return code;
}

static int run(int argc, char **argv)
{
    struct tail tail = { 0 };
    struct buf problem = { 0 };
    int code;
    if (!parse_arguments(argc, argv, &tail)) {
        return command_explain_use(&tail_command);
    }
    if ((tail.parser = json_parser_new()) == NULL) {
        buf_append_string(&problem, "out of memory");
        code = asking_complain("tail", &problem);
    } else {
        code = asking_begin(&tail.asking, &problem) ? follow(&tail) : asking_complain("tail", &problem);
    }
    json_parser_free(tail.parser);
    buf_release(&tail.line);
    asking_end(&tail.asking);
    buf_release(&problem);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "stream", .value = "STREAM", .help = "what is of this stream alone", .letter = 's' },
    { .name = "rejected", .help = "what is refused alone", .letter = 'r' },
    { .name = "accepted", .help = "what is accepted alone", .letter = 'a' },
    { .name = "json", .help = "a JSON object a line, as docs/live.md has them", .letter = 'j' },
    { .name = "count", .value = "LINES", .help = "end after so many", .letter = 'n' },
    { 0 },
};

const struct command tail_command = {
    .name = "tail",
    .usage = "[--config FILE | --url URL] [--stream STREAM] [--rejected | --accepted]\n[--json] [--count LINES]",
    .summary = "follow what is refused, and a sample of what is accepted",
    .help = "A line an event, as it happens: time, fate, protocol, stream, then code, field and message of what was "
            "refused, or the "
            "fields that may be shown of what was accepted. The gateway tells of so many a second "
            "(`live.tail_per_second`), and hides "
            "personal fields (`live.show`, `live.hide`). A connection that is lost is made again.\n\n"
            "Exit code: 0 after --count lines; 1 if no gateway answers; 3 if what answers does not show them, for want "
            "of a key, say.",
    .options = options,
    .run = run,
};
