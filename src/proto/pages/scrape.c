/* Turns what a scraper accepts into one of the forms of /metrics. */
#include "proto/pages/scrape.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "proto/front/decode.h"
#include "proto/front/page.h"
#include "proto/pages/negotiation.h"
#include "proto/pages/page_cache.h"

#include <stdlib.h>

struct scrape_view {
    struct metrics *metrics;
    enum metrics_format format;
    bool packed;
    struct page_cache cache;
};

struct scrape {
    struct scrape_view views[2 * METRICS_FORMATS];
};

struct scrape *scrape_new(struct metrics *metrics, int64_t (*clock)(void), int64_t (*cpu_clock)(void))
{
    struct scrape *scrape = calloc(1, sizeof *scrape);
    for (size_t i = 0; scrape != NULL && i < ARRAY_LENGTH(scrape->views); i++) {
        struct scrape_view *view = &scrape->views[i];
        *view =
            (struct scrape_view){ .metrics = metrics, .format = (enum metrics_format)(i / 2), .packed = i % 2 != 0 };
        page_cache_init(&view->cache, clock, cpu_clock);
    }
    return scrape;
}

void scrape_free(struct scrape *scrape)
{
    for (size_t i = 0; scrape != NULL && i < ARRAY_LENGTH(scrape->views); i++) {
        page_cache_release(&scrape->views[i].cache);
    }
    free(scrape);
}

static void make(void *context, struct page_reply *reply)
{
    const struct scrape_view *view = context;
    reply->content_type = view->format == METRICS_OPENMETRICS ? METRICS_OPENMETRICS_TYPE : METRICS_TEXT_TYPE;
    if (!view->packed) {
        metrics_render(view->metrics, view->format, &reply->body);
        return;
    }
    struct buf plain = { 0 };
    metrics_render(view->metrics, view->format, &plain);
    if (plain.failed || !encode_gzip(buf_slice(&plain), &reply->body)) {
        reply->body.failed = true;
    }
    buf_release(&plain);
}

/* OpenMetrics is given to who asks for it by name, and would not rather have text. */
static enum metrics_format format_for(struct slice accept)
{
    const struct slice any = SLICE("*/*");
    unsigned open = negotiation_weight(accept, SLICE("application/openmetrics-text"), SLICE(""), 0);
    unsigned text = negotiation_weight(accept, SLICE("text/plain"), any, 0);
    return open != 0 && open >= text ? METRICS_OPENMETRICS : METRICS_TEXT;
}

void scrape_give(struct scrape *scrape, const struct page_request *request, struct page_reply *reply)
{
    if (scrape == NULL) {
        page_problem(reply, ERROR_OUT_OF_MEMORY, SLICE(""), SLICE(""));
        return;
    }
    enum metrics_format format = format_for(page_field(request, "accept"));
    bool packed = negotiation_weight(page_field(request, "accept-encoding"), SLICE("gzip"), SLICE("*"), 0) != 0;
    size_t at = 2 * (size_t)format + packed;
    ASSERT_BELOW(at, ARRAY_LENGTH(scrape->views));
    page_cache_give(&scrape->views[at].cache, make, &scrape->views[at], reply);
    if (packed) {
        page_header(reply, "Content-Encoding", SLICE("gzip"));
    }
    page_header(reply, "Vary", SLICE("Accept, Accept-Encoding"));
}
