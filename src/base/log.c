/* Turns an event of the program's life into one line on stderr. */
#include "base/log.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/plain_text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINES_PER_SECOND 10

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static struct {
    pthread_mutex_t mutex;
    uint64_t counts[LOG_ERROR + 1];
    atomic_int level; /* of enum log_level */
    enum log_format format;
} logger = { .mutex = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO };

void log_init(enum log_level level, enum log_format format)
{
    log_set_level(level);
    logger.format = format;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

/* Under the mutex. The count of lines left out since the last one that passed, or -1 if this one is left out too. */
static int site_admit(struct log_site *site, int64_t now_ns)
{
    ASSERT_AT_MOST(site->count, LINES_PER_SECOND);
    if (now_ns - site->window_start_ns >= NS_PER_SECOND) {
        site->window_start_ns = now_ns;
        site->count = 0;
    }
    if (site->count >= LINES_PER_SECOND) {
        site->left_out++;
        return -1;
    }
    site->count++;
    int left_out = site->left_out;
    site->left_out = 0;
    return left_out;
}

static size_t format_time(char *out, size_t cap)
{
    int64_t now = clock_wall_ns();
    int64_t rest = (now % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND; /* a clock may stand before 1970 */
    time_t seconds = (time_t)((now - rest) / NS_PER_SECOND);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);
    return len + (size_t)snprintf(out + len, cap - len, ".%03dZ", (int)(rest / NS_PER_MS));
}

static void write_line(struct buf *line)
{
    const char *at = line->data;
    size_t left = line->len;
    while (left != 0) {
        ssize_t written = write(STDERR_FILENO, at, left);
        if (written <= 0) {
            return;
        }
        at += written;
        left -= (size_t)written;
    }
}

static void compose(struct buf *line, enum log_level level, const char *event, const char *detail, int left_out)
{
    char when[40];
    format_time(when, sizeof when);
    if (logger.format == LOG_JSON) {
        buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", when, level_names[level]);
        buf_append_json_string(line, slice_from_string(event));
        buf_append_string(line, ",\"detail\":");
        buf_append_json_string(line, slice_from_string(detail));
        if (left_out != 0) {
            buf_printf(line, ",\"left_out\":%d", left_out);
        }
        buf_append_string(line, "}\n");
        return;
    }
    buf_printf(line, "%s %-5s %s", when, level_names[level], event);
    if (detail[0] != '\0') {
        buf_printf(line, ": %s", detail);
    }
    if (left_out != 0) {
        buf_printf(line, " (and %d like it left out)", left_out);
    }
    buf_append_byte(line, '\n');
}

/* What is said when memory is short must not need any. As JSON, whose strings would have to be escaped, only the event. */
static void write_without_memory(enum log_level level, const char *event, const char *detail)
{
    char text[2304];
    char when[40];
    format_time(when, sizeof when);
    int len = logger.format == LOG_JSON
                  ? snprintf(text, sizeof text, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"}\n", when,
                             level_names[level], event)
                  : snprintf(text, sizeof text, "%s %-5s %s: %s\n", when, level_names[level], event, detail);
    struct buf line = { .data = text, .len = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1 };
    write_line(&line);
}

bool log_takes(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void log_write(struct log_site *site, enum log_level level, const char *event, const char *detail, ...)
{
    if (!log_takes(level)) {
        return;
    }
    char text[2048];
    va_list arguments;
    va_start(arguments, detail);
    vsnprintf(text, sizeof text, detail, arguments);
    va_end(arguments);
    plain_text_clean(text, sizeof text);

    pthread_mutex_lock(&logger.mutex);
    logger.counts[level]++;
    int left_out = level == LOG_DEBUG ? 0 : site_admit(site, clock_monotonic_ns());
    if (left_out >= 0) {
        struct buf line = { 0 };
        compose(&line, level, event, text, left_out);
        if (!line.failed) {
            write_line(&line);
        } else {
            write_without_memory(level, event, text);
        }
        buf_release(&line);
    }
    pthread_mutex_unlock(&logger.mutex);
}

uint64_t log_count(enum log_level level)
{
    pthread_mutex_lock(&logger.mutex);
    uint64_t count = logger.counts[level];
    pthread_mutex_unlock(&logger.mutex);
    return count;
}
