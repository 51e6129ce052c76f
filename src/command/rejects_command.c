/* Turns rejects into lines for people, into orders to a gateway, or into nothing. */
#include "command/rejects_command.h"

#include "base/clock.h"
#include "base/system/data_folder.h"
#include "command/rejects_print.h"
#include "event/event_id.h"
#include "rejects/reject.h"
#include "rejects/reject_files.h"
#include "rejects/reject_order.h"
#include "rejects/reject_order_files.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS (200 * NS_PER_MS)

struct asked {
    const char *data;
    struct reject_order order; /* its filter is that of list and show, too */
    bool all;
    int64_t wait_ns;
};

static bool complain(const char *what, const char *data)
{
    fprintf(stderr, "sluice rejects: cannot %s %s: %s\n", what, data, strerror(errno));
    return false;
}

static int run_list(struct asked *asked)
{
    return rejects_print_list(asked->data, &asked->order.filter);
}

static int run_show(struct asked *asked)
{
    return rejects_print_lines(asked->data, &asked->order.filter);
}

/* --- retry and drop --- */

static void print_stay(uint64_t count, const char *why)
{
    if (count != 0) {
        printf("%llu stay: %s\n", (unsigned long long)count, why);
    }
}

static void print_report(const struct asked *asked, const struct reject_report *report)
{
    if (asked->order.verb == VERB_DROP) {
        printf("dropped %llu rejects\n", (unsigned long long)report->taken);
        return;
    }
    printf("sent %llu rejects again: %llu events accepted, %llu duplicates, %llu refused again\n",
           (unsigned long long)report->taken, (unsigned long long)report->accepted,
           (unsigned long long)report->duplicate, (unsigned long long)report->refused);
    print_stay(report->failed, "the gateway had no room for them, or the disk failed; retry them again");
    print_stay(report->cut, "personal values were cut from them; --cut stores them without these");
    print_stay(report->unsendable, "not all of them is kept, or who sent them was the reason: they are for looking");
    print_stay(report->strayed, "their stream is not configured any more");
}

/* True: the gateway did it. */
static bool await_report(const struct asked *asked, const char *name)
{
    const struct timespec pause = { .tv_nsec = POLL_NS };
    struct reject_report report;
    for (int64_t deadline_ns = clock_monotonic_ns() + asked->wait_ns;;) {
        if (reject_order_report(asked->data, name, &report)) {
            print_report(asked, &report);
            return true;
        }
        if (clock_monotonic_ns() >= deadline_ns) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

static int give_order(const struct asked *asked, bool served)
{
    char name[ORDER_NAME_MAX];
    if (!reject_order_give(asked->data, &asked->order, name)) {
        complain("write an order into", asked->data);
        return 1;
    }
    if (!served) {
        puts("no gateway runs here: the next start does it");
    } else if (!await_report(asked, name)) {
        puts("the gateway has not finished yet and goes on; its log says when it is done");
    }
    return 0;
}

/* The lines that are not meant. */
static bool drop_lines(const struct asked *asked, struct reject_reader *reader, struct slice text, struct buf *rest,
                       uint64_t *dropped)
{
    uint64_t before = *dropped;
    struct reject_line line;
    for (struct slice piece; slice_split(&text, '\n', &piece);) {
        if (piece.len != 0 && reject_read(reader, piece, &line) &&
            reject_filter_takes(&asked->order.filter, &line.reject)) {
            ++*dropped;
        } else if (piece.len != 0) {
            buf_append_slice(rest, piece);
            buf_append_byte(rest, '\n');
        }
    }
    return *dropped != before && !rest->failed;
}

/* With the lock of the folder. */
static int drop_here(const struct asked *asked)
{
    struct reject_files files;
    struct reject_report report = { 0 };
    struct buf problem = { 0 }, text = { 0 }, rest = { 0 };
    struct reject_reader *reader = reject_reader_new();
    bool fine = reject_files_open(&files, asked->data, true, &problem) && reader != NULL;
    for (size_t i = files.count; fine && i-- > 0;) { /* a file that goes moves those behind it */
        buf_clear(&text);
        buf_clear(&rest);
        fine = reject_files_read(&files, i, &text) || complain("read", files.items[i].name);
        if (fine && drop_lines(asked, reader, buf_slice(&text), &rest, &report.taken)) {
            fine = reject_files_replace(&files, i, buf_slice(&rest)) || complain("write", asked->data);
        }
    }
    print_report(asked, &report);
    reject_files_close(&files);
    reject_reader_free(reader);
    buf_release(&problem);
    buf_release(&text);
    buf_release(&rest);
    return fine ? 0 : 1;
}

static int change(struct asked *asked)
{
    struct data_folder folder = { .lock_fd = -1 };
    struct buf problem = { 0 };
    bool mine = data_folder_take(&folder, asked->data, false, &problem);
    bool served = !mine && memmem(problem.data, problem.len, "in use", 6) != NULL;
    int code = 1;
    if (!mine && !served) {
        fprintf(stderr, "sluice rejects: %s\n", buf_c_string(&problem));
    } else if (mine && asked->order.verb == VERB_DROP) {
        code = drop_here(asked);
    } else {
        if (mine) {
            data_folder_release(&folder);
        }
        code = give_order(asked, served);
        mine = false;
    }
    if (mine) {
        data_folder_release(&folder);
    }
    buf_release(&problem);
    return code;
}

static int run_retry(struct asked *asked)
{
    asked->order.verb = VERB_RETRY;
    return change(asked);
}

static int run_drop(struct asked *asked)
{
    asked->order.verb = VERB_DROP;
    return change(asked);
}

/* --- the command line --- */

static const struct {
    const char *name;
    bool changes; /* which ones must be said */
    int (*run)(struct asked *asked);
} verbs[] = {
    { "list", false, run_list }, { "show", false, run_show }, { "retry", true, run_retry }, { "drop", true, run_drop }
};

static bool read_seconds(const char *text, int64_t *ns)
{
    uint64_t seconds;
    bool read = slice_to_u64(slice_from_string(text), &seconds) && seconds <= 86400;
    *ns = read ? (int64_t)seconds * NS_PER_SECOND : *ns;
    return read;
}

/* A value of an order is one line. */
static bool take_name(struct slice *place)
{
    *place = slice_from_string(optarg);
    return strchr(optarg, '\n') == NULL;
}

static bool read_option(struct asked *asked, int option)
{
    switch (option) {
    case 's': return take_name(&asked->order.filter.stream);
    case 'o': return take_name(&asked->order.filter.code);
    case 'f': return take_name(&asked->order.filter.field);
    case 'A': asked->all = true; return true;
    case 'u': asked->order.cut = true; return true;
    case 'w': return read_seconds(optarg, &asked->wait_ns);
    default: return false;
    }
}

static bool read_ids(struct asked *asked, int argc, char **argv)
{
    struct reject_order *order = &asked->order;
    for (int i = optind; i < argc; i++) {
        struct event_id id;
        if (!event_id_parse(&id, slice_from_string(argv[i]))) {
            fprintf(stderr, "sluice rejects: \"%s\" is no id of a reject; `show` prints them\n", argv[i]);
            return false;
        }
        buf_append(&order->ids, &id, sizeof id);
    }
    order->filter.ids = (const struct event_id *)(const void *)order->ids.data;
    order->filter.id_count = order->ids.len / sizeof(struct event_id);
    return !order->ids.failed;
}

static bool says_which(const struct asked *asked)
{
    const struct reject_filter *filter = &asked->order.filter;
    bool some =
        filter->stream.data != NULL || filter->code.data != NULL || filter->field.data != NULL || filter->id_count != 0;
    return some != asked->all;
}

static int run_verb(struct asked *asked, const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(name, verbs[i].name) == 0 && (!verbs[i].changes || says_which(asked))) {
            return verbs[i].run(asked);
        }
    }
    return command_explain_use(&rejects_command);
}

static int run_command(int argc, char **argv)
{
    struct asked asked = { .wait_ns = 60 * NS_PER_SECOND };
    bool fine = true;
    for (int option; fine && (option = command_next_option(&rejects_command, argc, argv)) != -1;) {
        fine = read_option(&asked, option);
    }
    if (!fine || argc - optind < 2) {
        return command_explain_use(&rejects_command);
    }
    const char *verb = argv[optind];
    asked.data = argv[optind + 1];
    optind += 2;
    int code = read_ids(&asked, argc, argv) ? run_verb(&asked, verb) : 2;
    reject_order_release(&asked.order);
    return code;
}

static const struct command_verb command_verbs[] = {
    { "list", "how many there are of each stream, code and field, how many can be retried, the first and the last" },
    { "show", "print them: a line of JSON each" },
    { "retry", "send them again, once the schema is mended; what is refused again stays, with its new reason" },
    { "drop", "delete them" },
    { 0 },
};

static const struct command_option options[] = {
    { .name = "stream", .value = "STREAM", .help = "those of this stream", .letter = 's' },
    { .name = "code", .value = "CODE", .help = "those that were refused with this code", .letter = 'o' },
    { .name = "field", .value = "FIELD", .help = "those of which this field was at fault", .letter = 'f' },
    { .name = "all", .help = "of retry and drop: all that there are", .letter = 'A' },
    { .name = "cut", .help = "of retry: also those that personal values were cut from, without these", .letter = 'u' },
    { .name = "wait",
      .value = "SECONDS",
      .help = "of retry and drop: how long to wait for the gateway's report (60)",
      .letter = 'w' },
    { 0 },
};

const struct command rejects_command = {
    .name = "rejects",
    .usage = "list|show DATA_FOLDER [--stream STREAM] [--code CODE] [--field FIELD] [ID…]\n"
             "retry DATA_FOLDER [--cut] --all | [--stream STREAM] [--code CODE] [--field FIELD] [ID…]\n"
             "drop DATA_FOLDER --all | [--stream STREAM] [--code CODE] [--field FIELD] [ID…]",
    .summary = "list, show, retry or drop input that was refused and kept",
    .help =
        "What is kept, the option `rejects` says. It works beside a running gateway, which then does what is asked, "
        "and without one: `drop` is done at once, `retry` by the next start. Exit code: 0, 1 if it could not be "
        "done, 2 for the command line.",
    .verbs = command_verbs,
    .options = options,
    .run = run_command,
};
