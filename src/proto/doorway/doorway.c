/* Turns the options of an address into its pages that are asked first. */
#include "proto/doorway/doorway.h"

#include "base/assert.h"
#include "config/options/http_options.h"
#include "proto/files/file_beneath.h"
#include "proto/front/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHALLENGES ".well-known/acme-challenge/"
#define LONGEST_TOKEN 128   /* 22 characters at least, 43 as Let's Encrypt makes them */
#define LONGEST_ANSWER 1024 /* the token, a dot, and the thumb print of a key */
#define HTTPS_PORT 443

#define ALL_METHODS                                                                                                    \
    (METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_HEAD) | METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT) |                     \
     METHOD_BIT(HTTP_DELETE) | METHOD_BIT(HTTP_OPTIONS) | METHOD_BIT(HTTP_PATCH))

struct doorway {
    const char *webroot;
    unsigned port; /* of https; 0: nothing is redirected */
    struct page pages[DOORWAY_PAGES_MAX];
    size_t count;
};

/* --- options --- */

/* `text` may be NULL: not given. False: it is none. */
static bool read_port(const char *text, unsigned *port)
{
    uint64_t number = 0;
    if (text == NULL || strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        *port = text != NULL && text[0] == 't' ? HTTPS_PORT : 0;
        return true;
    }
    bool fits = slice_to_u64(slice_from_string(text), &number) && number != 0 && number <= 65535;
    *port = (unsigned)number;
    return fits;
}

bool doorway_leads_away(const struct http_listener_options *listener)
{
    unsigned port;
    return read_port(listener->redirect_https, &port) && port != 0;
}

static bool check_webroot(const char *webroot, struct buf *problem)
{
    int folder = open(webroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        buf_printf(problem, "acme_webroot: cannot open %s: %s; expected the folder that the ACME client writes to",
                   webroot, strerror(errno));
        return false;
    }
    close(folder);
    return true;
}

bool doorway_check(const struct http_listener_options *listener, const struct http_options *http, struct buf *problem)
{
    unsigned port;
    if (listener->acme_webroot != NULL && !check_webroot(listener->acme_webroot, problem)) {
        return false;
    }
    if (!read_port(listener->redirect_https, &port)) {
        buf_printf(problem, "redirect_https: found \"%.20s\", expected true, false, or the port of https (1 to 65535)",
                   listener->redirect_https);
        return false;
    }
    if (port != 0 && (listener->tls.certificate != NULL || listener->tls.certificate_count != 0)) {
        buf_append_string(problem,
                          "redirect_https: found tls beside it, expected an address without, which leads to it");
        return false;
    }
    if (port != 0 && http->hosts.count == 0) {
        buf_append_string(problem,
                          "redirect_https: found no http.hosts, expected the names that a redirect may lead to");
        return false;
    }
    return true;
}

/* --- answers --- */

static enum page_result refuse(struct page_reply *reply, enum error error, struct slice detail)
{
    page_problem(reply, error, detail, SLICE(""));
    return PAGE_READY;
}

/* base64url (RFC 4648, 5), as a token is. */
static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_')) {
            return false;
        }
    }
    return text.len != 0 && text.len <= LONGEST_TOKEN;
}

/* What the client has just written: a page of the cache. The folder is opened anew, for it may have been replaced. */
static bool read_challenge(const char *webroot, struct slice token, struct buf *body)
{
    char path[sizeof CHALLENGES + LONGEST_TOKEN];
    struct stat about;
    ASSERT_AT_MOST(token.len, LONGEST_TOKEN);
    memcpy(path, CHALLENGES, sizeof CHALLENGES - 1);
    memcpy(path + sizeof CHALLENGES - 1, token.data, token.len);
    path[sizeof CHALLENGES - 1 + token.len] = '\0';
    int folder = open(webroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = folder < 0 ? -1 : file_beneath_open(folder, path, &about);
    bool fits = file >= 0 && S_ISREG(about.st_mode) && about.st_size > 0 && about.st_size <= LONGEST_ANSWER &&
                buf_reserve(body, LONGEST_ANSWER);
    ssize_t got = fits ? read(file, body->data, LONGEST_ANSWER) : -1;
    body->len = got > 0 ? (size_t)got : 0;
    if (file >= 0) {
        close(file);
    }
    if (folder >= 0) {
        close(folder);
    }
    return got > 0;
}

static enum page_result answer_challenge(void *context, const struct page_request *request, struct page_reply *reply,
                                         struct page_later later)
{
    const struct doorway *doorway = context;
    struct slice token = page_capture(request, SLICE("token"));
    (void)later;
    if (!is_token(token) || !read_challenge(doorway->webroot, token, &reply->body)) {
        return refuse(reply, ERROR_NOT_FOUND, SLICE("there is no such challenge"));
    }
    reply->content_type = "text/plain";
    reply->cache_control = "no-store";
    page_header(reply, "X-Content-Type-Options", SLICE("nosniff"));
    return PAGE_READY;
}

/* A name or an address as a URL has it, without its port; empty: it is none. */
static struct slice name_of_host(struct slice host)
{
    const char *end = host.len != 0 && host.data[0] == '[' ? memchr(host.data, ']', host.len) : NULL;
    const char *colon = end != NULL || host.len == 0 ? NULL : memchr(host.data, ':', host.len);
    size_t length = end != NULL     ? (size_t)(end - host.data) + 1
                    : colon != NULL ? (size_t)(colon - host.data)
                                    : host.len;
    for (size_t i = 0; i < length; i++) {
        char c = host.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '.' || c == '_' || (end != NULL && (c == ':' || c == '[' || c == ']'));
        if (!plain) {
            return SLICE("");
        }
    }
    return slice_make(host.data, length);
}

static enum page_result redirect(void *context, const struct page_request *request, struct page_reply *reply,
                                 struct page_later later)
{
    const struct doorway *doorway = context;
    struct slice name = name_of_host(request->host);
    struct buf location = { 0 };
    (void)later;
    ASSERT(doorway->port != 0);
    if (name.len == 0) {
        return refuse(reply, ERROR_BAD_REQUEST,
                      SLICE("this address leads to https, and needs a Host field to say where"));
    }
    buf_printf(&location, "https://%.*s", (int)name.len, name.data);
    if (doorway->port != HTTPS_PORT) {
        buf_printf(&location, ":%u", doorway->port);
    }
    buf_append_slice(&location, request->sent_path);
    if (request->query.len != 0) {
        buf_append_byte(&location, '?');
        buf_append_slice(&location, request->query);
    }
    if (location.failed) {
        buf_release(&location);
        return refuse(reply, ERROR_OUT_OF_MEMORY, SLICE(""));
    }
    reply->status = 308; /* the method stays, and a POST its body */
    page_header(reply, "Location", buf_slice(&location));
    buf_release(&location);
    return PAGE_READY;
}

/* --- life --- */

static void add(struct doorway *doorway, struct page page)
{
    ASSERT(doorway->count < DOORWAY_PAGES_MAX);
    page.context = doorway;
    page.needs = PAGE_NEEDS_NOTHING;
    doorway->pages[doorway->count++] = page;
}

struct doorway *doorway_new(const struct http_listener_options *listener)
{
    struct doorway *doorway = calloc(1, sizeof *doorway);
    if (doorway == NULL) {
        return NULL;
    }
    bool good = read_port(listener->redirect_https, &doorway->port);
    ASSERT(good);
    doorway->webroot = listener->acme_webroot;
    if (doorway->webroot != NULL) {
        add(doorway, (struct page){ .needs = PAGE_NEEDS_NOTHING,
                                    .path = "/" CHALLENGES "{token}",
                                    .methods = METHOD_BIT(HTTP_GET),
                                    .any_host = true,
                                    .unlimited = true,
                                    .exact_slash = true,
                                    .handle = answer_challenge });
    }
    if (doorway->port != 0) {
        add(doorway,
            (struct page){
                .needs = PAGE_NEEDS_NOTHING, .path = "/{rest...}", .methods = ALL_METHODS, .handle = redirect });
    }
    return doorway;
}

void doorway_free(struct doorway *doorway)
{
    free(doorway);
}

size_t doorway_pages(const struct doorway *doorway, const struct page **pages)
{
    *pages = doorway->pages;
    return doorway->count;
}
