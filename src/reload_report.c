/* Turns the end of a reload into lines of the log, a part of /readyz and counters. */
#include "reload_report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/status.h"

static void note_success(const struct reload_report *report)
{
    int64_t seconds = clock_wall_ns() / NS_PER_SECOND;
    metric_set(report->metrics, METRIC_CONFIG_SUCCESS_TIME, 0, (double)seconds);
}

bool reload_report_init(struct reload_report *report, struct metrics *metrics, struct status_board *board)
{
    *report = (struct reload_report){ metrics, metrics_thread(metrics), status_add(board, "configuration") };
    status_set(report->status, STATUS_OK, "as at the start");
    metric_set(metrics, METRIC_CONFIG_SUCCESSFUL, 0, 1);
    note_success(report);
    return report->cells != NULL;
}

void reload_report_paused(const struct reload_report *report, int64_t pause_ns)
{
    metric_observe_ns(report->cells, METRIC_CONFIG_PAUSE_SECONDS, 0, pause_ns);
}

/* Each line by itself, and none left out. */
static void log_lines(enum log_level level, const char *event, const struct buf *lines)
{
    struct slice rest = buf_slice(lines), line;
    while (slice_split(&rest, '\n', &line)) {
        struct log_site unlimited = { 0 };
        if (line.len != 0) {
            log_write(&unlimited, level, event, "%.*s", (int)line.len, (const char *)line.data);
        }
    }
}

static struct slice first_line(const struct buf *lines, size_t *others)
{
    struct slice rest = buf_slice(lines), first = { 0 }, line;
    *others = 0;
    while (slice_split(&rest, '\n', &line)) {
        if (first.len == 0) {
            first = line;
        } else {
            *others += line.len != 0;
        }
    }
    return first;
}

static void count(const struct reload_report *report, enum reload_result result)
{
    bool failed = result == RELOAD_REFUSED || result == RELOAD_BUSY;
    metric_add_index(report->cells, METRIC_CONFIG_RELOADS, result, 1);
    metric_set(report->metrics, METRIC_CONFIG_SUCCESSFUL, 0, failed ? 0 : 1);
    if (!failed) {
        note_success(report);
    }
}

void reload_report_refused(const struct reload_report *report, const struct buf *problems)
{
    size_t others;
    struct slice first = first_line(problems, &others);
    log_lines(LOG_ERROR, "reload refused", problems);
    LOG(LOG_ERROR, "reload refused", "nothing was changed: what held before holds on");
    status_set(report->status, STATUS_DEGRADED,
               "the last reload was refused, what held before holds on; problems: %zu, the first: %.*s", others + 1,
               (int)first.len, (const char *)first.data);
    count(report, RELOAD_REFUSED);
}

void reload_report_busy(const struct reload_report *report, int64_t patience_ns)
{
    LOG(LOG_ERROR, "reload given up",
        "a thread that serves clients did not come round within %d s, or memory is short: nothing was changed",
        (int)(patience_ns / NS_PER_SECOND));
    status_set(report->status, STATUS_DEGRADED,
               "the last reload was given up, as a thread did not come round in time, or memory is short; nothing was "
               "changed: reload again");
    count(report, RELOAD_BUSY);
}

void reload_report_taken(const struct reload_report *report, const struct buf *changes, const struct buf *restarts)
{
    size_t others;
    struct slice first = first_line(restarts, &others);
    log_lines(LOG_INFO, "reloaded", changes);
    log_lines(LOG_WARN, "not reloaded", restarts);
    LOG(LOG_INFO, "reload", "done%s%s", changes->len == 0 ? "; nothing that reloads has changed" : "",
        restarts->len == 0 ? "" : "; what was not reloaded holds after a restart");
    if (restarts->len == 0) {
        status_set(report->status, STATUS_OK, "as in the file at the last reload");
    } else {
        status_set(report->status, STATUS_DEGRADED, "the file has changes that take a restart: %zu, the first: %.*s",
                   others + 1, (int)first.len, (const char *)first.data);
    }
    count(report, restarts->len == 0 ? RELOAD_APPLIED : RELOAD_PARTLY);
}
