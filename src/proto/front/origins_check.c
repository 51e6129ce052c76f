/* Turns an entry of a list of origins into why it can never match, and into what was probably meant. */
#include "proto/front/origins.h"

#include "config/options/string_list.h"

#include <arpa/inet.h>

#define MESSAGE "%s: found \"%s\", which is the origin of no page: %s"

/* Puts `text` in the place of the bytes [at, at + len). */
static void replace(struct buf *entry, size_t at, size_t len, const char *text)
{
    struct buf whole = { 0 };
    buf_append(&whole, entry->data, at);
    buf_append_string(&whole, text);
    buf_append(&whole, entry->data + at + len, entry->len - at - len);
    buf_release(entry);
    *entry = whole;
}

/* Where the host begins: behind "://", or at 0 if there is none. */
static size_t host_of(const struct buf *entry)
{
    for (size_t i = 0; i + 3 <= entry->len; i++) {
        if (memcmp(entry->data + i, "://", 3) == 0) {
            return i + 3;
        }
    }
    return 0;
}

static struct slice scheme_of(const struct buf *entry)
{
    size_t host = host_of(entry);
    return slice_make(entry->data, host == 0 ? 0 : host - 3);
}

/* Each step mends one kind of slip, and says what was wrong; NULL: nothing to mend. */

static const char *mend_spaces(struct buf *entry)
{
    struct slice trimmed = slice_trim(buf_slice(entry));
    if (trimmed.len == entry->len) {
        return NULL;
    }
    size_t before = trimmed.len == 0 ? 0 : (size_t)(trimmed.data - entry->data);
    buf_consume(entry, before);
    entry->len = trimmed.len;
    return "it has spaces around it";
}

static const char *mend_case(struct buf *entry)
{
    const char *fault = NULL;
    for (size_t i = 0; i < entry->len; i++) {
        if (entry->data[i] >= 'A' && entry->data[i] <= 'Z') {
            entry->data[i] = (char)(entry->data[i] | 0x20);
            fault = "browsers send origins in lower case";
        }
    }
    return fault;
}

static const char *mend_scheme(struct buf *entry)
{
    struct slice whole = buf_slice(entry);
    if (slice_equal(whole, SLICE("null")) || slice_equal(whole, SLICE("*")) || whole.len == 0) {
        return NULL;
    }
    if (host_of(entry) == 0) {
        bool local = slice_starts_with(whole, SLICE("localhost")) || slice_starts_with(whole, SLICE("127."));
        replace(entry, 0, slice_starts_with(whole, SLICE("//")) ? 2 : 0, local ? "http://" : "https://");
        return "it has no scheme";
    }
    bool plain = slice_equal(scheme_of(entry), SLICE("ws"));
    if (!plain && !slice_equal(scheme_of(entry), SLICE("wss"))) {
        return NULL;
    }
    replace(entry, 0, plain ? 2 : 3, plain ? "http" : "https");
    return "the origin of a WebSocket is that of its page, http or https";
}

static const char *mend_path(struct buf *entry)
{
    size_t host = host_of(entry);
    for (size_t i = host; i < entry->len; i++) {
        if (strchr("/?#\\", entry->data[i]) != NULL && entry->data[i] != '\0') {
            bool slash = i + 1 == entry->len;
            entry->len = i;
            return slash ? "an origin does not end in a slash" : "an origin has no path";
        }
    }
    return NULL;
}

static const char *mend_user(struct buf *entry)
{
    size_t host = host_of(entry);
    const char *at = entry->len == host ? NULL : memchr(entry->data + host, '@', entry->len - host);
    if (at == NULL) {
        return NULL;
    }
    replace(entry, host, (size_t)(at - entry->data) + 1 - host, "");
    return "an origin has no user";
}

static bool ends_with(const struct buf *entry, struct slice tail)
{
    return entry->len >= tail.len && memcmp(entry->data + entry->len - tail.len, tail.data, tail.len) == 0;
}

static const char *mend_port(struct buf *entry)
{
    bool plain = slice_equal(scheme_of(entry), SLICE("http"));
    bool secure = slice_equal(scheme_of(entry), SLICE("https"));
    struct slice own = plain ? SLICE(":80") : SLICE(":443");
    if ((plain || secure) && ends_with(entry, own)) {
        entry->len -= own.len;
        return "browsers leave out the port that the scheme implies";
    }
    if ((plain || secure) && ends_with(entry, SLICE(":"))) {
        entry->len--;
        return "the colon has no port behind it";
    }
    return NULL;
}

static const char *mend_dot(struct buf *entry)
{
    size_t host = host_of(entry);
    if (host == 0 || host == entry->len || entry->data[host] != '.') {
        return NULL;
    }
    replace(entry, host, 0, "*");
    return "a host does not begin with a dot";
}

static const char *(*const steps[])(struct buf *) = { mend_spaces, mend_case, mend_scheme, mend_path,
                                                      mend_user,   mend_port, mend_dot };

/* The port behind the host's colon, or an empty slice at its end; *host gets what stands before. */
static struct slice split_port(struct slice authority, struct slice *host)
{
    size_t at = authority.len;
    while (at != 0 && authority.data[at - 1] != ':' && authority.data[at - 1] != ']') {
        at--;
    }
    bool has_port = at != 0 && authority.data[at - 1] == ':';
    *host = has_port ? slice_make(authority.data, at - 1) : authority;
    return has_port ? slice_after(authority, at) : slice_make(NULL, 0);
}

static bool is_good_port(struct slice port)
{
    uint64_t number;
    bool spelled = port.len != 0 && port.data[0] != '0' && slice_to_u64(port, &number) && number <= 65535;
    return port.data == NULL || slice_equal(port, SLICE("*")) || spelled;
}

/* As the address is written by who has parsed it. */
static bool is_canonical(struct slice text, int family)
{
    char given[INET6_ADDRSTRLEN] = "", written[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (text.len >= sizeof given) {
        return false;
    }
    memcpy(given, text.data, text.len);
    return inet_pton(family, given, address) == 1 && inet_ntop(family, address, written, sizeof written) != NULL &&
           strcmp(given, written) == 0;
}

/* Browsers take such a host for an IPv4 address, and spell that out. */
static bool ends_in_a_number(struct slice host)
{
    size_t at = host.len;
    while (at != 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9') {
        at--;
    }
    return at != host.len && (at == 0 || host.data[at - 1] == '.');
}

static const char *fault_of_labels(struct slice host)
{
    char before = '.';
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.data[i];
        if (c == '*') {
            return "* stands for whole labels in front of a host, as in https://*.shop.example, or for a port";
        }
        if (c >= 0x80) {
            return "browsers send such a host in punycode (xn--...)";
        }
        if (c == '.' ? before == '.' : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return c == '.' ? "two dots follow each other" : "it has a character that no host has";
        }
        before = (char)c;
    }
    return NULL;
}

static const char *fault_of_host(struct slice host)
{
    if (host.len == 0) {
        return "it has no host";
    }
    if (host.data[0] == '[') {
        bool closed = host.len > 2 && host.data[host.len - 1] == ']';
        return closed && is_canonical(slice_make(host.data + 1, host.len - 2), AF_INET6)
                   ? NULL
                   : "an IPv6 address is written in its shortest form in brackets, as in http://[::1]:3000";
    }
    if (slice_equal(host, SLICE("*"))) {
        return "a host cannot be * alone; write \"*\" for all origins, or name a domain, as in https://*.shop.example";
    }
    const char *fault = fault_of_labels(slice_starts_with(host, SLICE("*.")) ? slice_after(host, 2) : host);
    if (fault == NULL && ends_in_a_number(host) && !is_canonical(host, AF_INET)) {
        return "an IPv4 address has four numbers, and no * in it";
    }
    return fault;
}

static const char *fault_of_scheme(struct slice scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.data[i];
        if (c == '*') {
            return "* cannot stand for a scheme; list http://... and https://... each";
        }
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))) {
            return "its scheme has a character that no scheme has";
        }
    }
    return scheme.len == 0 ? "it has no scheme" : NULL;
}

/* What no step can mend; NULL: pages can have this origin. Some WebViews send "file://". */
static const char *fault_of(const struct buf *entry)
{
    struct slice whole = buf_slice(entry), host;
    if (slice_equal(whole, SLICE("*")) || slice_equal(whole, SLICE("null")) || slice_equal(whole, SLICE("file://"))) {
        return NULL;
    }
    struct slice port = split_port(slice_after(whole, host_of(entry)), &host);
    const char *fault = fault_of_scheme(scheme_of(entry));
    if (fault == NULL) {
        fault = fault_of_host(host);
    }
    return fault == NULL && !is_good_port(port) ? "its port is no number from 1 to 65535, nor *" : fault;
}

static bool check_entry(const char *option, const char *text, struct buf *problems)
{
    struct buf entry = { 0 };
    const char *slip = NULL;
    buf_append_string(&entry, text);
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        const char *said = steps[i](&entry);
        slip = slip == NULL ? said : slip;
    }
    const char *fault = fault_of(&entry);
    if (fault != NULL) {
        buf_printf(problems, MESSAGE "\n", option, text, fault);
    } else if (slip != NULL) {
        buf_printf(problems, MESSAGE "; write \"%.*s\"\n", option, text, slip, (int)entry.len, entry.data);
    }
    buf_release(&entry);
    return fault == NULL && slip == NULL;
}

bool origins_check(const struct string_list *list, const char *option, struct buf *problems)
{
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        good = check_entry(option, list->items[i], problems) && good;
    }
    return good;
}
