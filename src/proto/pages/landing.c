/* Turns what the gateway serves into its first page. */
#include "proto/pages/landing.h"

#include "base/assert.h"
#include "config/options/named_query_options.h"
#include "config/options/route_options.h"
#include "config/options/stream_options.h"
#include "event/stream.h"

#ifndef SLUICE_LANDING /* CMakeLists.txt sets the whole path */
#define SLUICE_LANDING "src/proto/pages/landing.html"
#endif

__asm__(".pushsection .rodata\n"
        ".global landing_begin, landing_end\nlanding_begin:\n"
        ".incbin \"" SLUICE_LANDING "\"\nlanding_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const char landing_begin[], landing_end[];

/* For text and for attributes. */
static void put_text(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&': buf_append_string(out, "&amp;"); break;
        case '<': buf_append_string(out, "&lt;"); break;
        case '>': buf_append_string(out, "&gt;"); break;
        case '"': buf_append_string(out, "&quot;"); break;
        default: buf_append_byte(out, (uint8_t)text.data[i]);
        }
    }
}

static void put_title(const struct landing_source *source, struct buf *out)
{
    put_text(out, slice_from_string(source->title));
}

static void put_version(const struct landing_source *source, struct buf *out)
{
    put_text(out, slice_from_string(source->version));
}

static void put_streams(const struct landing_source *source, struct buf *out)
{
    for (size_t i = 0; i < source->stream_count; i++) {
        const struct stream *stream = source->streams[i];
        buf_append_string(out, "<li><span>");
        put_text(out, slice_from_string(stream->name));
        buf_printf(out, "</span> <span class=\"soft\">%zu columns, table ", stream->column_count);
        put_text(out, slice_from_string(stream->table));
        buf_append_string(out, i == 0 ? "; what names no stream goes here</span></li>\n" : "</span></li>\n");
    }
}

static void put_post(const struct landing_source *source, struct buf *out)
{
    (void)source;
    buf_append_string(out, "POST events");
}

static void put_example(const struct landing_source *source, struct buf *out)
{
    put_text(out, source->example);
}

static void put_path(const char *path, const char *prefix, const char *what, struct buf *out)
{
    buf_append_string(out, "<li><code>");
    put_text(out, slice_from_string(prefix != NULL ? prefix : ""));
    put_text(out, slice_from_string(path));
    buf_printf(out, "</code> <span class=\"soft\">%s</span></li>\n", what);
}

static const char *what_of(const struct route_options *route)
{
    bool answers = route->lookup.table != NULL || (route->reply != NULL && route->stream.name == NULL &&
                                                   route->source_count == 0 && route->methods == 1u << ROUTE_GET);
    return route->websocket ? "takes events by WebSocket" : answers ? "answers" : "takes events";
}

/* Those of one host are not for the eyes of another. */
static void put_own_paths(const struct landing_source *source, struct buf *out)
{
    for (size_t i = 0; i < source->route_count; i++) {
        const struct route_options *route = &source->routes[i];
        bool shown = route->host.count == 0 && route->included_hosts.count == 0;
        for (size_t k = 0; shown && k < route->path.count; k++) {
            put_path(route->path.items[k], route->prefix, what_of(route), out);
        }
    }
    for (size_t i = 0; i < source->query_count; i++) {
        const struct named_query_options *query = &source->queries[i];
        bool shown = query->host.count == 0 && query->included_hosts.count == 0;
        for (size_t k = 0; shown && k < query->path.count; k++) {
            put_path(query->path.items[k], query->prefix, "a query", out);
        }
    }
}

/* Nothing if there are none. */
static void put_paths(const struct landing_source *source, struct buf *out)
{
    struct buf paths = { 0 };
    put_own_paths(source, &paths);
    if (paths.len != 0) {
        buf_append_string(out, "<section aria-labelledby=\"paths\">\n<h2 id=\"paths\">Paths of this gateway's own "
                               "API</h2>\n<ul>\n");
        buf_append_slice(out, buf_slice(&paths));
        buf_append_string(out, "</ul>\n</section>");
    }
    buf_release(&paths);
}

enum link_kind { LINK_DEMO, LINK_COUNTS, LINK_OPENAPI, LINK_LIVE, LINK_ADMIN };

/* Relative, without a slash in front. */
static const struct {
    const char *path, *name, *what;
    enum link_kind kind;
} links[] = {
    { "demo", "Demo", "the browser SDK at work, event by event", LINK_DEMO },
    { "swagger/", "Swagger UI", "the paths of this gateway, to read and to try", LINK_OPENAPI },
    { "openapi.json", "OpenAPI", "the same as a document, for tools", LINK_OPENAPI },
    { "events/metrics", "Counts", "how many events of the first stream came in the last 24 hours", LINK_COUNTS },
    { "live", "Live", "what flows now: rates, refused events, where every event is", LINK_LIVE },
    { "health", "Health", "the state of each part", LINK_ADMIN },
    { "metrics", "Metrics", "counters, for Prometheus", LINK_ADMIN },
    { "status", "Status", "what became of the events", LINK_ADMIN },
};

static bool is_there(const struct landing_source *source, size_t link)
{
    const bool there[] = {
        [LINK_DEMO] = source->with_demo,       [LINK_COUNTS] = source->with_counts,
        [LINK_OPENAPI] = source->with_openapi, [LINK_LIVE] = source->with_admin && source->with_live,
        [LINK_ADMIN] = source->with_admin,
    };
    ASSERT_AT_MOST(links[link].kind, ARRAY_LENGTH(there) - 1);
    return there[links[link].kind];
}

static void put_links(const struct landing_source *source, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        if (is_there(source, i)) {
            buf_printf(out, "<li><a href=\"./%s\">%s</a> <span class=\"soft\">%s</span></li>\n", links[i].path,
                       links[i].name, links[i].what);
        }
    }
}

static const struct {
    const char *name;
    void (*put)(const struct landing_source *source, struct buf *out);
} marks[] = {
    { "title", put_title },     { "version", put_version }, { "streams", put_streams }, { "post", put_post },
    { "example", put_example }, { "links", put_links },     { "paths", put_paths },
};

static void put_mark(const struct landing_source *source, struct slice name, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(marks); i++) {
        if (slice_equal(name, slice_from_string(marks[i].name))) {
            marks[i].put(source, out);
            return;
        }
    }
    ASSERT(false); /* landing.html is ours */
}

static void write_html(const struct landing_source *source, struct buf *out)
{
    static const struct {
        const char *begin, *end;
    } page = { landing_begin, landing_end };
    struct slice rest = slice_make(page.begin, (size_t)(page.end - page.begin));
    const char *mark;
    while ((mark = memmem(rest.data, rest.len, "<!--", 4)) != NULL) {
        struct slice behind = slice_after(rest, (size_t)(mark - rest.data) + 4);
        const char *end = memmem(behind.data, behind.len, "-->", 3);
        ASSERT(end != NULL);
        buf_append(out, rest.data, (size_t)(mark - rest.data));
        put_mark(source, slice_make(behind.data, (size_t)(end - behind.data)), out);
        rest = slice_after(behind, (size_t)(end - behind.data) + 3);
    }
    buf_append_slice(out, rest);
}

static void write_json(const struct landing_source *source, struct buf *out)
{
    buf_append_string(out, "{\"name\":");
    buf_append_json_string(out, slice_from_string(source->title));
    buf_append_string(out, ",\"version\":");
    buf_append_json_string(out, slice_from_string(source->version));
    buf_append_string(out, ",\"streams\":[");
    for (size_t i = 0; i < source->stream_count; i++) {
        buf_append_string(out, i == 0 ? "" : ",");
        buf_append_json_string(out, slice_from_string(source->streams[i]->name));
    }
    buf_append_string(out, "],\"links\":[");
    bool any = false;
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        if (is_there(source, i)) {
            buf_printf(out, "%s\"./%s\"", any ? "," : "", links[i].path);
            any = true;
        }
    }
    buf_append_string(out, "]}\n");
}

bool landing_init(struct landing *landing, const struct landing_source *source)
{
    ASSERT(source->stream_count != 0 && landing->html.len == 0);
    write_html(source, &landing->html);
    write_json(source, &landing->json);
    return !landing->html.failed && !landing->json.failed;
}

static bool contains(struct slice text, const char *word)
{
    return text.len != 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct landing *landing = context;
    struct slice accept = page_field(request, "accept");
    bool json = contains(accept, "json") && !contains(accept, "text/html");
    (void)later;
    reply->content_type = json ? "application/json" : "text/html; charset=utf-8";
    reply->cache_control = "no-cache";
    page_header(reply, "Vary", SLICE("Accept"));
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    page_header(reply, "Referrer-Policy", SLICE("no-referrer"));
    page_header(
        reply, "Content-Security-Policy",
        SLICE("default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
              "frame-ancestors 'none'"));
    buf_append_slice(&reply->body, buf_slice(json ? &landing->json : &landing->html));
    return PAGE_READY;
}

struct page landing_page(struct landing *landing)
{
    return (struct page){ .path = "/", .methods = METHOD_BIT(HTTP_GET), .context = landing, .handle = handle };
}

void landing_release(struct landing *landing)
{
    buf_release(&landing->html);
    buf_release(&landing->json);
}
