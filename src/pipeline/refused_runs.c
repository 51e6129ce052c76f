/* Turns the indices of refused events into runs, and runs into the JSON that replies tell them by. */
#include "pipeline/refused_runs.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

struct run {
    uint32_t first;
    uint32_t count;
    enum error code;
};

static size_t run_count(const struct buf *runs)
{
    return runs->len / sizeof(struct run);
}

static struct run run_at(const struct buf *runs, size_t at)
{
    struct run run;
    memcpy(&run, runs->data + at * sizeof run, sizeof run);
    return run;
}

void refused_runs_add(struct buf *runs, uint32_t index, enum error code)
{
    ASSERT(code != OK && code < ERROR_COUNT);
    struct run run = { index, 1, code };
    size_t count = run_count(runs);
    if (count != 0) {
        struct run last = run_at(runs, count - 1);
        if (last.code == code && last.first + last.count == index) {
            last.count++;
            memcpy(runs->data + (count - 1) * sizeof last, &last, sizeof last);
            return;
        }
    }
    buf_append(runs, &run, sizeof run);
}

static void write_code(const struct buf *runs, enum error code, struct buf *out)
{
    uint32_t at = 0;
    buf_printf(out, "%s\"%s\":[", out->data[out->len - 1] == '{' ? "" : ",", error_info(code)->code);
    for (size_t i = 0; i < run_count(runs); i++) {
        struct run run = run_at(runs, i);
        if (run.code == code) {
            buf_printf(out, "%s%" PRIu32 ",%" PRIu32, at == 0 ? "" : ",", run.first - at, run.count);
            at = run.first + run.count;
        }
    }
    buf_append_byte(out, ']');
}

void refused_runs_write(const struct buf *runs, struct buf *out)
{
    bool occurs[ERROR_COUNT] = { false };
    for (size_t i = 0; i < run_count(runs); i++) {
        occurs[run_at(runs, i).code] = true;
    }
    buf_append_byte(out, '{');
    for (int code = 0; code < ERROR_COUNT && !out->failed; code++) {
        if (occurs[code]) {
            write_code(runs, (enum error)code, out);
        }
    }
    buf_append_byte(out, '}');
}
