/* Turns the cached states of the gateway's parts into pages. */
#include "proto/pages/pages.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "proto/front/page.h"
#include "proto/pages/page_counts.h"
#include "proto/pages/scrape.h"

#include <stdio.h>
#include <time.h>

#define PARTS_MAX 256

static const char *const level_words[] = { [STATUS_OK] = "ok", [STATUS_DEGRADED] = "degraded", [STATUS_DOWN] = "down" };

static void append_time(struct buf *out, int64_t wall_ns)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    buf_append(out, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

static enum page_result serve_metrics(void *context, const struct page_request *request, struct page_reply *reply,
                                      struct page_later later)
{
    struct pages_source *source = context;
    struct buf name = { 0 };
    bool malformed;
    bool of_event = page_argument(request->query, "event_name", &name, &malformed);
    buf_release(&name);
    if (of_event && source->event_metrics != NULL) {
        return source->event_metrics->handle(source->event_metrics->context, request, reply, later);
    }
    scrape_give(source->scrape, request, reply);
    return PAGE_READY;
}

static enum page_result serve_word(struct page_reply *reply, const char *word)
{
    reply->content_type = "text/plain; charset=utf-8";
    buf_append_string(&reply->body, word);
    return PAGE_READY;
}

static enum page_result serve_livez(void *context, const struct page_request *request, struct page_reply *reply,
                                    struct page_later later)
{
    (void)context, (void)request, (void)later;
    return serve_word(reply, "ok\n");
}

static enum page_result serve_ping(void *context, const struct page_request *request, struct page_reply *reply,
                                   struct page_later later)
{
    (void)context, (void)request, (void)later;
    return serve_word(reply, "pong\n");
}

/* Why the details are not told; strangers get one word. */
static enum page_result refuse_details(const struct page_request *request, struct page_reply *reply)
{
    page_problem(reply, request->admin,
                 SLICE("verbose=1 tells what operators see: it needs a key with the scope admin"), SLICE(""));
    return PAGE_READY;
}

/* The parts, at most PARTS_MAX, in one allocation of the page's own; NULL if memory is short. */
static struct status_view *read_parts(const struct pages_source *source, struct buf *memory, size_t *count)
{
    if (!buf_reserve(memory, PARTS_MAX * sizeof(struct status_view))) {
        *count = 0;
        return NULL;
    }
    struct status_view *parts = (struct status_view *)(void *)memory->data;
    *count = status_read(source->board, parts, PARTS_MAX);
    if (*count > PARTS_MAX) {
        *count = PARTS_MAX;
    }
    return parts;
}

static void append_part_line(struct buf *out, const struct status_view *part)
{
    buf_printf(out, "%s: %s since ", part->name, level_words[part->level]);
    append_time(out, part->since_wall_ns);
    if (part->reason[0] != '\0') {
        buf_printf(out, ": %s", part->reason);
    }
    buf_append_byte(out, '\n');
}

static enum page_result serve_readyz(void *context, const struct page_request *request, struct page_reply *reply,
                                     struct page_later later)
{
    struct pages_source *source = context;
    struct buf memory = { 0 }, argument = { 0 }, lines = { 0 };
    size_t count;
    bool malformed;
    (void)later;
    bool verbose = page_argument(request->query, "verbose", &argument, &malformed);
    bool operator= request->admin == OK;
    if (verbose && !operator) {
        buf_release(&argument);
        return refuse_details(request, reply);
    }
    const struct status_view *parts = read_parts(source, &memory, &count);
    enum error refusal = pipeline_admits(source->pipeline);
    bool ready = refusal == OK;
    for (size_t i = 0; i < count; i++) {
        ready = ready && parts[i].level != STATUS_DOWN;
        if (operator&&(verbose || parts[i].level != STATUS_OK)) {
            append_part_line(&lines, &parts[i]);
        }
    }
    serve_word(reply, ready ? "ready\n" : "not ready\n");
    if (operator&& refusal != OK) {
        buf_printf(&reply->body, "events are refused: %s\n", error_info(refusal)->text);
    }
    buf_append_slice(&reply->body, buf_slice(&lines));
    reply->status = ready ? 200 : 503;
    buf_release(&memory);
    buf_release(&argument);
    buf_release(&lines);
    return PAGE_READY;
}

static void append_part_json(struct buf *out, const struct status_view *part)
{
    buf_append_string(out, "{\"name\":");
    buf_append_json_string(out, slice_from_string(part->name));
    buf_printf(out, ",\"status\":\"%s\",\"since\":\"", level_words[part->level]);
    append_time(out, part->since_wall_ns);
    buf_append_string(out, "\",\"reason\":");
    buf_append_json_string(out, slice_from_string(part->reason));
    buf_append_byte(out, '}');
}

static void make_health(void *context, struct page_reply *reply)
{
    struct pages_source *source = context;
    struct buf memory = { 0 }, list = { 0 };
    size_t count;
    const struct status_view *parts = read_parts(source, &memory, &count);
    enum status_level worst = pipeline_admits(source->pipeline) == OK ? STATUS_OK : STATUS_DOWN;
    for (size_t i = 0; i < count; i++) {
        worst = parts[i].level > worst ? parts[i].level : worst;
        buf_append_string(&list, i == 0 ? "" : ",");
        append_part_json(&list, &parts[i]);
    }
    reply->status = worst == STATUS_DOWN ? 503 : 200;
    reply->content_type = "application/json";
    buf_printf(&reply->body, "{\"status\":\"%s\",\"parts\":[", level_words[worst]);
    buf_append_slice(&reply->body, buf_slice(&list));
    buf_append_string(&reply->body, "]}\n");
    buf_release(&memory);
    buf_release(&list);
}

static enum page_result serve_health(void *context, const struct page_request *request, struct page_reply *reply,
                                     struct page_later later)
{
    struct pages_source *source = context;
    (void)request, (void)later;
    page_cache_give(&source->health_page, make_health, source, reply);
    return PAGE_READY;
}

static void make_status(void *context, struct page_reply *reply)
{
    struct pages_source *source = context;
    reply->content_type = "application/json";
    buf_append_string(&reply->body, "{\"version\":");
    buf_append_json_string(&reply->body, slice_from_string(source->version));
    buf_append_string(&reply->body, ",\"started\":\"");
    append_time(&reply->body, source->started_wall_ns);
    buf_printf(&reply->body, "\",\"uptime_seconds\":%lld,\"events\":[",
               (long long)((clock_wall_ns() - source->started_wall_ns) / NS_PER_SECOND));
    for (size_t i = 0; i < source->stream_count; i++) {
        page_counts_stream(source->metrics, source->streams[i]->name, source->streams[i]->index, &reply->body);
        buf_append_byte(&reply->body, ',');
    }
    page_counts_stream(source->metrics, "", metrics_no_stream(source->metrics), &reply->body);
    buf_append_string(&reply->body, "]}\n");
}

static enum page_result serve_status(void *context, const struct page_request *request, struct page_reply *reply,
                                     struct page_later later)
{
    struct pages_source *source = context;
    (void)request, (void)later;
    page_cache_give(&source->status_page, make_status, source, reply);
    return PAGE_READY;
}

static const struct page table[] = {
    { .path = "/metrics", .handle = serve_metrics, .needs = PAGE_NEEDS_ADMIN },
    { .path = "/health", .handle = serve_health, .needs = PAGE_NEEDS_ADMIN },
    { .path = "/livez", .handle = serve_livez, .needs = PAGE_NEEDS_NOTHING, .unlimited = true },
    { .path = "/readyz", .handle = serve_readyz, .needs = PAGE_NEEDS_NOTHING, .unlimited = true }, /* but for details */
    { .path = "/ping", .handle = serve_ping, .needs = PAGE_NEEDS_NOTHING, .unlimited = true },
    { .path = "/status", .handle = serve_status, .needs = PAGE_NEEDS_ADMIN },
};

_Static_assert(ARRAY_LENGTH(table) <= PAGES_MAX, "callers have room for PAGES_MAX pages");

size_t pages_fill(struct page *pages, struct pages_source *source)
{
    source->scrape = scrape_new(source->metrics, clock_monotonic_ns, clock_thread_cpu_ns);
    page_cache_init(&source->health_page, clock_monotonic_ns, clock_thread_cpu_ns);
    page_cache_init(&source->status_page, clock_monotonic_ns, clock_thread_cpu_ns);
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        pages[i] = table[i];
        pages[i].methods = METHOD_BIT(HTTP_GET);
        pages[i].admin = true;
        pages[i].context = source;
    }
    return ARRAY_LENGTH(table);
}

void pages_release(struct pages_source *source)
{
    if (source->health_page.clock != NULL) {
        scrape_free(source->scrape);
        page_cache_release(&source->health_page);
        page_cache_release(&source->status_page);
    }
}
