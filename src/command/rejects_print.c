/* Turns the files of rejects into lines for people. */
#include "command/rejects_print.h"

#include "base/clock.h"
#include "base/plain_text.h"
#include "rejects/reject.h"
#include "rejects/reject_files.h"
#include "rejects/reject_order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NAME_SHOWN 64

/* What a walk over all lines is for. */
struct walk {
    const char *data;
    const struct reject_filter *filter;
    struct reject_reader *reader;
    void (*act)(struct walk *walk, struct slice line, const struct reject *reject);
    uint64_t met;
    struct buf groups; /* struct group, of list */
    bool failed;
};

static void walk_lines(struct walk *walk, struct slice text)
{
    struct reject_line line;
    for (struct slice piece; slice_split(&text, '\n', &piece);) {
        if (piece.len != 0 && reject_read(walk->reader, piece, &line) &&
            reject_filter_takes(walk->filter, &line.reject)) {
            walk->met++;
            walk->act(walk, piece, &line.reject);
        }
    }
}

/* A file that goes meanwhile is passed over. */
static bool walk_files(struct walk *walk)
{
    struct reject_files files;
    struct buf problem = { 0 }, text = { 0 };
    bool fine = reject_files_open(&files, walk->data, false, &problem);
    if (!fine) {
        fprintf(stderr, "sluice %s\n", buf_c_string(&problem));
    }
    for (size_t i = 0; fine && i < files.count; i++) {
        buf_clear(&text);
        if (reject_files_read(&files, i, &text)) {
            walk_lines(walk, buf_slice(&text));
        } else if (errno != ENOENT) {
            fprintf(stderr, "sluice rejects: cannot read %s: %s\n", files.items[i].name, strerror(errno));
            fine = false;
        }
    }
    reject_files_close(&files);
    buf_release(&problem);
    buf_release(&text);
    return fine && !walk->failed;
}

static int walk_all(const char *data, const struct reject_filter *filter,
                    void (*act)(struct walk *, struct slice, const struct reject *), void (*end)(struct walk *))
{
    struct walk walk = { .data = data, .filter = filter, .reader = reject_reader_new(), .act = act };
    bool fine = walk.reader != NULL && walk_files(&walk);
    if (fine && end != NULL) {
        end(&walk);
    }
    reject_reader_free(walk.reader);
    buf_release(&walk.groups);
    return fine && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* --- list --- */

struct group {
    char stream[NAME_SHOWN], code[NAME_SHOWN], field[NAME_SHOWN];
    uint64_t count, as_it_was, cut;
    int64_t first_ns, last_ns;
};

static void name_group(struct group *group, const struct reject *reject)
{
    *group = (struct group){ .first_ns = INT64_MAX };
    plain_text_copy(reject->stream.len == 0 ? SLICE("-") : reject->stream, group->stream, sizeof group->stream);
    plain_text_copy(reject->code, group->code, sizeof group->code);
    plain_text_copy(reject->field.len == 0 ? SLICE("-") : reject->field, group->field, sizeof group->field);
}

static struct group *find_group(struct walk *walk, const struct reject *reject)
{
    struct group name, *groups = (struct group *)(void *)walk->groups.data;
    size_t count = walk->groups.len / sizeof *groups;
    name_group(&name, reject);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(groups[i].stream, name.stream) == 0 && strcmp(groups[i].code, name.code) == 0 &&
            strcmp(groups[i].field, name.field) == 0) {
            return &groups[i];
        }
    }
    buf_append(&walk->groups, &name, sizeof name);
    walk->failed = walk->failed || walk->groups.failed;
    return walk->groups.failed ? NULL : (struct group *)(void *)walk->groups.data + count;
}

static void count_line(struct walk *walk, struct slice line, const struct reject *reject)
{
    struct group *group = find_group(walk, reject);
    (void)line;
    if (group != NULL) {
        group->count++;
        group->as_it_was += reject->retry == RETRY_YES;
        group->cut += reject->retry == RETRY_CUT;
        group->first_ns = reject->received_ns < group->first_ns ? reject->received_ns : group->first_ns;
        group->last_ns = reject->received_ns > group->last_ns ? reject->received_ns : group->last_ns;
    }
}

static const char *time_text(int64_t ns, char out[32])
{
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return out;
}

static void print_groups(struct walk *walk)
{
    const struct group *groups = (const struct group *)(const void *)walk->groups.data;
    char first[32], last[32];
    if (walk->met == 0) {
        puts("no rejects");
        return;
    }
    printf("%-20s  %-20s  %-24s %8s %10s %8s  %-20s  %-20s\n", "STREAM", "CODE", "FIELD", "COUNT", "RETRIABLE", "CUT",
           "FIRST", "LAST");
    for (size_t i = 0; i < walk->groups.len / sizeof *groups; i++) {
        const struct group *group = &groups[i];
        printf("%-20s  %-20s  %-24s %8llu %10llu %8llu  %-20s  %-20s\n", group->stream, group->code, group->field,
               (unsigned long long)group->count, (unsigned long long)group->as_it_was, (unsigned long long)group->cut,
               time_text(group->first_ns, first), time_text(group->last_ns, last));
    }
    printf("%llu rejects; `sluice rejects show` prints them\n", (unsigned long long)walk->met);
}

int rejects_print_list(const char *data, const struct reject_filter *filter)
{
    return walk_all(data, filter, count_line, print_groups);
}

/* --- show --- */

/* As it is for programs; on a terminal as plain text, for an event may hold anything. */
static void print_line(struct walk *walk, struct slice line, const struct reject *reject)
{
    (void)reject;
    if (!isatty(STDOUT_FILENO)) {
        fwrite(line.data, 1, line.len, stdout);
        putchar('\n');
        return;
    }
    char *text = malloc(line.len * 3 + 1); /* a bad byte becomes three */
    walk->failed = walk->failed || text == NULL;
    if (text != NULL) {
        plain_text_copy(line, text, line.len * 3 + 1);
        puts(text);
    }
    free(text);
}

int rejects_print_lines(const char *data, const struct reject_filter *filter)
{
    return walk_all(data, filter, print_line, NULL);
}
