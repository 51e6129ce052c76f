/* Challenges of ACME, and the way to https. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/options/http_options.h"
#include "proto/doorway/doorway.h"
#include "proto/front/captures.h"
#include "proto/front/page.h"

#define CHALLENGES "/.well-known/acme-challenge/"

static char folder[64];

static void in_folder(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s%s%s", folder, CHALLENGES, name);
}

static void put(const char *name, const char *text, size_t size)
{
    char path[256];
    in_folder(path, sizeof path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static int set_up(void **state)
{
    char path[256];
    static char large[2000];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/sluice-doorway-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/.well-known", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    in_folder(path, sizeof path, "");
    assert_int_equal(mkdir(path, 0700), 0);
    put("Token_-1", "Token_-1.print", 14);
    memset(large, 'x', sizeof large);
    put("large", large, sizeof large);
    put("empty", "", 0);
    put("with.dot", "x", 1);
    in_folder(path, sizeof path, "link");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    in_folder(path, sizeof path, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    in_folder(path, sizeof path, "folder");
    assert_int_equal(mkdir(path, 0700), 0);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = { "Token_-1", "large", "empty", "with.dot", "link", "pipe" };
    char path[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        in_folder(path, sizeof path, names[i]);
        unlink(path);
    }
    in_folder(path, sizeof path, "folder");
    rmdir(path);
    in_folder(path, sizeof path, "");
    rmdir(path);
    snprintf(path, sizeof path, "%s/.well-known", folder);
    rmdir(path);
    return rmdir(folder);
}

static void ask(const struct page *page, const struct page_request *request, struct page_reply *reply)
{
    *reply = (struct page_reply){ .status = 200 };
    assert_int_equal(page->handle(page->context, request, reply, (struct page_later){ 0 }), PAGE_READY);
}

static void ask_for_token(const struct page *page, struct slice token, struct page_reply *reply)
{
    struct captures captures = { .count = 1 };
    captures.items[0].name = SLICE("token");
    captures.items[0].value = token;
    ask(page, &(struct page_request){ .captures = &captures }, reply);
}

static void a_challenge_is_a_small_file_with_the_name_of_a_token(void **state)
{
    static char long_name[300];
    const struct page *pages;
    struct page_reply reply;
    const struct http_listener_options options = { .acme_webroot = folder };
    struct doorway *doorway = doorway_new(&options);
    (void)state;
    assert_int_equal(doorway_pages(doorway, &pages), 1);
    assert_true(pages[0].any_host && pages[0].unlimited && pages[0].needs == PAGE_NEEDS_NOTHING);
    ask_for_token(&pages[0], SLICE("Token_-1"), &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "text/plain");
    assert_true(slice_equal(buf_slice(&reply.body), SLICE("Token_-1.print")));
    page_reply_release(&reply);
    memset(long_name, 'a', sizeof long_name);
    const struct slice others[] = {
        SLICE(""),         SLICE("none"), SLICE("large"),     SLICE("empty"),
        SLICE("with.dot"), SLICE("link"), SLICE("pipe"),      SLICE(".."),
        SLICE("../x"),     SLICE("a/b"),  SLICE("Token_-1/"), SLICE("folder"),
        SLICE("a\0b"),     SLICE("%2e"),  SLICE("Token_-1 "), { long_name, sizeof long_name },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        ask_for_token(&pages[0], others[i], &reply);
        if (reply.status != 404) {
            fail_msg("%.*s: %d", (int)others[i].len, others[i].data, reply.status);
        }
        page_reply_release(&reply);
    }
    doorway_free(doorway);
}

static void a_redirect_keeps_name_path_and_query(void **state)
{
    static const struct {
        const char *port, *host, *path, *query, *location;
    } rows[] = {
        { "true", "events.example", "/", "", "https://events.example/" },
        { "true", "events.example:80", "/a%2Fb", "c=d%20e", "https://events.example/a%2Fb?c=d%20e" },
        { "8443", "events.example:8080", "//x.example/..", "", "https://events.example:8443//x.example/.." },
        { "true", "[::1]:80", "/x", "", "https://[::1]/x" },
        { "443", "127.0.0.1", "/x", "y", "https://127.0.0.1/x?y" },
        { "true", "", "/x", "", NULL },
        { "true", "a@b.example", "/x", "", NULL },
        { "true", "a/b.example", "/x", "", NULL },
        { "true", "a\\b", "/x", "", NULL },
        { "true", ":80", "/x", "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char line[128];
        const struct page *pages;
        struct page_reply reply;
        const struct http_listener_options options = { .redirect_https = rows[i].port };
        struct doorway *doorway = doorway_new(&options);
        assert_true(doorway_leads_away(&options));
        assert_int_equal(doorway_pages(doorway, &pages), 1);
        assert_true(!pages[0].any_host && pages[0].needs == PAGE_NEEDS_NOTHING);
        ask(&pages[0],
            &(struct page_request){ .host = slice_from_string(rows[i].host),
                                    .sent_path = slice_from_string(rows[i].path),
                                    .query = slice_from_string(rows[i].query) },
            &reply);
        snprintf(line, sizeof line, "Location: %s\r\n", rows[i].location != NULL ? rows[i].location : "");
        assert_int_equal(reply.status, rows[i].location != NULL ? 308 : 400);
        assert_true(rows[i].location == NULL || strcmp(buf_c_string(&reply.headers), line) == 0);
        page_reply_release(&reply);
        doorway_free(doorway);
    }
}

static void nothing_is_asked_first_unless_it_is_configured(void **state)
{
    static const struct http_listener_options rows[] = { { .listen = ":80" }, { .redirect_https = "false" } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct page *pages;
        struct doorway *doorway = doorway_new(&rows[i]);
        assert_false(doorway_leads_away(&rows[i]));
        assert_int_equal(doorway_pages(doorway, &pages), 0);
        doorway_free(doorway);
    }
}

static void what_cannot_be_is_told_before_the_start(void **state)
{
    const char *const names[] = { "events.example" };
    const struct http_options open = { 0 };
    const struct http_options named = { .hosts = { .items = (const char **)names, .count = 1 } };
    const struct {
        struct http_listener_options options;
        const struct http_options *http;
        const char *says; /* NULL: it is good */
    } rows[] = {
        { { .acme_webroot = folder, .redirect_https = "true" }, &named, NULL },
        { { .acme_webroot = folder }, &open, NULL },
        { { .redirect_https = "8443" }, &named, NULL },
        { { .redirect_https = "true" }, &open, "redirect_https: found no http.hosts" },
        { { .redirect_https = "true", .tls = { .certificate = "c" } }, &named, "redirect_https: found tls beside it" },
        { { .redirect_https = "yes" }, &named, "redirect_https: found \"yes\", expected true" },
        { { .redirect_https = "0" }, &named, "redirect_https: found \"0\"" },
        { { .redirect_https = "65536" }, &named, "redirect_https: found \"65536\"" },
        { { .acme_webroot = "/nonexistent" }, &open, "acme_webroot: cannot open /nonexistent: No such file" },
        { { .acme_webroot = "/etc/passwd" }, &open, "acme_webroot: cannot open /etc/passwd: Not a directory" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf problem = { 0 };
        bool good = doorway_check(&rows[i].options, rows[i].http, &problem);
        assert_int_equal(good, rows[i].says == NULL);
        assert_true(good || strstr(buf_c_string(&problem), rows[i].says) != NULL);
        buf_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_is_a_small_file_with_the_name_of_a_token),
        cmocka_unit_test(a_redirect_keeps_name_path_and_query),
        cmocka_unit_test(nothing_is_asked_first_unless_it_is_configured),
        cmocka_unit_test(what_cannot_be_is_told_before_the_start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
