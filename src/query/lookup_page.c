/* Turns a request into a key, and what stands for it into a reply. */
#include "query/lookup_page.h"

#include "base/assert.h"
#include "config/options/route_options.h"
#include "proto/front/page.h"
#include "proto/reply/reply_set.h"
#include "proto/route/lookup.h"
#include "proto/route/route_replies.h"
#include "query/lookup_refresh.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct lookup_page {
    const struct route_options *options;
    struct lookup *lookup;
    struct template *key;
    struct reply_set *replies;
};

struct lookup_pages {
    struct lookup_page *items; /* of the routes with a lookup */
    size_t item_count;
    struct page *list;
    size_t count;
};

/* --- a request --- */

struct asking {
    const struct page_request *request;
    struct slice value; /* of the key; data NULL: there is none */
    struct buf host;    /* in lower case, without its port */
    struct buf argument;
};

static void append_host(struct slice host, struct buf *out)
{
    const char *bracket = memchr(host.data == NULL ? "" : host.data, ']', host.len);
    const char *colon = bracket != NULL ? bracket + 1 : memchr(host.data == NULL ? "" : host.data, ':', host.len);
    size_t len = colon == NULL ? host.len : (size_t)(colon - host.data);
    for (size_t i = 0; i < len && i < host.len; i++) {
        char c = host.data[i];
        buf_append_byte(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
}

static bool give(struct template_text *text, struct slice bytes)
{
    *text = (struct template_text){ bytes, false };
    return bytes.data != NULL;
}

static bool argument_of(struct asking *asking, struct slice name, struct template_text *text)
{
    char key[128];
    bool malformed;
    snprintf(key, sizeof key, "%.*s", (int)name.len, name.data);
    return page_argument(asking->request->query, key, &asking->argument, &malformed) &&
           give(text, asking->argument.len == 0 ? SLICE("") : buf_slice(&asking->argument));
}

static bool value_of(void *context, struct slice name, struct template_text *text)
{
    struct asking *asking = context;
    const struct page_request *request = asking->request;
    if (slice_equal(name, SLICE("value"))) {
        return give(text, asking->value);
    }
    if (slice_equal(name, SLICE("path"))) {
        return give(text, request->path);
    }
    if (slice_equal(name, SLICE("client_ip"))) {
        return give(text, request->client_ip);
    }
    if (slice_equal(name, SLICE("host"))) {
        buf_clear(&asking->host);
        append_host(request->host, &asking->host);
        return give(text, buf_slice(&asking->host));
    }
    if (slice_starts_with(name, SLICE("path."))) {
        return give(text, page_capture(request, slice_after(name, 5)));
    }
    return argument_of(asking, slice_after(name, 6), text); /* "query." */
}

/* `context`: the options of the route. */
static bool knows_request(const void *context, struct slice name)
{
    if (slice_starts_with(name, SLICE("path."))) {
        return route_has_part(context, slice_after(name, 5));
    }
    return slice_equal(name, SLICE("path")) || slice_equal(name, SLICE("host")) ||
           slice_equal(name, SLICE("client_ip")) || (slice_starts_with(name, SLICE("query.")) && name.len < 6 + 128);
}

static bool knows_reply(const void *context, struct slice name)
{
    return slice_equal(name, SLICE("value")) || knows_request(context, name);
}

static void lower(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        text->data[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
}

/* The replies' own answer, or the usual one. */
static void answer(const struct lookup_page *page, struct asking *asking, struct page_reply *reply)
{
    bool found = asking->value.data != NULL;
    const struct reply *own = reply_set_find(page->replies, found ? REPLY_FOUND : REPLY_MISSING);
    const struct reply_request request = { .host = asking->request->host };
    struct reply_answer written = { .status = found ? 200 : 404 };
    enum error error = own == NULL ? ERROR_NOT_FOUND : reply_write(own, value_of, asking, &request, &written);
    if (error != OK) {
        buf_release(&written.headers);
        buf_release(&written.body);
        page_problem(reply, error, slice_from_string(error_info(error)->text), SLICE(""));
        return;
    }
    *reply = (struct page_reply){ .status = written.status,
                                  .content_type = written.content_type,
                                  .cache_control = written.no_store ? "no-store" : NULL,
                                  .headers = written.headers,
                                  .body = written.body };
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct lookup_page *page = context;
    struct asking asking = { .request = request };
    struct buf key = { 0 }, value = { 0 };
    (void)later;
    bool whole = template_write(page->key, value_of, &asking, &key);
    if (page->options->lookup.lower) {
        lower(&key);
    }
    if (whole && lookup_find(page->lookup, key.len == 0 ? SLICE("") : buf_slice(&key), &value)) {
        asking.value = value.len == 0 ? SLICE("") : buf_slice(&value);
    }
    if (whole && !value.failed) {
        answer(page, &asking, reply);
    } else {
        page_problem(reply, ERROR_OUT_OF_MEMORY, SLICE("the gateway is short of memory"), SLICE(""));
    }
    buf_release(&key);
    buf_release(&value);
    buf_release(&asking.host);
    buf_release(&asking.argument);
    return PAGE_READY;
}

/* --- compilation --- */

PRINTF_LIKE(3, 4) static void tell(const struct route_options *options, struct buf *problems, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(problems, "%s:%d: routes: %s: lookup: %s\n", options->file, options->line,
               options->path.count == 0 ? "" : options->path.items[0], text);
}

static void compile_reply(struct lookup_page *page, const struct lookup_pages_config *config, struct buf *problems)
{
    const struct route_options *options = page->options;
    const struct reply_list list = { config->replies, config->reply_count };
    const struct reply_options *reply =
        options->reply == NULL ? NULL : reply_list_find(&list, options->scope, options->reply);
    if (reply == NULL) {
        tell(options, problems, "found %s%s, expected `reply`, the name of an entry of `replies` that says `found`",
             options->reply == NULL ? "no reply" : "the reply ", options->reply == NULL ? "" : options->reply);
        return;
    }
    page->replies = reply_set_compile(reply, knows_reply, options, problems);
    if (page->replies != NULL && reply_set_find(page->replies, REPLY_FOUND) == NULL) {
        tell(options, problems, "found the reply %s without `found`, expected what is answered then", reply->name);
    }
}

static void compile(struct lookup_page *page, const struct lookup_pages_config *config, struct buf *problems)
{
    const struct route_options *options = page->options;
    const struct route_lookup_options *lookup = &options->lookup;
    struct buf problem = { 0 };
    page->lookup = lookups_find(config->lookups, options->scope, lookup->table);
    if (page->lookup == NULL) {
        tell(options, problems, "found \"%s\", expected the name of an entry of `lookups`", lookup->table);
    }
    page->key = template_compile(slice_from_string(lookup->key), TEMPLATE_TEXT, knows_request, options, &problem);
    if (page->key == NULL) {
        tell(options, problems, "key: %s", problem.len == 0 ? "out of memory" : buf_c_string(&problem));
    }
    buf_release(&problem);
    compile_reply(page, config, problems);
    if (options->source_count != 0 || options->stream.name != NULL || options->websocket) {
        tell(options, problems, "found stream, event or websocket beside it; expected a route that only answers");
    }
}

static void add_pages(struct lookup_pages *pages, struct lookup_page *item)
{
    const struct route_options *options = item->options;
    ASSERT(options->lookup.table != NULL);
    for (size_t i = 0; i < options->path.count; i++) {
        pages->list[pages->count++] = (struct page){
            .path = options->path.items[i],
            .methods = METHOD_BIT(HTTP_GET),
            .needs = options->open ? PAGE_NEEDS_NOTHING : PAGE_NEEDS_READ,
            .context = item,
            .handle = handle,
            .prefix = options->prefix,
            .hosts = options->host.count != 0 ? &options->host : &options->included_hosts,
            .exact_slash = options->slash == ROUTE_SLASH_EXACT,
            .last = options->order == ROUTE_ORDER_LAST,
            .file = options->file,
            .line = options->line,
        };
    }
}

struct lookup_pages *lookup_pages_new(const struct lookup_pages_config *config, struct buf *problems)
{
    struct lookup_pages *pages = calloc(1, sizeof *pages);
    size_t before = problems->len, paths = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        paths += config->routes[i].path.count;
    }
    if (pages != NULL) {
        pages->items = calloc(config->route_count + 1, sizeof *pages->items);
        pages->list = calloc(paths + 1, sizeof *pages->list);
    }
    if (pages == NULL || pages->items == NULL || pages->list == NULL) {
        buf_append_string(problems, "lookups: out of memory\n");
        lookup_pages_free(pages);
        return NULL;
    }
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].lookup.table != NULL) {
            struct lookup_page *item = &pages->items[pages->item_count++];
            item->options = &config->routes[i];
            compile(item, config, problems);
            add_pages(pages, item);
        }
    }
    if (problems->len != before) {
        lookup_pages_free(pages);
        return NULL;
    }
    return pages;
}

void lookup_pages_free(struct lookup_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    for (size_t i = 0; i < pages->item_count; i++) {
        template_free(pages->items[i].key);
        reply_set_free(pages->items[i].replies);
    }
    free(pages->items);
    free(pages->list);
    free(pages);
}

const struct page *lookup_pages_list(const struct lookup_pages *pages, size_t *count)
{
    *count = pages->count;
    return pages->list;
}
