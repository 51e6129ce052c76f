/* Turns burials, and the names of what lies in dead/, into log lines, a status and a gauge. */
#include "pipeline/journal/letter_report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/journal/letter_files.h"
#include "store/codes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SUM_EVERY_NS (60 * NS_PER_SECOND)

/* Of one stream; the last one is of streams that are not configured any more. */
struct tally {
    uint64_t rows;
    uint64_t unlogged;
    int64_t logged_ns; /* 0: never */
    int last;          /* code, of what is not logged */
};

struct letter_report {
    struct metrics *metrics;
    struct status_part *part;
    const struct stream *const *streams;
    size_t stream_count;
    struct tally tallies[];
};

struct letter_report *letter_report_new(struct metrics *metrics, struct status_board *board,
                                        const struct stream *const *streams, size_t stream_count)
{
    struct letter_report *report = calloc(1, sizeof *report + (stream_count + 1) * sizeof report->tallies[0]);
    if (report != NULL) {
        report->metrics = metrics;
        report->part = status_add(board, "dead letters");
        report->streams = streams;
        report->stream_count = stream_count;
    }
    return report;
}

static const char *name_of(const struct letter_report *report, size_t index)
{
    return index < report->stream_count ? report->streams[index]->name : "(not configured)";
}

static size_t index_of(const struct letter_report *report, struct slice stream)
{
    size_t index = 0;
    while (index < report->stream_count && !slice_equal(slice_from_string(report->streams[index]->name), stream)) {
        index++;
    }
    return index;
}

static void log_sum(struct letter_report *report, size_t index, int64_t now_ns)
{
    struct tally *tally = &report->tallies[index];
    LOG(LOG_WARN, "dead letters",
        "stream=%s rows=%" PRIu64 " more since the last line, the last: code %d %s; the reasons are in " LETTER_FOLDER
        "/",
        name_of(report, index), tally->unlogged, tally->last, code_name(tally->last));
    tally->unlogged = 0;
    tally->logged_ns = now_ns;
}

void letter_report_free(struct letter_report *report)
{
    for (size_t i = 0; report != NULL && i <= report->stream_count; i++) {
        if (report->tallies[i].unlogged != 0) {
            log_sum(report, i, 0);
        }
    }
    free(report);
}

static void show(struct letter_report *report)
{
    uint64_t rows = 0;
    char list[256] = "";
    int length = 0;
    for (size_t i = 0; i <= report->stream_count; i++) {
        uint64_t here = report->tallies[i].rows;
        metric_set(report->metrics, METRIC_DEAD_LETTER_ROWS, i, (double)here);
        if (here != 0 && length >= 0 && (size_t)length < sizeof list) {
            length += snprintf(list + length, sizeof list - (size_t)length, "%s%s %" PRIu64, rows == 0 ? "" : ", ",
                               name_of(report, i), here);
        }
        rows += here;
    }
    if (rows == 0) {
        status_set(report->part, STATUS_OK, "%s", "");
    } else {
        status_set(report->part, STATUS_DEGRADED,
                   "%" PRIu64
                   " rows that their tables refused lie in dead/ (%s): sluice dead-letters list, retry, drop",
                   rows, list);
    }
}

void letter_report_begin(struct letter_report *report)
{
    for (size_t i = 0; report != NULL && i <= report->stream_count; i++) {
        report->tallies[i].rows = 0;
    }
}

void letter_report_see(struct letter_report *report, const char *file_name)
{
    struct slice name, stream;
    struct event_id uuid;
    if (report != NULL && segment_parse_file_name(file_name, &name, &stream, &uuid)) {
        report->tallies[index_of(report, stream)].rows++;
    }
}

void letter_report_end(struct letter_report *report)
{
    if (report != NULL) {
        show(report);
    }
}

void letter_report_add(struct letter_report *report, const struct segment *segment, int code, int64_t now_ns)
{
    if (report == NULL) {
        return;
    }
    size_t index = segment->stream_index < report->stream_count ? segment->stream_index : report->stream_count;
    struct tally *tally = &report->tallies[index];
    tally->rows++;
    show(report);
    if (tally->unlogged == 0 && (tally->logged_ns == 0 || now_ns - tally->logged_ns >= SUM_EVERY_NS)) {
        LOG(LOG_WARN, "dead letter",
            "stream=%s segment=%s code %d %s; the reason is in " LETTER_FOLDER "/%s" LETTER_SUFFIX,
            name_of(report, index), segment->name, code, code_name(code), segment->name);
        tally->logged_ns = now_ns;
        return;
    }
    tally->unlogged++;
    tally->last = code;
}

void letter_report_tick(struct letter_report *report, int64_t now_ns)
{
    for (size_t i = 0; report != NULL && i <= report->stream_count; i++) {
        const struct tally *tally = &report->tallies[i];
        if (tally->unlogged != 0 && now_ns - tally->logged_ns >= SUM_EVERY_NS) {
            log_sum(report, i, now_ns);
        }
    }
}
