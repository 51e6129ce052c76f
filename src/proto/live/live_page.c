/* Turns a request to watch into a viewer, or into an answer. */
#include "proto/live/live_page.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/digest.h"
#include "config/options/live_options.h"
#include "event/stream.h"
#include "pipeline/pipeline.h"
#include "proto/access/access.h"
#include "proto/live/live_private.h"

#ifndef SLUICE_LIVE /* CMakeLists.txt sets the whole path */
#define SLUICE_LIVE "src/proto/live/live.html"
#endif

__asm__(".pushsection .rodata\n"
        ".global live_html_begin, live_html_end\nlive_html_begin:\n"
        ".incbin \"" SLUICE_LIVE "\"\nlive_html_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const char live_html_begin[], live_html_end[];

static struct slice page_text(void)
{
    static const struct {
        const char *begin, *end;
    } page = { live_html_begin, live_html_end };
    return slice_make(page.begin, (size_t)(page.end - page.begin));
}

/* Between the first `open` and the `close` behind it. */
static struct slice between(struct slice text, const char *open, const char *close)
{
    const char *begin = memmem(text.data, text.len, open, strlen(open));
    ASSERT(begin != NULL); /* live.html is ours */
    struct slice rest = slice_after(text, (size_t)(begin - text.data) + strlen(open));
    const char *end = memmem(rest.data, rest.len, close, strlen(close));
    ASSERT(end != NULL);
    return slice_make(rest.data, (size_t)(end - rest.data));
}

/* The page's own script and style alone, by their digests; it asks nobody but the gateway. */
static bool append_source(struct buf *policy, const char *directive, struct slice source)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    char text[DIGEST_BASE64_SIZE(DIGEST_SHA256_SIZE)];
    if (!digest_sha256(source, digest)) {
        return false;
    }
    digest_base64(slice_make(digest, sizeof digest), text);
    buf_printf(policy, "; %s 'sha256-%s'", directive, text);
    return true;
}

bool live_page_init(struct live *live)
{
    struct buf *policy = &live->policy;
    buf_append_string(policy,
                      "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'");
    return append_source(policy, "script-src", between(page_text(), "<script>", "</script>")) &&
           append_source(policy, "style-src", between(page_text(), "<style>", "</style>")) && !policy->failed;
}

void live_page_release(struct live *live)
{
    buf_release(&live->policy);
}

static enum page_result serve_html(void *context, const struct page_request *request, struct page_reply *reply,
                                   struct page_later later)
{
    const struct live *live = context;
    (void)request, (void)later;
    reply->content_type = "text/html; charset=utf-8";
    reply->cache_control = "no-cache";
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    page_header(reply, "Referrer-Policy", SLICE("no-referrer"));
    page_header(reply, "Content-Security-Policy", buf_slice(&live->policy));
    buf_append_slice(&reply->body, page_text());
    return PAGE_READY;
}

/* What a request asks for. */

static enum page_result refuse(struct page_reply *reply, enum error error, struct slice detail)
{
    page_problem(reply, error, detail, SLICE(""));
    return PAGE_READY;
}

/* OK, and *given tells whether it is there, with a value. Else `value` says why. */
static enum error read_argument(const struct page_request *request, const char *name, struct buf *value, bool *given)
{
    bool malformed = false;
    *given = page_argument(request->query, name, value, &malformed) && value->len != 0;
    if (malformed) {
        buf_clear(value);
        buf_printf(value, "the value of %s is not percent-encoded", name);
    }
    return value->failed ? ERROR_OUT_OF_MEMORY : malformed ? ERROR_BAD_ARGUMENT : OK;
}

/* Says why instead. */
static enum error say(struct buf *text, enum error error, const char *why)
{
    buf_clear(text);
    buf_append_string(text, why);
    return error;
}

static enum error choose_kinds(const struct page_request *request, struct live_interest *interest, struct buf *text)
{
    static const char *const names[LIVE_KINDS] = {
        [LIVE_NUMBERS] = "numbers", [LIVE_REFUSED] = "refused", [LIVE_ACCEPTED] = "accepted"
    };
    bool given, known = false;
    enum error error = read_argument(request, "only", text, &given);
    for (size_t i = 0; i < LIVE_KINDS; i++) {
        interest->kinds[i] = !given || slice_equal(buf_slice(text), slice_from_string(names[i]));
        known = known || interest->kinds[i];
    }
    return error == OK && !known ? say(text, ERROR_BAD_ARGUMENT, "only is one of numbers, refused, accepted") : error;
}

/* All that the key is for, or the one that is asked for. */
static enum error choose_streams(const struct live *live, const struct page_request *request,
                                 struct live_interest *interest, struct buf *text)
{
    const struct access_key *key = request->key;
    bool given;
    enum error error = read_argument(request, "stream", text, &given);
    interest->all_streams = key == NULL || key->all_streams;
    if (key != NULL) {
        interest->streams = key->streams;
    }
    if (error != OK || !given) {
        return error;
    }
    const struct live_numbers_source *source = &live->config.numbers;
    const struct stream *stream = pipeline_stream(source->pipeline, buf_slice(text));
    if (stream == NULL) {
        return say(text, ERROR_UNKNOWN_STREAM, "");
    }
    if (!live_interest_holds(interest, stream->index)) {
        return say(text, ERROR_STREAM_FORBIDDEN, "");
    }
    interest->all_streams = false;
    interest->streams = (struct stream_set){ 0 };
    stream_set_add(&interest->streams, stream->index);
    return OK;
}

void live_append_numbers(struct live *live, const struct live_interest *interest, struct buf *out)
{
    buf_append_string(out, "event: numbers\ndata: ");
    live_numbers(&live->config.numbers, interest, clock_wall_ns(), out);
    buf_append_string(out, "\n\n");
}

static enum page_result answer_once(struct live *live, const struct live_interest *interest, struct page_reply *reply)
{
    reply->content_type = "application/json";
    reply->cache_control = "no-store";
    live_numbers(&live->config.numbers, interest, clock_wall_ns(), &reply->body);
    buf_append_byte(&reply->body, '\n');
    return PAGE_READY;
}

/* Its first words say how long a client waits before it comes again, and what holds now. */
static enum page_result begin(struct live *live, const struct page_request *request,
                              const struct live_interest *interest, struct page_reply *reply, struct page_later later)
{
    reply->content_type = "text/event-stream";
    reply->cache_control = "no-store";
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    page_header(reply, "X-Accel-Buffering", SLICE("no")); /* nginx passes it on as it comes */
    if (request->method == HTTP_HEAD) {
        return PAGE_READY;
    }
    buf_append_string(&reply->body, "retry: 2000\n\n");
    if (interest->kinds[LIVE_NUMBERS]) {
        live_append_numbers(live, interest, &reply->body);
    }
    enum error error = live_watch(live, interest, request->key, later, &reply->stream);
    return error == OK ? PAGE_READY : refuse(reply, error, SLICE(""));
}

static enum page_result serve_events(void *context, const struct page_request *request, struct page_reply *reply,
                                     struct page_later later)
{
    struct live *live = context;
    struct live_interest interest = { .all_streams = false };
    struct buf text = { 0 };
    bool once, malformed;
    enum error error = choose_streams(live, request, &interest, &text);
    error = error == OK ? choose_kinds(request, &interest, &text) : error;
    if (error != OK) {
        refuse(reply, error, error == ERROR_OUT_OF_MEMORY ? SLICE("") : buf_slice(&text));
        buf_release(&text);
        return PAGE_READY;
    }
    once = page_argument(request->query, "once", &text, &malformed) && !slice_equal(buf_slice(&text), SLICE("0"));
    buf_release(&text);
    return once ? answer_once(live, &interest, reply) : begin(live, request, &interest, reply, later);
}

size_t live_pages(struct live *live, struct page *pages)
{
    if (!live->config.options->enabled) {
        return 0;
    }
    const struct page page = {
        .methods = METHOD_BIT(HTTP_GET), .needs = PAGE_NEEDS_ADMIN, .admin = true, .context = live
    };
    pages[0] = pages[1] = page;
    pages[0].path = "/live";
    pages[0].handle = serve_html;
    pages[1].path = "/live/events";
    pages[1].handle = serve_events;
    return LIVE_PAGES;
}
