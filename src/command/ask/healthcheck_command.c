/* Turns what /readyz says into a line and an exit code. */
#include "command/ask/healthcheck_command.h"

#include "base/clock.h"
#include "base/plain_text.h"
#include "inspect/asking.h"

#include <getopt.h>
#include <stdio.h>

#define USUAL_TIMEOUT_S 5
#define TIMEOUT_MOST_S 3600
#define LINE_MAX_BYTES 1024

struct healthcheck {
    struct asking asking;
    bool live;
    uint64_t timeout_s;
};

static bool read_timeout(struct healthcheck *check, const char *text)
{
    if (slice_to_u64(slice_from_string(text), &check->timeout_s) && check->timeout_s != 0 &&
        check->timeout_s <= TIMEOUT_MOST_S) {
        return true;
    }
    fprintf(stderr, "sluice healthcheck: --timeout: expected seconds, 1 to %d\n", TIMEOUT_MOST_S);
    return false;
}

static bool parse_arguments(int argc, char **argv, struct healthcheck *check)
{
    for (int option; (option = command_next_option(&healthcheck_command, argc, argv)) != -1;) {
        bool taken = option == 'l'   ? (check->live = true)
                     : option == 't' ? read_timeout(check, optarg)
                                     : asking_take(&check->asking, option, optarg);
        if (!taken) {
            return false;
        }
    }
    return optind == argc;
}

/* Lines become one. */
static void print_line(struct slice text)
{
    char shown[LINE_MAX_BYTES];
    struct slice line;
    const char *between = "";
    while (slice_split(&text, '\n', &line)) {
        if (line.len != 0) {
            plain_text_copy(line, shown, sizeof shown);
            printf("%s%s", between, shown);
            between = "; ";
        }
    }
    putchar('\n');
}

static int tell(const struct healthcheck *check, const struct remote_reply *reply)
{
    const char *url = check->asking.remote.url;
    if (reply->fate != REMOTE_ANSWERED) {
        printf("not %s: %s: %s\n", check->live ? "alive" : "ready", url, reply->failure);
        return 1;
    }
    if (reply->status != 200 && reply->status != 503) {
        printf("not known: %s answered %ld: ", url, reply->status);
    }
    print_line(buf_slice(&reply->body));
    return reply->status == 200 ? 0 : 1;
}

static int ask(struct healthcheck *check)
{
    const struct remote_request request = {
        .path = check->live ? "/livez" : "/readyz",
        .timeout_ns = (int64_t)check->timeout_s * NS_PER_SECOND,
    };
    struct remote_reply reply = { 0 };
    remote_get(&check->asking.remote, &request, &reply);
    int code = tell(check, &reply);
    remote_reply_release(&reply);
    return fflush(stdout) == 0 ? code : 1;
}

static int run(int argc, char **argv)
{
    struct healthcheck check = { .timeout_s = USUAL_TIMEOUT_S };
    struct buf problem = { 0 };
    int code = 1;
    if (!parse_arguments(argc, argv, &check)) {
        command_explain_use(&healthcheck_command);
    } else if (asking_begin(&check.asking, &problem)) {
        code = ask(&check);
    } else {
        asking_complain("healthcheck", &problem);
    }
    asking_end(&check.asking);
    buf_release(&problem);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "live", .help = "ask whether the process runs, not whether events are accepted", .letter = 'l' },
    { .name = "timeout", .value = "SECONDS", .help = "how long the answer may take (5)", .letter = 't' },
    { 0 },
};

const struct command healthcheck_command = {
    .name = "healthcheck",
    .usage = "[--config FILE | --url URL] [--live] [--timeout SECONDS]",
    .summary = "ask whether a gateway is ready: the health check of containers",
    .help =
        "Asks /readyz (with --live: /livez) of the address in the configuration that serves `admin`, on this machine. "
        "What it answers is printed as one line. A certificate is not looked at there, for its names are those of the "
        "world; that of an https:// URL is.\n\n"
        "Exit code: 0 if the gateway is ready (alive), else 1.",
    .options = options,
    .run = run,
};
