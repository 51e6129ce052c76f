/* Turns files of sdk/browser, which the assembler puts into the program, into pages. */
#include "proto/pages/assets.h"

#include "base/bytes.h"
#include "proto/front/page.h"

#include <stdbool.h>

#ifndef SLUICE_SDK /* CMakeLists.txt sets the whole path */
#define SLUICE_SDK "sdk/browser"
#endif

/* name_begin and name_end are the file's first byte and the one behind its last. */
#define EMBED(name, file)                                                                                              \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".global " #name "_begin, " #name "_end\n" #name "_begin:\n"                                               \
            ".incbin \"" SLUICE_SDK file "\"\n" #name "_end:\n"                                                        \
            ".byte 0\n"                                                                                                \
            ".popsection\n");                                                                                          \
    extern const char name##_begin[], name##_end[]

EMBED(asset_sdk, "/dist/sluice.js");
EMBED(asset_demo, "/demo.html");

struct asset {
    const char *path;
    const char *content_type;
    const char *cache_control;
    const char *policy; /* NULL: it is no page */
    const char *begin, *end;
};

/* Its scripts and styles stand in the page itself, and ?gateway= may name another host. */
static const char demo_policy[] = "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

static const struct asset assets[ASSETS_MAX] = {
    { "/sluice.js", "text/javascript; charset=utf-8", "public, max-age=3600", NULL, asset_sdk_begin, asset_sdk_end },
    { "/demo", "text/html; charset=utf-8", "no-cache", demo_policy, asset_demo_begin, asset_demo_end },
};

static enum page_result serve(void *context, const struct page_request *request, struct page_reply *reply,
                              struct page_later later)
{
    const struct asset *asset = context;
    (void)request, (void)later;
    reply->content_type = asset->content_type;
    reply->cache_control = asset->cache_control;
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    if (asset->policy != NULL) {
        page_header(reply, "Content-Security-Policy", slice_from_string(asset->policy));
        page_header(reply, "Referrer-Policy", SLICE("no-referrer"));
    }
    buf_append(&reply->body, asset->begin, (size_t)(asset->end - asset->begin));
    return PAGE_READY;
}

size_t assets_fill(struct page *pages)
{
    for (size_t i = 0; i < ARRAY_LENGTH(assets); i++) {
        pages[i] = (struct page){
            .path = assets[i].path,
            .methods = METHOD_BIT(HTTP_GET),
            .needs = assets[i].policy == NULL ? PAGE_NEEDS_NOTHING : PAGE_NEEDS_READ,
            .any_origin = true, /* pages of other origins import the module */
            .context = (void *)&assets[i],
            .handle = serve,
        };
    }
    return ARRAY_LENGTH(assets);
}
