/* Turns a reply and the values of its placeholders into a status, header lines and a body. */
#include "base/clock.h"
#include "proto/reply/registrable.h"
#include "proto/reply/reply_private.h"
#include "proto/reply/url_target.h"

/* GIF89a, one pixel of the first of two colours, which is transparent. */
static const struct slice pixel = {
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF!\xF9\x04\x01\x00\x00\x00\x00,"
    "\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00;",
    43
};

/* Values for a place that takes some characters alone. */
struct encoded_values {
    template_value *value;
    void *context;
    const struct buf *out; /* the value that it begins with stays as it is; NULL: none does */
    struct buf text;
};

static bool encoded_value(void *context, struct slice name, struct template_text *text)
{
    struct encoded_values *values = context;
    if (!values->value(values->context, name, text)) {
        return false;
    }
    if (values->out != NULL && values->out->len == 0) {
        return true;
    }
    buf_clear(&values->text);
    url_append_part(text->bytes, &values->text);
    *text = (struct template_text){ buf_slice(&values->text), false };
    return true;
}

static bool write_encoded(const struct template *template, template_value *value, void *context, bool raw_front,
                          struct buf *out)
{
    struct encoded_values values = { value, context, raw_front ? out : NULL, { 0 } };
    template_write(template, encoded_value, &values, out);
    out->failed |= values.text.failed;
    buf_release(&values.text);
    return !out->failed;
}

static enum error write_location(const struct reply *reply, template_value *value, void *context, struct buf *headers)
{
    struct buf target = { 0 };
    const struct reply_outcome_options *options = reply->options;
    bool whole = write_encoded(reply->target, value, context, template_begins_with_value(reply->target), &target);
    bool allowed = whole && url_is_allowed(buf_slice(&target), reply->any_host ? NULL : &options->allow_hosts);
    if (allowed || (whole && options->otherwise != NULL)) {
        buf_append_slice(headers, SLICE("Location: "));
        url_append(allowed ? buf_slice(&target) : slice_from_string(options->otherwise), headers);
        buf_append_slice(headers, SLICE("\r\n"));
    }
    buf_release(&target);
    return !whole ? ERROR_OUT_OF_MEMORY : allowed || options->otherwise != NULL ? OK : ERROR_NOT_ALLOWED;
}

static void append_attribute(struct buf *out, const char *name, struct slice value)
{
    buf_append_string(out, name);
    buf_append_slice(out, value);
}

static void append_domain(struct buf *out, const char *domain, struct slice host)
{
    if (strcmp(domain, "host") == 0) {
        return;
    }
    struct buf space = { 0 };
    struct slice name =
        strcmp(domain, "registrable") == 0 ? registrable_domain(host, &space) : slice_from_string(domain);
    if (name.len != 0) {
        append_attribute(out, "; Domain=", name);
    }
    buf_release(&space);
}

static void write_cookie(const struct reply_cookie *cookie, template_value *value, void *context,
                         const struct reply_request *request, struct buf *out)
{
    static const char *const same_sites[] = { [SAME_SITE_NONE_SAID] = "",
                                              [SAME_SITE_LAX] = "; SameSite=Lax",
                                              [SAME_SITE_STRICT] = "; SameSite=Strict",
                                              [SAME_SITE_NONE] = "; SameSite=None" };
    const struct reply_cookie_options *options = cookie->options;
    buf_printf(out, "Set-Cookie: %s=", options->name);
    write_encoded(cookie->value, value, context, false, out);
    if (options->max_age_ns != 0) {
        buf_printf(out, "; Max-Age=%lld", (long long)(options->max_age_ns / NS_PER_SECOND));
    }
    append_domain(out, options->domain, request->host);
    append_attribute(out, "; Path=", slice_from_string(options->path));
    buf_append_string(out, same_sites[options->same_site]);
    bool secure = options->secure == SECURE_ALWAYS || options->same_site == SAME_SITE_NONE ||
                  (options->secure == SECURE_AUTO && request->secure);
    buf_append_string(out, secure ? "; Secure" : "");
    buf_append_string(out, options->http_only ? "; HttpOnly" : "");
    buf_append_slice(out, SLICE("\r\n"));
}

enum error reply_write(const struct reply *reply, template_value *value, void *context,
                       const struct reply_request *request, struct reply_answer *answer)
{
    const struct reply_outcome_options *options = reply->options;
    struct buf *headers = &answer->headers;
    int usual = reply->target != NULL ? 302 : options->empty && answer->status < 300 ? 204 : answer->status;
    enum error error = reply->target != NULL ? write_location(reply, value, context, headers) : OK;
    for (size_t i = 0; i < options->headers.count; i++) {
        buf_printf(headers, "%s: ", reply->fields[i].name);
        template_write(reply->fields[i].value, value, context, headers);
        buf_append_slice(headers, SLICE("\r\n"));
    }
    for (size_t i = 0; i < options->cookie_count; i++) {
        write_cookie(&reply->cookies[i], value, context, request, headers);
    }
    if (options->gif) {
        buf_append_slice(&answer->body, pixel);
    } else if (reply->body != NULL) {
        template_write(reply->body, value, context, &answer->body);
    }
    answer->status = options->status != 0 ? (int)options->status : usual;
    answer->content_type = reply->content_type;
    answer->no_store = options->gif && !reply->caches;
    answer->caches = reply->caches;
    return headers->failed || answer->body.failed ? ERROR_OUT_OF_MEMORY : error;
}
