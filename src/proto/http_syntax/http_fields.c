/* Turns header fields into the facts of a request: framing, connection, encodings, and the few values that are used. */
#include "proto/http_syntax/http_parse_private.h"

#include "proto/front/page.h"
#include "proto/http_syntax/content_type.h"

/* In the order of the names' lengths, as field_of asks for them. */
enum field {
    FIELD_HOST,
    FIELD_EXPECT,
    FIELD_ORIGIN,
    FIELD_UPGRADE,
    FIELD_API_KEY,
    FIELD_CONNECTION,
    FIELD_USER_AGENT,
    FIELD_CONTENT_TYPE,
    FIELD_AUTHORIZATION,
    FIELD_CONTENT_LENGTH,
    FIELD_FORWARDED_FOR,
    FIELD_CONTENT_ENCODING,
    FIELD_TRANSFER_ENCODING,
    FIELD_WEBSOCKET_KEY,
    FIELD_WEBSOCKET_VERSION,
    FIELD_WEBSOCKET_PROTOCOL,
    FIELD_REQUEST_METHOD,
    FIELD_REQUEST_HEADERS,
    FIELD_NONE,
};

bool http_head_fail(struct http_head *head, enum error error, const char *reason)
{
    head->error = error;
    head->reason = reason;
    return false;
}

/* Case is bit 5 of letters, which are the only bytes of a name with bit 6: so no byte that is not of a token is equal to one.
 * Of eight bytes; 0: they are equal. */
static inline uint64_t difference(const char *name, const char *lower)
{
    uint64_t expected = load_u64(lower);
    return (load_u64(name) | (expected & UINT64_C(0x4040404040404040)) >> 1) ^ expected;
}

static inline bool is_named(struct slice name, const char *lower)
{
    uint64_t differ = 0;
    if (name.len >= sizeof differ) {
        size_t last = name.len - sizeof differ;
        for (size_t i = 0; i < last; i += sizeof differ) {
            differ |= difference(name.data + i, lower + i);
        }
        return (differ | difference(name.data + last, lower + last)) == 0; /* some of them twice */
    }
    for (size_t i = 0; i < name.len; i++) {
        differ |= (uint8_t)((name.data[i] | (lower[i] & 0x40) >> 1) ^ lower[i]);
    }
    return differ == 0;
}

static enum field if_named(struct slice name, const char *lower, enum field field)
{
    return is_named(name, lower) ? field : FIELD_NONE;
}

/* Most fields of a request are nobody's business: their length alone tells. */
static enum field field_of(struct slice name)
{
    char first = (char)(name.data[0] | 0x20);
    switch (name.len) {
    case 4: return if_named(name, "host", FIELD_HOST);
    case 6: return first == 'e' ? if_named(name, "expect", FIELD_EXPECT) : if_named(name, "origin", FIELD_ORIGIN);
    case 7: return if_named(name, "upgrade", FIELD_UPGRADE);
    case 9: return if_named(name, "x-api-key", FIELD_API_KEY);
    case 10:
        return first == 'c' ? if_named(name, "connection", FIELD_CONNECTION)
                            : if_named(name, "user-agent", FIELD_USER_AGENT);
    case 12: return if_named(name, "content-type", FIELD_CONTENT_TYPE);
    case 13: return if_named(name, "authorization", FIELD_AUTHORIZATION);
    case 14: return if_named(name, "content-length", FIELD_CONTENT_LENGTH);
    case 15: return if_named(name, "x-forwarded-for", FIELD_FORWARDED_FOR);
    case 16: return if_named(name, "content-encoding", FIELD_CONTENT_ENCODING);
    case 17:
        return first == 't' ? if_named(name, "transfer-encoding", FIELD_TRANSFER_ENCODING)
                            : if_named(name, "sec-websocket-key", FIELD_WEBSOCKET_KEY);
    case 21: return if_named(name, "sec-websocket-version", FIELD_WEBSOCKET_VERSION);
    case 22: return if_named(name, "sec-websocket-protocol", FIELD_WEBSOCKET_PROTOCOL);
    case 29: return if_named(name, "access-control-request-method", FIELD_REQUEST_METHOD);
    case 30: return if_named(name, "access-control-request-headers", FIELD_REQUEST_HEADERS);
    default: return FIELD_NONE;
    }
}

/* The next non-empty element of a comma-separated list (RFC 9110, 5.6.1). */
static bool next_token(struct slice *rest, struct slice *token)
{
    while (slice_split(rest, ',', token)) {
        *token = slice_trim(*token);
        if (token->len != 0) {
            return true;
        }
    }
    return false;
}

static bool take_host(struct http_head *head, struct slice value)
{
    if (value.len == 0 || !http_all_in_class(value, CHAR_HOST)) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "Host is empty or has a character that no host has");
    }
    if (!head->absolute_target) {
        head->request->host = value;
    }
    return true;
}

static bool take_length(struct http_head *head, struct slice value)
{
    struct http_request *request = head->request;
    if (!slice_to_u64(value, &request->length) || request->length > INT64_MAX) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "Content-Length is not a number of bytes");
    }
    request->has_length = true;
    return true;
}

static bool take_transfer_encoding(struct http_head *head, struct slice value)
{
    if (!slice_equal_nocase(value, SLICE("chunked"))) {
        return http_head_fail(head, ERROR_NOT_IMPLEMENTED, "the only transfer coding taken is chunked");
    }
    head->request->chunked = true;
    return true;
}

static bool take_connection(struct http_head *head, struct slice value)
{
    struct slice token;
    while (next_token(&value, &token)) {
        head->token_close |= slice_equal_nocase(token, SLICE("close"));
        head->token_keep_alive |= slice_equal_nocase(token, SLICE("keep-alive"));
        head->token_upgrade |= slice_equal_nocase(token, SLICE("upgrade"));
    }
    return true;
}

static bool take_upgrade(struct http_head *head, struct slice value)
{
    struct slice token;
    while (next_token(&value, &token)) {
        head->upgrade_websocket |= slice_equal_nocase(token, SLICE("websocket"));
    }
    return true;
}

/* A client of HTTP/1.0 cannot mean it (RFC 9110, 10.1.1). */
static bool take_expect(struct http_head *head, struct slice value)
{
    if (!slice_equal_nocase(value, SLICE("100-continue"))) {
        return http_head_fail(head, ERROR_EXPECTATION_FAILED, "the only expectation met is 100-continue");
    }
    head->request->expect_continue = head->request->minor_version == 1;
    return true;
}

static enum encoding encoding_of(struct slice token)
{
    static const struct {
        struct slice name;
        enum encoding encoding;
    } names[] = {
        { { "identity", 8 }, ENCODING_IDENTITY }, { { "gzip", 4 }, ENCODING_GZIP }, { { "x-gzip", 6 }, ENCODING_GZIP },
        { { "deflate", 7 }, ENCODING_DEFLATE },   { { "lz4", 3 }, ENCODING_LZ4 },   { { "zstd", 4 }, ENCODING_ZSTD },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal_nocase(token, names[i].name)) {
            return names[i].encoding;
        }
    }
    return ENCODING_OTHER;
}

static bool take_content_encoding(struct http_head *head, struct slice value)
{
    struct slice token;
    for (size_t count = 0; next_token(&value, &token); count++) {
        bool alone = count == 0 && head->request->encoding == ENCODING_IDENTITY;
        head->request->encoding = alone ? encoding_of(token) : ENCODING_OTHER;
    }
    return true;
}

static bool take_content_type(struct http_head *head, struct slice value)
{
    struct slice type;
    head->request->content = slice_split(&value, ';', &type) ? http_content_of(slice_trim(type)) : CONTENT_OTHER;
    return true;
}

/* Several are one list (RFC 9110, 5.3): HAProxy adds a field of its own behind that of a proxy before it. */
static bool take_forwarded_for(struct http_head *head, struct slice value)
{
    struct http_request *request = head->request;
    struct slice *fields = request->forwarded_for;
    if (request->forwarded_for_count == HTTP_FORWARDED_FIELDS) {
        memmove(fields, fields + 1, (HTTP_FORWARDED_FIELDS - 1) * sizeof *fields);
        request->forwarded_for_count--;
    }
    fields[request->forwarded_for_count++] = value;
    return true;
}

static bool take_credential(struct http_request *request, struct slice *kept, struct slice value)
{
    request->two_credentials = request->two_credentials || (kept->data != NULL && !slice_equal(*kept, value));
    *kept = value;
    return true;
}

static bool take_authorization(struct http_head *head, struct slice value)
{
    return take_credential(head->request, &head->request->authorization, value);
}

static bool take_api_key(struct http_head *head, struct slice value)
{
    return take_credential(head->request, &head->request->api_key, value);
}

/* What becomes of a field: a function judges it, or its value is kept as it is (the last one, if repeated). */
struct field_row {
    bool (*take)(struct http_head *head, struct slice value);
    size_t kept_at;
    const char *once; /* why it must not be repeated; NULL if it may */
};

#define KEPT(member)                                                                                                   \
    {                                                                                                                  \
        .kept_at = offsetof(struct http_request, member)                                                               \
    }

static const struct field_row rows[] = {
    [FIELD_HOST] = { take_host, 0, "Host is given twice" },
    [FIELD_EXPECT] = { take_expect, 0, NULL },
    [FIELD_ORIGIN] = KEPT(origin),
    [FIELD_UPGRADE] = { take_upgrade, 0, NULL },
    [FIELD_API_KEY] = { take_api_key, 0, NULL },
    [FIELD_CONNECTION] = { take_connection, 0, NULL },
    [FIELD_USER_AGENT] = KEPT(user_agent),
    [FIELD_CONTENT_TYPE] = { take_content_type, 0, NULL },
    [FIELD_AUTHORIZATION] = { take_authorization, 0, NULL },
    [FIELD_CONTENT_LENGTH] = { take_length, 0, "Content-Length is given twice" },
    [FIELD_FORWARDED_FOR] = { take_forwarded_for, 0, NULL },
    [FIELD_CONTENT_ENCODING] = { take_content_encoding, 0, NULL },
    [FIELD_TRANSFER_ENCODING] = { take_transfer_encoding, 0, "Transfer-Encoding is given twice" },
    [FIELD_WEBSOCKET_KEY] = { NULL, offsetof(struct http_request, websocket_key), "Sec-WebSocket-Key is given twice" },
    [FIELD_WEBSOCKET_VERSION] = KEPT(websocket_version),
    [FIELD_WEBSOCKET_PROTOCOL] = KEPT(websocket_protocol),
    [FIELD_REQUEST_METHOD] = KEPT(access_control_request_method),
    [FIELD_REQUEST_HEADERS] = KEPT(access_control_request_headers),
};

/* Most values have one space in front, and none behind. */
static inline struct slice trim(struct slice value)
{
    bool usual = value.len > 1 && value.data[0] == ' ' && value.data[1] > ' ' && value.data[value.len - 1] > ' ';
    return usual ? slice_after(value, 1) : slice_trim(value);
}

/* A name that is known is a token. */
static bool is_well_formed(struct http_head *head, enum field field, struct slice name, struct slice value)
{
    if (field == FIELD_NONE && (name.len == 0 || !http_all_in_class(name, CHAR_TOKEN))) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "a header field's name is empty or not a token");
    }
    return http_is_text(value) || http_head_fail(head, ERROR_BAD_REQUEST, "a header field has a control character");
}

bool http_field(struct http_head *head, struct slice name, struct slice value)
{
    enum field field = name.len == 0 ? FIELD_NONE : field_of(name);
    if (!is_well_formed(head, field, name, value)) {
        return false;
    }
    if (field == FIELD_NONE) {
        return true;
    }
    value = trim(value);
    const struct field_row *row = &rows[field];
    if (row->once != NULL && (head->seen & (1u << field))) {
        return http_head_fail(head, ERROR_BAD_REQUEST, row->once);
    }
    head->seen |= 1u << field;
    if (row->take != NULL) {
        return row->take(head, value);
    }
    memcpy((char *)head->request + row->kept_at, &value, sizeof value);
    return true;
}

bool http_fields_end(struct http_head *head)
{
    struct http_request *request = head->request;
    bool modern = request->minor_version == 1;
    if (request->chunked && request->has_length) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "Content-Length beside Transfer-Encoding");
    }
    if (request->chunked && !modern) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
    }
    if (modern && (head->seen & (1u << FIELD_HOST)) == 0) {
        return http_head_fail(head, ERROR_BAD_REQUEST, "Host is missing");
    }
    request->keep_alive = !head->token_close && (modern || head->token_keep_alive);
    request->upgrade_websocket = modern && head->token_upgrade && head->upgrade_websocket;
    request->has_body = request->chunked || request->length > 0;
    return true;
}

bool http_next_field(struct slice *fields, struct slice *name, struct slice *value)
{
    struct slice line;
    if (fields->len == 0 || !slice_split(fields, '\n', &line)) {
        return false;
    }
    slice_split(&line, ':', name);
    *value = slice_trim(slice_make(line.data, line.len - 1)); /* without the CR */
    return true;
}

struct slice http_find_field(struct slice fields, struct slice lower_name)
{
    struct slice name, value;
    while (http_next_field(&fields, &name, &value)) {
        if (slice_equal_nocase(name, lower_name)) {
            return value;
        }
    }
    return (struct slice){ NULL, 0 };
}

struct slice page_field(const struct page_request *request, const char *name)
{
    return http_find_field(request->fields, slice_from_string(name));
}
