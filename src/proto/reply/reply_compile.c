/* Turns the options of one outcome into a reply, or into what is wrong with them. */
#include "base/clock.h"
#include "proto/http_syntax/http_chars.h"
#include "proto/reply/reply_private.h"
#include "proto/reply/url_target.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

void reply_problem(const struct reply_compiler *compiler, int line, const char *option, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_printf(compiler->problems, "%s:%d: %s.%s: %s\n", compiler->set->file, line, compiler->path, option, text);
}

/* NULL, and a problem. */
static struct template *compile_template(const struct reply_compiler *compiler, int line, const char *option,
                                         const char *text, enum template_kind kind)
{
    struct buf why = { 0 };
    struct template *compiled =
        template_compile(slice_from_string(text), kind, compiler->knows, compiler->context, &why);
    if (compiled == NULL) {
        reply_problem(compiler, line, option, "found a template that cannot be used, %s",
                      why.len != 0 ? buf_c_string(&why) : "memory is short");
    }
    buf_release(&why);
    return compiled; // cppcheck-suppress CastIntegerToAddressAtReturn ; `template` is no word of C
}

static unsigned count_bodies(const struct reply_outcome_options *options)
{
    return (unsigned)(options->json != NULL) + (unsigned)(options->text != NULL) + options->empty + options->gif +
           options->problem + (unsigned)(options->redirect != NULL);
}

static bool is_redirect_status(int64_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool check_status(const struct reply_compiler *compiler, const struct reply_outcome_options *options)
{
    const char *expected = NULL;
    int64_t status = options->status;
    if (status != 0 && (status < 200 || status == 304)) {
        expected = "200 to 599, and not 304, which is an answer to a condition";
    } else if (options->redirect != NULL && status != 0 && !is_redirect_status(status)) {
        expected = "301, 302, 303, 307 or 308, as there is a `redirect`";
    } else if (options->redirect == NULL && is_redirect_status(status)) {
        expected = "a `redirect` beside it, that says where to";
    } else if ((status == 204 || status == 205) && !options->empty) {
        expected = "`empty: true` beside it, as it has no body";
    } else if (options->problem && status != 0) {
        expected = "none beside `problem`, which has its own";
    }
    if (expected != NULL) {
        reply_problem(compiler, compiler->set->line, "status", "found %lld, expected %s", (long long)status, expected);
    }
    return expected == NULL;
}

/* A field that the server writes, or that another option is for. */
static const char *owner_of_field(struct slice name)
{
    static const struct {
        const char *name, *owner;
    } owned[] = {
        { "content-type", "content_type" },
        { "set-cookie", "cookies" },
        { "location", "redirect" },
        { "content-length", "the server, which writes it" },
        { "transfer-encoding", "the server, which writes it" },
        { "connection", "the server, which writes it" },
        { "keep-alive", "the server, which writes it" },
        { "date", "the server, which writes it" },
        { "retry-after", "the server, which writes it with 429 and 503" },
        { "upgrade", "the server, which writes it" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(owned); i++) {
        if (slice_equal_nocase(name, slice_from_string(owned[i].name))) {
            return owned[i].owner;
        }
    }
    struct slice cors = SLICE("access-control-");
    bool of_cors = name.len > cors.len && slice_equal_nocase(slice_make(name.data, cors.len), cors);
    return of_cors ? "http.cors_origins" : NULL;
}

static bool is_token(const char *text)
{
    return *text != '\0' && http_all_in_class(slice_from_string(text), CHAR_TOKEN);
}

static bool compile_field(const struct reply_compiler *compiler, const char *name, const char *value,
                          struct reply_field *field)
{
    const char *owner = owner_of_field(slice_from_string(name));
    if (!is_token(name) || owner != NULL) {
        reply_problem(compiler, compiler->set->line, "headers", "found \"%s\", expected %s%s", name,
                      owner != NULL ? "not to find it here: it belongs to " : "the name of a header field",
                      owner != NULL ? owner : "");
        return false;
    }
    field->name = name;
    field->value = compile_template(compiler, compiler->set->line, "headers", value, TEMPLATE_FIELD);
    return field->value != NULL;
}

static bool compile_fields(const struct reply_compiler *compiler, const struct string_pairs *headers,
                           struct reply *reply)
{
    reply->fields = calloc(headers->count + 1, sizeof *reply->fields);
    bool good = reply->fields != NULL;
    for (size_t i = 0; reply->fields != NULL && i < headers->count; i++) {
        good = compile_field(compiler, headers->names[i], headers->values[i], &reply->fields[i]) && good;
        reply->caches |= slice_equal_nocase(slice_from_string(headers->names[i]), SLICE("cache-control"));
    }
    return good;
}

/* What stands behind "=" of an attribute (RFC 6265, 4.1.1). */
static bool is_attribute(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == ';' || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool compile_cookie(const struct reply_compiler *compiler, const struct reply_cookie_options *options,
                           struct reply_cookie *cookie)
{
    const char *option = NULL, *found = NULL, *expected = NULL;
    if (!is_token(options->name)) {
        option = "cookies.name", found = options->name, expected = "letters, digits and \"!#$%&'*+-.^_`|~\"";
    } else if (!url_host_is_entry(slice_from_string(options->domain))) {
        option = "cookies.domain", found = options->domain, expected = "host, registrable, or a name like a.example";
    } else if (options->path[0] != '/' || !is_attribute(options->path)) {
        option = "cookies.path", found = options->path, expected = "a path that begins with '/', without ';'";
    } else if (options->same_site == SAME_SITE_NONE && options->secure == SECURE_NEVER) {
        option = "cookies.secure", found = "never", expected = "auto or always: `same_site: none` needs HTTPS";
    } else if (options->max_age_ns % NS_PER_SECOND != 0) {
        option = "cookies.max_age", found = "a part of a second", expected = "whole seconds";
    }
    if (option != NULL) {
        reply_problem(compiler, options->line, option, "found \"%s\", expected %s", found, expected);
        return false;
    }
    cookie->options = options;
    cookie->value = compile_template(compiler, options->line, "cookies.value", options->value, TEMPLATE_TEXT);
    return cookie->value != NULL;
}

static bool compile_cookies(const struct reply_compiler *compiler, const struct reply_outcome_options *options,
                            struct reply *reply)
{
    reply->cookies = calloc(options->cookie_count + 1, sizeof *reply->cookies);
    bool good = reply->cookies != NULL;
    for (size_t i = 0; reply->cookies != NULL && i < options->cookie_count; i++) {
        good = compile_cookie(compiler, &options->cookies[i], &reply->cookies[i]) && good;
    }
    return good;
}

static bool check_hosts(const struct reply_compiler *compiler, const struct reply_outcome_options *options)
{
    bool good = true;
    for (size_t i = 0; i < options->allow_hosts.count; i++) {
        const char *entry = options->allow_hosts.items[i];
        if (!url_host_is_entry(slice_from_string(entry))) {
            reply_problem(compiler, compiler->set->line, "allow_hosts",
                          "found \"%s\", expected a host: a.example, *.a.example, a.example:8443, a.example:*", entry);
            good = false;
        }
    }
    if (options->otherwise != NULL && !url_settles_host(slice_from_string(options->otherwise), true)) {
        reply_problem(compiler, compiler->set->line, "else",
                      "found \"%s\", expected a path like /here or a URL like https://a.example/there",
                      options->otherwise);
        good = false;
    }
    return good;
}

/* The text before the first placeholder. */
static struct slice front_of(const char *text, bool *whole)
{
    size_t len = 0;
    while (text[len] != '\0' && (text[len] != '{' || text[len + 1] == '{')) {
        len += text[len] == '{' ? 2 : 1;
    }
    *whole = text[len] == '\0';
    return slice_make(text, len);
}

/* A lookup says where to, and `found` is said of nothing else: elsewhere {value} may be a member that clients give. */
static bool goes_where_lookup_says(const struct reply_compiler *compiler, const struct reply_outcome_options *options)
{
    return options == &compiler->set->outcomes[REPLY_FOUND] && options->allow_hosts.count == 0 &&
           strcmp(options->redirect, "{value}") == 0;
}

static bool compile_redirect(const struct reply_compiler *compiler, const struct reply_outcome_options *options,
                             struct reply *reply)
{
    if (options->redirect == NULL) {
        if (options->allow_hosts.count == 0 && options->otherwise == NULL) {
            return true;
        }
        reply_problem(compiler, compiler->set->line, options->otherwise != NULL ? "else" : "allow_hosts",
                      "found it, expected a `redirect` beside it");
        return false;
    }
    bool whole;
    struct slice front = front_of(options->redirect, &whole);
    reply->any_host = goes_where_lookup_says(compiler, options) || url_settles_host(front, whole);
    if (!reply->any_host && options->allow_hosts.count == 0) {
        reply_problem(compiler, compiler->set->line, "redirect",
                      whole ? "found \"%s\", expected a path like /here or a URL like https://a.example/there"
                            : "found \"%s\", where a value chooses the host, expected `allow_hosts` beside it: else "
                              "anybody could lead your visitors anywhere",
                      options->redirect);
        return false;
    }
    reply->target = compile_template(compiler, compiler->set->line, "redirect", options->redirect, TEMPLATE_TEXT);
    return check_hosts(compiler, options) && reply->target != NULL;
}

static bool compile_body(const struct reply_compiler *compiler, const struct reply_outcome_options *options,
                         struct reply *reply)
{
    const char *text = options->json != NULL ? options->json : options->text;
    const char *usual = options->json != NULL ? "application/json" : options->gif ? "image/gif" : TEXT_TYPE;
    if (text == NULL && !options->gif) {
        if (options->content_type != NULL) {
            reply_problem(compiler, compiler->set->line, "content_type", "found \"%s\", expected a body beside it",
                          options->content_type);
        }
        return options->content_type == NULL;
    }
    reply->content_type = options->content_type != NULL ? options->content_type : usual;
    if (text != NULL) {
        bool json = options->json != NULL;
        reply->body = compile_template(compiler, compiler->set->line, json ? "json" : "text", text,
                                       json ? TEMPLATE_JSON : TEMPLATE_TEXT);
    }
    return text == NULL || reply->body != NULL;
}

/* Does the body say what was refused? */
static bool tells(const struct template *body)
{
    static const char *const words[] = { "errors", "rejected", "detail", "Detail", "code", "index", "field" };
    size_t at = 0;
    struct slice name;
    while (body != NULL && template_next_name(body, &at, &name)) {
        for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
            if (slice_equal(name, slice_from_string(words[i]))) {
                return true;
            }
        }
    }
    return false;
}

struct reply *reply_compile(const struct reply_compiler *compiler, const struct reply_outcome_options *options)
{
    struct reply *reply = calloc(1, sizeof *reply);
    if (reply == NULL) {
        buf_append_string(compiler->problems, "memory is short\n");
        return NULL;
    }
    reply->options = options;
    bool good = check_status(compiler, options);
    if (count_bodies(options) > 1) {
        reply_problem(compiler, compiler->set->line, "json",
                      "found several of json, text, empty, gif, redirect, problem, expected one");
        good = false;
    }
    good = compile_fields(compiler, &options->headers, reply) && good;
    good = compile_cookies(compiler, options, reply) && good;
    good = compile_redirect(compiler, options, reply) && good;
    good = compile_body(compiler, options, reply) && good;
    if (!good) {
        reply_free(reply);
        return NULL;
    }
    reply->tells = tells(reply->body);
    return reply;
}

void reply_free(struct reply *reply)
{
    if (reply == NULL) {
        return;
    }
    for (size_t i = 0; reply->fields != NULL && i < reply->options->headers.count; i++) {
        template_free(reply->fields[i].value);
    }
    for (size_t i = 0; reply->cookies != NULL && i < reply->options->cookie_count; i++) {
        template_free(reply->cookies[i].value);
    }
    template_free(reply->body);
    template_free(reply->target);
    free(reply->fields);
    free(reply->cookies);
    free(reply);
}
