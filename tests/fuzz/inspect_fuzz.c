/* What commands read of gateways and stores: pages of metrics and health, server-sent events, results of the store. The first byte says which.
 * Whatever is in it: nothing that a terminal would obey comes out, and JSON is JSON. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "inspect/gateway_look.h"
#include "inspect/live_line.h"
#include "inspect/result_table.h"
#include "inspect/status_lines.h"
#include "pipeline/json/json.h"
#include "remote/event_stream.h"

static struct json_parser *parser;

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void must_be_plain(struct slice text)
{
    must(json_is_utf8(text));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        must(byte == '\n' || (byte >= ' ' && byte != 0x7f));
        must(byte != 0xC2 || i + 1 == text.len || (uint8_t)text.data[i + 1] >= 0xA0); /* C1 */
    }
}

static void must_be_json(struct slice text)
{
    const char *reason;
    must(json_locate(json_trim(text), false, &reason) == json_trim(text).len);
    must_be_plain(text);
}

static void show(const struct gateway_look *look)
{
    struct status_lines lines = { 0 };
    struct buf json = { 0 };
    status_lines_head(&lines, look, "http://x", 0);
    status_lines_parts(&lines, look, 10);
    status_lines_streams(&lines, look, 10, 80);
    status_lines_protocols(&lines, look, 0);
    status_lines_reasons(&lines, look, 10);
    status_lines_places(&lines, look);
    must_be_plain(buf_slice(&lines.text));
    status_json(&json, look, "http://x", 0);
    must_be_json(buf_slice(&json));
    status_lines_release(&lines);
    buf_release(&json);
}

static void look_at_metrics(struct slice page)
{
    struct gateway_look look = { 0 };
    bool known = gateway_numbers_read(&look.now, page, 1);
    look.fate = known ? LOOK_SEEN : LOOK_REFUSED;
    show(&look);
    gateway_numbers_release(&look.now);
}

static void look_at_health(struct slice page)
{
    struct gateway_look look = { 0 };
    struct buf copy = { 0 };
    buf_append_slice(&copy, page);
    bool known = gateway_health_read(&look.health, parser, &copy);
    look.fate = known ? LOOK_SEEN : LOOK_REFUSED;
    show(&look);
    gateway_health_release(&look.health);
    buf_release(&copy);
}

static bool take_event(void *context, const char *name, struct slice data)
{
    struct buf out = { 0 };
    (void)context;
    if (live_line(parser, name, data, &out) == LIVE_LINE) {
        must_be_plain(buf_slice(&out));
    }
    buf_clear(&out);
    if (live_line_json(parser, name, data, &out) == LIVE_LINE) {
        must_be_json(buf_slice(&out));
    }
    buf_release(&out);
    return true;
}

/* In two pieces. */
static void look_at_stream(struct slice bytes)
{
    struct event_stream stream = { 0 };
    size_t half = bytes.len / 2;
    must(event_stream_take(&stream, slice_make(bytes.data, half), take_event, NULL));
    must(event_stream_take(&stream, slice_after(bytes, half), take_event, NULL));
    event_stream_release(&stream);
}

static void look_at_result(struct slice bytes)
{
    struct buf out = { 0 };
    size_t rows = result_table_text(bytes, &out);
    must_be_plain(buf_slice(&out));
    cost_weighs(out.len); /* cells are as wide as the longest of their column */
    buf_clear(&out);
    must(result_table_json(bytes, &out) == rows);
    must_be_json(buf_slice(&out));
    buf_release(&out);
}

static void take(const uint8_t *data, size_t size)
{
    static void (*const ways[])(struct slice) = { look_at_metrics, look_at_health, look_at_stream, look_at_result };
    if (parser == NULL) {
        parser = json_parser_new();
    }
    if (size != 0) {
        ways[data[0] % ARRAY_LENGTH(ways)](slice_make(data + 1, size - 1));
    }
}

COST_FUZZER(take, 1500)
