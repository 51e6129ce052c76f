/* Turns the absence of Swagger UI into a page. */
#include "proto/pages/swagger.h"

#include "proto/front/page.h"

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    (void)context, (void)request, (void)later;
    reply->status = 404;
    reply->content_type = "text/html; charset=utf-8";
    reply->cache_control = "no-cache";
    page_header(reply, "Content-Security-Policy", SLICE("default-src 'none'"));
    buf_append_string(
        &reply->body,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Swagger UI is not here</title>\n"
        "<h1>Swagger UI is not here</h1>\n<p>Its files are no part of the program. <code>make swagger</code> "
        "fetches them into <code>share/swagger</code>, beside the program; the option "
        "<code>openapi.swagger</code> names another folder. Then start the gateway anew.</p>\n<p>What it would "
        "show is at <code>/openapi.json</code>.</p>\n</html>\n");
    return PAGE_READY;
}

struct page swagger_missing(void)
{
    return (struct page){ .path = "/swagger/{file...}", .methods = METHOD_BIT(HTTP_GET), .handle = handle };
}
