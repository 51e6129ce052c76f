#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/front/page.h"
#include "proto/pages/assets.h"

static struct page_reply get(const char *path)
{
    struct page pages[ASSETS_MAX];
    size_t count = assets_fill(pages);
    struct page_reply reply = { .status = 200 };
    struct page_request request = { .method = HTTP_GET, .path = slice_from_string(path) };
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pages[i].path, path) == 0) {
            assert_int_equal(pages[i].handle(pages[i].context, &request, &reply, (struct page_later){ 0 }), PAGE_READY);
            return reply;
        }
    }
    fail_msg("no page %s", path);
    return reply;
}

static bool contains(const struct buf *text, const char *word)
{
    return memmem(text->data, text->len, word, strlen(word)) != NULL;
}

static void serves_the_sdk_as_a_module(void **state)
{
    (void)state;
    struct page_reply reply = get("/sluice.js");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "text/javascript; charset=utf-8");
    assert_true(contains(&reply.body, "Sluice browser SDK"));
    assert_true(contains(&reply.body, "as Sluice"));
    page_reply_release(&reply);
}

static void serves_an_example_that_loads_it(void **state)
{
    (void)state;
    struct page_reply reply = get("/demo");
    assert_string_equal(reply.content_type, "text/html; charset=utf-8");
    assert_true(contains(&reply.headers, "X-Content-Type-Options: nosniff"));
    assert_true(contains(&reply.headers, "frame-ancestors 'none'"));
    assert_true(contains(&reply.body, "<!doctype html>"));
    assert_true(contains(&reply.body, "\"./sluice.js\""));
    assert_false(contains(&reply.body, "\"/sluice.js\"")); /* relative: it may lie under a path */
    page_reply_release(&reply);
}

static void serves_the_files_whole_and_nothing_behind_them(void **state)
{
    (void)state;
    struct page_reply script = get("/sluice.js"), page = get("/demo");
    assert_int_equal(script.body.data[script.body.len - 1], '\n');
    assert_memory_equal(page.body.data + page.body.len - 8, "</html>\n", 8);
    page_reply_release(&script);
    page_reply_release(&page);
}

static void serves_pages_of_any_origin_on_the_public_side(void **state)
{
    (void)state;
    struct page pages[ASSETS_MAX];
    for (size_t i = 0; i < assets_fill(pages); i++) {
        assert_false(pages[i].admin);
        assert_true(pages[i].any_origin);
        assert_int_equal(pages[i].methods, METHOD_BIT(HTTP_GET));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_the_sdk_as_a_module),
        cmocka_unit_test(serves_an_example_that_loads_it),
        cmocka_unit_test(serves_the_files_whole_and_nothing_behind_them),
        cmocka_unit_test(serves_pages_of_any_origin_on_the_public_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
