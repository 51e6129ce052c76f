/* Turns a URL into whether a redirect may go there. */
#include "proto/reply/url_target.h"

#include "config/options/string_list.h"
#include "proto/front/host_pattern.h"

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_control(text.data[i])) {
            return true;
        }
    }
    return false;
}

static bool is_at(struct slice text, size_t at, const char *any)
{
    return at < text.len && text.data[at] != '\0' && strchr(any, text.data[at]) != NULL;
}

/* A path of this host, and nothing that a browser, or a server that undoes escapes, takes for "//host". */
static bool is_own_path(struct slice url)
{
    if (!is_at(url, 0, "/") || is_at(url, 1, "/\\")) {
        return false;
    }
    struct slice escape = slice_make(url.data + 1, url.len < 4 ? 0 : 3);
    return !slice_equal_nocase(escape, SLICE("%2f")) && !slice_equal_nocase(escape, SLICE("%5c"));
}

/* Its host and port, and the port of its scheme. False: it does not begin "http://" or "https://". */
static bool split(struct slice url, struct slice *authority, struct slice *usual_port)
{
    static const struct {
        struct slice begin, port;
    } schemes[] = { { { "https://", 8 }, { "443", 3 } }, { { "http://", 7 }, { "80", 2 } } };
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        size_t begin = schemes[i].begin.len;
        if (url.len >= begin && slice_equal_nocase(slice_make(url.data, begin), schemes[i].begin)) {
            size_t end = begin;
            while (end < url.len && !is_at(url, end, "/?#\\")) {
                end++;
            }
            *authority = slice_make(url.data + begin, end - begin);
            *usual_port = schemes[i].port;
            return !is_at(url, end, "\\");
        }
    }
    return false;
}

static bool is_ipv6(struct slice host)
{
    if (host.len < 4 || host.data[0] != '[' || host.data[host.len - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i < host.len - 1; i++) {
        if (hex_digit(host.data[i]) < 0 && host.data[i] != ':' && host.data[i] != '.') {
            return false;
        }
    }
    return true;
}

struct host_and_port {
    struct slice host;
    struct slice port; /* empty: not given; of an entry "*": any */
};

static struct host_and_port split_port(struct slice text)
{
    bool any = text.len > 2 && text.data[text.len - 2] == ':' && text.data[text.len - 1] == '*';
    struct slice host = any ? slice_make(text.data, text.len - 2) : host_without_port(text);
    struct slice port = slice_after(text, host.len);
    return (struct host_and_port){ host, port.len != 0 ? slice_after(port, 1) : port };
}

static bool is_port(struct slice port)
{
    uint64_t number = 0;
    return port.len == 0 || (slice_to_u64(port, &number) && number != 0 && number <= 65535);
}

static bool is_host(struct slice host)
{
    return host_are_labels(host) || is_ipv6(host);
}

bool url_host_is_entry(struct slice entry)
{
    struct host_and_port read = split_port(slice_starts_with(entry, SLICE("*.")) ? slice_after(entry, 2) : entry);
    return is_host(read.host) && (is_port(read.port) || slice_equal(read.port, SLICE("*")));
}

static bool matches(const char *entry, const struct host_and_port *target, struct slice usual_port)
{
    struct host_and_port allowed = split_port(slice_from_string(entry));
    struct slice port = allowed.port.len != 0 ? allowed.port : usual_port;
    bool same_port =
        slice_equal(port, SLICE("*")) || slice_equal(port, target->port.len != 0 ? target->port : usual_port);
    return same_port && host_pattern_matches(allowed.host, target->host);
}

bool url_is_allowed(struct slice url, const struct string_list *hosts)
{
    struct slice authority, usual_port;
    if (has_control(url)) {
        return false;
    }
    if (is_own_path(url)) {
        return true;
    }
    if (!split(url, &authority, &usual_port)) {
        return false;
    }
    struct host_and_port target = split_port(authority);
    if (!is_host(target.host) || !is_port(target.port)) {
        return false;
    }
    for (size_t i = 0; hosts != NULL && i < hosts->count; i++) {
        if (matches(hosts->items[i], &target, usual_port)) {
            return true;
        }
    }
    return hosts == NULL;
}

bool url_settles_host(struct slice front, bool whole)
{
    struct slice authority, usual_port;
    if (has_control(front)) {
        return false;
    }
    if (is_own_path(front)) {
        return true;
    }
    if (!split(front, &authority, &usual_port)) {
        return false;
    }
    struct host_and_port target = split_port(authority);
    bool ends = whole || authority.data + authority.len != front.data + front.len;
    return ends && is_host(target.host) && is_port(target.port);
}

static void append_encoded(struct buf *out, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_append_byte(out, '%');
    buf_append_byte(out, (uint8_t)digits[(unsigned char)c >> 4]);
    buf_append_byte(out, (uint8_t)digits[(unsigned char)c & 15]);
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void url_append_part(struct slice value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        if (is_unreserved(value.data[i])) {
            buf_append_byte(out, (uint8_t)value.data[i]);
        } else {
            append_encoded(out, value.data[i]);
        }
    }
}

void url_append(struct slice url, struct buf *out)
{
    for (size_t i = 0; i < url.len; i++) {
        char c = url.data[i];
        if (is_unreserved(c) || (c != '\0' && strchr("%!$&'()*+,;=:/?#[]@", c) != NULL)) {
            buf_append_byte(out, (uint8_t)c);
        } else {
            append_encoded(out, c);
        }
    }
}
