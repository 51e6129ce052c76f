/* A request to an address without TLS: its Host, its path and its query, a line each. A redirect is one line, and leads to https
 * and the name of the Host field. What is no token is no file. */
#include <stdlib.h>

#include "config/options/http_options.h"
#include "fuzz/cost.h"
#include "proto/doorway/doorway.h"
#include "proto/front/captures.h"
#include "proto/front/page.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static bool is_of_a_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || memchr("-._[]:", c, 6) != NULL;
}

static void take_location(struct slice line, struct slice host)
{
    struct slice before = SLICE("Location: https://");
    must(slice_starts_with(line, before) && line.len >= before.len + 2 && line.data[line.len - 1] == '\n');
    must(memchr(line.data, '\n', line.len - 1) == NULL);
    struct slice rest = slice_after(line, before.len);
    size_t length = 0;
    while (length < rest.len && length < host.len && rest.data[length] == host.data[length] &&
           is_of_a_name(rest.data[length])) {
        length++;
    }
    must(length != 0);
}

static void ask(const struct page *page, const struct page_request *request, struct page_reply *reply)
{
    *reply = (struct page_reply){ .status = 200 };
    must(page->handle(page->context, request, reply, (struct page_later){ 0 }) == PAGE_READY);
}

static void take(const uint8_t *data, size_t size)
{
    static const struct http_listener_options options = { .acme_webroot = "/nonexistent", .redirect_https = "8443" };
    static struct doorway *doorway;
    const struct page *pages;
    struct slice rest = slice_make(data, size);
    struct page_request request = { 0 };
    struct captures captures = { .count = 1, .items[0] = { SLICE("token"), SLICE("") } };
    struct page_reply reply;
    doorway = doorway != NULL ? doorway : doorway_new(&options);
    must(doorway != NULL && doorway_pages(doorway, &pages) == 2);
    if (!slice_split(&rest, '\n', &request.host) || !slice_split(&rest, '\n', &request.sent_path)) {
        return;
    }
    request.query = rest;
    ask(&pages[1], &request, &reply);
    must(reply.status == 308 || reply.status == 400 || reply.status == 503);
    if (reply.status == 308) {
        take_location(buf_slice(&reply.headers), request.host);
    }
    page_reply_release(&reply);
    captures.items[0].value = request.host;
    request.captures = &captures;
    ask(&pages[0], &request, &reply);
    must(reply.status == 404);
    page_reply_release(&reply);
}

COST_FUZZER(take, 60)
