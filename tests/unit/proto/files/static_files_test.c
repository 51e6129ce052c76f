/* Files beneath a folder, asked as the server asks pages. */
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

#include "base/bytes.h"
#include "base/thread.h"
#include "config/options/files_options.h"
#include "proto/files/file_beneath.h"
#include "proto/files/static_files.h"

#define LARGE (FILES_SMALL_BYTES * 3 + 17)
#define VERSION "\"de0b6b3a7640000-a\"" /* of a file of 10 bytes */

/* The answer that came later. */
static struct wakeup posted_wakeup;
static struct page_reply posted;
static bool was_posted;

static void post(struct page_later later, struct page_reply *reply)
{
    (void)later;
    wakeup_lock(&posted_wakeup);
    posted = *reply;
    *reply = (struct page_reply){ 0 };
    was_posted = true;
    wakeup_all(&posted_wakeup);
    wakeup_unlock(&posted_wakeup);
}

struct fixture {
    char root[64];
    char outside[96];
    struct files_options options;
    struct static_files *files;
    struct page page;
};

static const char *below(const char *root, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *path, const char *bytes, size_t length)
{
    const struct timespec times[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void make_links(struct fixture *f)
{
    const char *const links[][2] = { { "out", f->outside },         { "root", "/" },    { "up", ".." },
                                     { "self", "/proc/self/root" }, { "loop", "loop" }, { "inside", "a b.txt" } };
    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        assert_int_equal(symlink(links[i][1], below(f->root, links[i][0])), 0);
    }
}

static void make_files(struct fixture *f)
{
    static char large[LARGE];
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (char)('a' + i % 23);
    }
    assert_int_equal(mkdir(below(f->root, "sub"), 0755), 0);
    assert_int_equal(mkdir(below(f->root, "bare"), 0755), 0);
    assert_int_equal(mkfifo(below(f->root, "pipe"), 0644), 0);
    write_file(below(f->root, "index.html"), "<p>home</p>", 11);
    write_file(below(f->root, "sub/index.html"), "sub", 3);
    write_file(below(f->root, "a b.txt"), "0123456789", 10);
    write_file(below(f->root, "empty"), "", 0);
    write_file(below(f->root, ".hidden"), "secret", 6);
    write_file(below(f->root, "large.bin"), large, sizeof large);
    write_file(f->outside, "secret", 6);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){ .root = "/tmp/static_files_XXXXXX" };
    assert_non_null(mkdtemp(f->root));
    snprintf(f->outside, sizeof f->outside, "%s.outside", f->root);
    make_files(f);
    make_links(f);
    f->options = (struct files_options){
        .path = "/docs/{file...}", .folder = f->root, .index = "index.html", .max_bytes = 1 << 20
    };
    struct buf problem = { 0 };
    f->files = static_files_start(&f->options, 1, post, &problem);
    assert_non_null(f->files);
    static_files_pages(f->files, &f->page);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[256];
    static_files_stop(f->files);
    static_files_free(f->files);
    snprintf(command, sizeof command, "rm -rf %s %s", f->root, f->outside);
    return system(command);
}

/* `fields` are whole header lines. */
static struct page_reply ask(struct fixture *f, enum http_method method, struct slice path, const char *fields)
{
    struct page_reply reply = { .status = 200 };
    struct page_request request = { .method = method, .path = path, .fields = slice_from_string(fields) };
    was_posted = false;
    if (f->page.handle(f->page.context, &request, &reply, (struct page_later){ 0 }) == PAGE_READY) {
        return reply;
    }
    page_reply_release(&reply);
    wakeup_lock(&posted_wakeup);
    while (!was_posted) {
        wakeup_wait(&posted_wakeup, INT64_MAX);
    }
    wakeup_unlock(&posted_wakeup);
    return posted;
}

static struct page_reply get(struct fixture *f, const char *path, const char *fields)
{
    return ask(f, HTTP_GET, slice_from_string(path), fields);
}

static bool has_header(const struct page_reply *reply, const char *line)
{
    return line[0] == '\0' ||
           (reply->headers.len != 0 && memmem(reply->headers.data, reply->headers.len, line, strlen(line)));
}

static void expect(struct page_reply reply, int status, const char *header, const char *body)
{
    assert_int_equal(reply.status, status);
    assert_true(has_header(&reply, header));
    assert_int_equal(reply.body.len, strlen(body));
    assert_true(reply.body.len == 0 || memcmp(reply.body.data, body, strlen(body)) == 0);
    page_reply_release(&reply);
}

static void serves_files_with_type_version_and_no_sniffing(void **state)
{
    struct fixture *f = *state;
    struct page_reply reply = get(f, "/docs/a b.txt", "");
    assert_string_equal(reply.content_type, "text/plain; charset=utf-8");
    assert_string_equal(reply.cache_control, "no-cache");
    assert_true(has_header(&reply, "Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n"));
    assert_true(has_header(&reply, "X-Content-Type-Options: nosniff\r\n"));
    expect(reply, 200, "ETag: " VERSION "\r\n", "0123456789");
    reply = get(f, "/docs/empty", "");
    assert_string_equal(reply.content_type, "application/octet-stream");
    expect(reply, 200, "", "");
}

static void serves_the_index_of_a_folder_and_sends_there_who_left_the_slash_out(void **state)
{
    struct fixture *f = *state;
    expect(get(f, "/docs/", ""), 200, "", "<p>home</p>");
    expect(get(f, "/docs/sub/", ""), 200, "", "sub");
    expect(get(f, "/docs", ""), 301, "Location: ./docs/\r\n", "");
    expect(get(f, "/docs/sub", ""), 301, "Location: ./sub/\r\n", "");
    struct page_reply reply = get(f, "/docs/bare/", "");
    assert_int_equal(reply.status, 404);
    page_reply_release(&reply);
}

static void expect_not_found(struct fixture *f, struct slice path)
{
    struct page_reply reply = ask(f, HTTP_GET, path, "");
    if (reply.status != 404) {
        fail_msg("%.*s was answered %d", (int)path.len, path.data, reply.status);
    }
    assert_null(memmem(reply.body.data, reply.body.len, "secret", 6));
    page_reply_release(&reply);
}

static void serves_nothing_outside_the_folder_and_nothing_hidden(void **state)
{
    static const struct slice below_docs[] = {
    /* as they are once %XX is undone */
#define X(text) { text, sizeof(text) - 1 },
        X("../static_files.outside") X("..") X("../") X(".") X("./a b.txt") X("sub/../a b.txt") X("sub/..\\..\\a b.txt")
            X("/a b.txt") X("/etc/passwd") X("//") X("a b.txt\0.html") X("\0") X("a b.txt\n") X("%2e%2e/a b.txt")
                X(".hidden") X("sub/.hidden") X("out") X("root/etc/passwd") X("up/up") X("self/etc/passwd") X("loop")
                    X("pipe") X("proc/self/environ") X("a b.txt/") X("a b.txt/x") X("\xff\xfe")
                        X("C:\\windows\\win.ini")
#undef X
    };
    struct fixture *f = *state;
    char path[6000] = "/docs/";
    for (size_t i = 0; i < ARRAY_LENGTH(below_docs); i++) {
        memcpy(path + 6, below_docs[i].data, below_docs[i].len);
        expect_not_found(f, slice_make(path, 6 + below_docs[i].len));
    }
    memset(path + 6, 'x', sizeof path - 6);
    expect_not_found(f, slice_make(path, sizeof path));
    expect_not_found(f, slice_make(path, 6 + 300)); /* a name longer than file systems have */
}

static void says_that_what_the_client_has_is_the_latest(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        { "If-None-Match: " VERSION "\r\n", 304 },
        { "If-None-Match: W/" VERSION "\r\n", 304 },
        { "If-None-Match: \"x\", " VERSION "\r\n", 304 },
        { "If-None-Match: *\r\n", 304 },
        { "If-None-Match: \"x\"\r\n", 200 },
        { "If-None-Match: de0b6b3a7640000-a\r\n", 200 },
        { "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n", 304 },
        { "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT\r\n", 304 },
        { "If-Modified-Since: Sun Sep  9 01:46:40 2001\r\n", 304 },
        { "If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT\r\n", 200 },
        { "If-Modified-Since: yesterday\r\n", 200 },
        { "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n", 200 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct page_reply reply = get(*state, "/docs/a b.txt", cases[i].fields);
        if (reply.status != cases[i].status) {
            fail_msg("%s was answered %d", cases[i].fields, reply.status);
        }
        expect(reply, cases[i].status, "ETag: ", cases[i].status == 304 ? "" : "0123456789");
    }
}

static void serves_one_range_of_bytes(void **state)
{
    static const struct {
        const char *fields;
        int status;
        const char *body;
        const char *header;
    } cases[] = {
        { "Range: bytes=0-3\r\n", 206, "0123", "Content-Range: bytes 0-3/10\r\n" },
        { "Range: bytes=4-\r\n", 206, "456789", "Content-Range: bytes 4-9/10\r\n" },
        { "Range: bytes=-2\r\n", 206, "89", "Content-Range: bytes 8-9/10\r\n" },
        { "Range: bytes=-200\r\n", 206, "0123456789", "Content-Range: bytes 0-9/10\r\n" },
        { "Range: bytes=9-18446744073709551615\r\n", 206, "9", "Content-Range: bytes 9-9/10\r\n" },
        { "Range: bytes=10-\r\n", 416, "", "Content-Range: bytes */10\r\n" },
        { "Range: bytes=-0\r\n", 416, "", "Content-Range: bytes */10\r\n" },
        { "Range: bytes=3-1\r\n", 200, "0123456789", "" },
        { "Range: bytes=0-1,4-5\r\n", 200, "0123456789", "" },
        { "Range: bytes=0-18446744073709551616\r\n", 200, "0123456789", "" },
        { "Range: bytes=-\r\n", 200, "0123456789", "" },
        { "Range: bytes\r\n", 200, "0123456789", "" },
        { "Range: lines=1-2\r\n", 200, "0123456789", "" },
        { "Range: bytes=0-3\r\nIf-Range: " VERSION "\r\n", 206, "0123", "" },
        { "Range: bytes=0-3\r\nIf-Range: \"old\"\r\n", 200, "0123456789", "" },
        { "Range: bytes=0-3\r\nIf-Range: W/" VERSION "\r\n", 200, "0123456789", "" },
        { "Range: bytes=0-3\r\nIf-Range: Sun, 09 Sep 2001 01:46:40 GMT\r\n", 206, "0123", "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct page_reply reply = get(*state, "/docs/a b.txt", cases[i].fields);
        if (reply.status != cases[i].status) {
            fail_msg("%s was answered %d", cases[i].fields, reply.status);
        }
        expect(reply, cases[i].status, cases[i].header, cases[i].body);
    }
}

static void a_large_file_is_read_by_a_thread_of_its_own(void **state)
{
    struct page_reply reply = get(*state, "/docs/large.bin", "");
    assert_true(was_posted);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, LARGE);
    for (size_t i = 0; i < LARGE; i += 997) {
        assert_int_equal(reply.body.data[i], 'a' + i % 23);
    }
    page_reply_release(&reply);
    expect(get(*state, "/docs/large.bin", "Range: bytes=100-102\r\n"), 206, "", "ijk");
}

static void head_says_what_get_would_and_reads_nothing(void **state)
{
    struct page_reply reply = ask(*state, HTTP_HEAD, SLICE("/docs/large.bin"), "");
    assert_false(was_posted);
    assert_int_equal(reply.length, LARGE);
    expect(reply, 200, "ETag: ", "");
}

static void of_a_file_beyond_max_size_ranges_are_served(void **state)
{
    struct fixture *f = *state;
    f->options.max_bytes = 1000;
    struct page_reply reply = get(f, "/docs/large.bin", "");
    assert_int_equal(reply.status, 404);
    assert_non_null(memmem(reply.body.data, reply.body.len, "max_size", 8));
    page_reply_release(&reply);
    reply = get(f, "/docs/large.bin", "Range: bytes=0-\r\n");
    assert_int_equal(reply.status, 206);
    assert_int_equal(reply.body.len, 1000);
    page_reply_release(&reply);
}

static void a_kernel_without_openat2_follows_no_link_at_all(void **state)
{
    static const char *const refused[] = { "out", "root/etc/passwd", "up", "inside", "sub/none", "a b.txt/x" };
    struct fixture *f = *state;
    struct stat about;
    int folder = open(f->root, O_PATH | O_DIRECTORY);
    int fd = file_beneath_open_by_steps(folder, "sub/index.html", &about);
    assert_true(fd >= 0 && S_ISREG(about.st_mode));
    close(fd);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        assert_int_equal(file_beneath_open_by_steps(folder, refused[i], &about), -1);
    }
    close(folder);
}

static void a_link_that_stays_beneath_is_followed(void **state)
{
    struct fixture *f = *state;
    int folder = open(f->root, O_PATH | O_DIRECTORY);
    bool has = file_beneath_has_openat2(folder);
    close(folder);
    if (!has) {
        skip();
    }
    expect(get(f, "/docs/inside", ""), 200, "", "0123456789");
}

static void what_is_asked_while_it_ends_is_refused(void **state)
{
    struct fixture *f = *state;
    static_files_stop(f->files);
    struct page_reply reply = get(f, "/docs/large.bin", "");
    assert_int_equal(reply.status, 503);
    page_reply_release(&reply);
}

static void entries_that_cannot_be_served_are_told_with_the_cure(void **state)
{
    struct fixture *f = *state;
    const char *names[] = { "Content-Type" }, *values[] = { "x" };
    const struct files_options options[] = {
        { .line = 3, .file = "f.yaml", .path = "docs", .folder = f->root, .index = "" },
        { .line = 4, .file = "f.yaml", .path = "/a/{x}", .folder = f->root, .index = "" },
        { .line = 5, .file = "f.yaml", .path = "/a", .folder = "/nowhere", .index = "" },
        { .line = 6, .file = "f.yaml", .path = "/a", .folder = f->root, .index = "../x" },
        { .line = 7, .file = "f.yaml", .path = "/a", .folder = f->root, .index = "", .headers = { names, values, 1 } },
        { .line = 8, .file = "f.yaml", .path = "/a/", .folder = f->root, .index = "" },
        { .line = 9, .file = "f.yaml", .path = "/{all...}", .folder = f->root, .index = "" },
    };
    static const char *const expected[] = { "f.yaml:3: files[0].path: found \"docs\"",
                                            "4: files[1].path: found \"/a/{x}\"",
                                            "f.yaml:5: files[2].folder: found \"/nowhere\"",
                                            "f.yaml:6: files[3].index: found \"../x\"",
                                            "f.yaml:7: files[4].headers: found \"Content-Type\"" };
    struct buf problems = { 0 };
    assert_false(static_files_check(options, ARRAY_LENGTH(options), &problems));
    const char *text = buf_c_string(&problems);
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_non_null(strstr(text, expected[i]));
    }
    assert_null(strstr(text, "f.yaml:8: "));
    assert_null(strstr(text, "f.yaml:9: "));
    buf_release(&problems);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(serves_files_with_type_version_and_no_sniffing),
        TEST(serves_the_index_of_a_folder_and_sends_there_who_left_the_slash_out),
        TEST(serves_nothing_outside_the_folder_and_nothing_hidden),
        TEST(says_that_what_the_client_has_is_the_latest),
        TEST(serves_one_range_of_bytes),
        TEST(a_large_file_is_read_by_a_thread_of_its_own),
        TEST(head_says_what_get_would_and_reads_nothing),
        TEST(of_a_file_beyond_max_size_ranges_are_served),
        TEST(a_kernel_without_openat2_follows_no_link_at_all),
        TEST(a_link_that_stays_beneath_is_followed),
        TEST(what_is_asked_while_it_ends_is_refused),
        TEST(entries_that_cannot_be_served_are_told_with_the_cure),
    };
    wakeup_init(&posted_wakeup);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
