/* The log: one line each on stderr, key=value text or JSON.
 *
 * Any thread may call. A line is written with one write(2). Each call site is limited to ten lines a second;
 * the next line that passes says how many were left out. Lines of level debug are all written: whoever asks for them
 * wants each. Hot paths count instead of logging. Whatever the arguments hold, a line is one line of plain text
 * (plain_text.h). */
#pragma once

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Before any thread is started. */
void log_init(enum log_level level, enum log_format format);

/* Any thread, at any time: another level. */
void log_set_level(enum log_level level);

/* Any thread: is a line of this level written? */
bool log_takes(enum log_level level);

/* Any thread: how many lines of this level there were since log_init, those that were left out among them. */
uint64_t log_count(enum log_level level);

/* A call site's allowance; one static per LOG(). */
struct log_site {
    int64_t window_start_ns;
    int count;
    int left_out;
};

/* `event` is a short constant phrase, the rest is "key=%value …" detail for a human; values with spaces are quoted
 * by the caller. */
void log_write(struct log_site *site, enum log_level level, const char *event, const char *detail, ...)
    PRINTF_LIKE(4, 5);

#define LOG(level, event, ...)                                                                                         \
    do {                                                                                                               \
        static struct log_site log_site_here;                                                                          \
        log_write(&log_site_here, (level), (event), __VA_ARGS__);                                                      \
    } while (0)
