/* Turns the outcome of a request into the bytes of an HTTP/1.1 reply. */
#include "proto/http_syntax/http_reply.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "event/event_id.h"
#include "proto/front/page.h"
#include "proto/http_syntax/http_chars.h"

#include <stdio.h>
#include <time.h>

#define STATUS_LIST(X)                                                                                                 \
    X(200, "OK")                                                                                                       \
    X(201, "Created")                                                                                                  \
    X(202, "Accepted")                                                                                                 \
    X(204, "No Content")                                                                                               \
    X(206, "Partial Content")                                                                                          \
    X(301, "Moved Permanently")                                                                                        \
    X(302, "Found")                                                                                                    \
    X(303, "See Other")                                                                                                \
    X(304, "Not Modified")                                                                                             \
    X(307, "Temporary Redirect")                                                                                       \
    X(308, "Permanent Redirect")                                                                                       \
    X(400, "Bad Request")                                                                                              \
    X(401, "Unauthorized")                                                                                             \
    X(403, "Forbidden")                                                                                                \
    X(404, "Not Found")                                                                                                \
    X(405, "Method Not Allowed")                                                                                       \
    X(408, "Request Timeout")                                                                                          \
    X(409, "Conflict")                                                                                                 \
    X(410, "Gone")                                                                                                     \
    X(413, "Content Too Large")                                                                                        \
    X(414, "URI Too Long")                                                                                             \
    X(415, "Unsupported Media Type")                                                                                   \
    X(416, "Range Not Satisfiable")                                                                                    \
    X(417, "Expectation Failed")                                                                                       \
    X(421, "Misdirected Request")                                                                                      \
    X(422, "Unprocessable Content")                                                                                    \
    X(426, "Upgrade Required")                                                                                         \
    X(429, "Too Many Requests")                                                                                        \
    X(431, "Request Header Fields Too Large")                                                                          \
    X(500, "Internal Server Error")                                                                                    \
    X(501, "Not Implemented")                                                                                          \
    X(502, "Bad Gateway")                                                                                              \
    X(503, "Service Unavailable")                                                                                      \
    X(504, "Gateway Timeout")                                                                                          \
    X(505, "HTTP Version Not Supported")

static const struct {
    int status;
    struct slice line;
    struct slice title;
} statuses[] = {
#define X(status, title)                                                                                               \
    { status,                                                                                                          \
      { "HTTP/1.1 " #status " " title "\r\n", sizeof("HTTP/1.1 " #status " " title "\r\n") - 1 },                      \
      { title, sizeof(title) - 1 } },
    STATUS_LIST(X)
#undef X
};

static const struct slice method_names[] = {
    [HTTP_GET] = { "GET", 3 },     [HTTP_HEAD] = { "HEAD", 4 },     [HTTP_POST] = { "POST", 4 },
    [HTTP_PUT] = { "PUT", 3 },     [HTTP_DELETE] = { "DELETE", 6 }, [HTTP_OPTIONS] = { "OPTIONS", 7 },
    [HTTP_PATCH] = { "PATCH", 5 },
};

static void append_number(struct buf *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    buf_append(out, digits + at, sizeof digits - at);
}

/* Of a status that has no name of its own that of its class (RFC 9110, 15). */
struct slice http_reply_title(int status)
{
    static const struct slice classes[] = {
        { "Informational", 13 }, { "Success", 7 }, { "Redirection", 11 }, { "Client Error", 12 }, { "Server Error", 12 }
    };
    ASSERT(status >= 100 && status <= 599);
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (statuses[i].status == status) {
            return statuses[i].title;
        }
    }
    return classes[status / 100 - 1];
}

static void append_status(struct buf *out, int status)
{
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (statuses[i].status == status) {
            buf_append_slice(out, statuses[i].line);
            return;
        }
    }
    buf_append_slice(out, SLICE("HTTP/1.1 "));
    append_number(out, (uint64_t)status);
    buf_append_byte(out, ' ');
    buf_append_slice(out, http_reply_title(status));
    buf_append_slice(out, SLICE("\r\n"));
}

static void append_methods(struct buf *out, struct slice name, unsigned methods)
{
    bool first = true;
    buf_append_slice(out, name);
    for (size_t i = 0; i < ARRAY_LENGTH(method_names); i++) {
        if ((methods & METHOD_BIT(i)) != 0) {
            buf_append_slice(out, first ? SLICE("") : SLICE(", "));
            buf_append_slice(out, method_names[i]);
            first = false;
        }
    }
    buf_append_slice(out, SLICE("\r\n"));
}

static void append_field(struct buf *out, struct slice name, struct slice value)
{
    buf_append_slice(out, name);
    buf_append_slice(out, value);
    buf_append_slice(out, SLICE("\r\n"));
}

/* Tracing adds fields to the requests of a page that knows nothing of them. */
static struct slice allowed_headers(const struct http_reply *reply)
{
    return reply->asked_headers.len != 0 ? reply->asked_headers
                                         : SLICE("Content-Type, Content-Encoding, Authorization, X-API-Key");
}

static void append_cors(struct buf *out, const struct http_reply *reply)
{
    append_field(out, SLICE("Access-Control-Allow-Origin: "), reply->origin);
    buf_append_slice(out, SLICE("Access-Control-Expose-Headers: Retry-After, Allow, Date"));
    if (reply->limits.len != 0) {
        buf_append_slice(out, SLICE(", RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, "
                                    "X-RateLimit-Reset"));
    }
    buf_append_slice(out, SLICE("\r\n"));
    if (reply->preflight) {
        append_methods(out, SLICE("Access-Control-Allow-Methods: "), reply->allow);
        append_field(out, SLICE("Access-Control-Allow-Headers: "), allowed_headers(reply));
        buf_append_slice(out, SLICE("Access-Control-Max-Age: 86400\r\n"));
    }
}

/* What the status itself asks for (RFC 9110, 10.2.3, 11.6.1 and 15.5.22; RFC 6455, 4.4). */
static void append_status_fields(struct buf *out, const struct http_reply *reply)
{
    int status = reply->status;
    if (status == 401) {
        buf_append_slice(out, SLICE("WWW-Authenticate: Bearer realm=\"sluice\"\r\n"));
        buf_append_slice(out, reply->asks_people
                                  ? SLICE("WWW-Authenticate: Basic realm=\"sluice: the key is the user\"\r\n")
                                  : SLICE(""));
    } else if (status == 503 || status == 429) {
        int64_t seconds = (reply->retry_after_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
        buf_append_slice(out, SLICE("Retry-After: "));
        append_number(out, seconds > 0 ? (uint64_t)seconds : 1);
        buf_append_slice(out, SLICE("\r\n"));
    } else if (status == 426) {
        buf_append_slice(out, SLICE("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"));
    }
}

static bool is_line(struct slice line)
{
    const char *colon = line.len == 0 ? NULL : memchr(line.data, ':', line.len);
    return colon != NULL && colon != line.data && line.data[line.len - 1] == '\r' &&
           http_all_in_class(slice_make(line.data, (size_t)(colon - line.data)), CHAR_TOKEN) &&
           http_is_text(slice_make(line.data, line.len - 1));
}

bool http_reply_are_lines(struct slice lines)
{
    struct slice line;
    bool ends = lines.len == 0 || lines.data[lines.len - 1] == '\n';
    while (lines.len != 0 && slice_split(&lines, '\n', &line)) {
        if (!is_line(line)) {
            return false;
        }
    }
    return ends;
}

/* Those that the server, or the page itself, writes. */
bool page_header_is_free(const char *name)
{
    static const char *const taken[] = { "content-type", "content-length",    "date",          "connection",
                                         "keep-alive",   "transfer-encoding", "content-range", "accept-ranges",
                                         "etag",         "last-modified" };
    for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
        if (slice_equal_nocase(slice_from_string(name), slice_from_string(taken[i]))) {
            return false;
        }
    }
    return name[0] != '\0' && http_all_in_class(slice_from_string(name), CHAR_TOKEN);
}

void page_header(struct page_reply *reply, const char *name, struct slice value)
{
    size_t len = 0;
    while (len < value.len && http_is_text(slice_make(value.data + len, 1))) {
        len++;
    }
    buf_append_string(&reply->headers, name);
    append_field(&reply->headers, SLICE(": "), slice_make(value.data, len));
}

void http_reply_write(struct buf *out, const struct http_reply *reply, struct slice date, struct slice body)
{
    append_status(out, reply->status);
    buf_append_slice(out, date);
    if (reply->content_type != NULL) {
        append_field(out, SLICE("Content-Type: "), slice_from_string(reply->content_type));
    }
    bool bodiless = reply->status == 204 || reply->status == 304;
    if (!bodiless && !reply->endless) {
        buf_append_slice(out, SLICE("Content-Length: "));
        append_number(out, reply->head_only && reply->length != 0 ? reply->length : body.len);
        buf_append_slice(out, SLICE("\r\n"));
    }
    buf_append_slice(out, reply->headers);
    if (reply->allow != 0) {
        append_methods(out, SLICE("Allow: "), reply->allow);
    }
    buf_append_slice(out, reply->limits);
    if (reply->hsts.len != 0) {
        buf_append_slice(out, reply->hsts);
    }
    append_status_fields(out, reply);
    if (reply->accepts != NULL) {
        buf_append_string(out, reply->accepts);
    }
    if (reply->cache_control != NULL) {
        append_field(out, SLICE("Cache-Control: "), slice_from_string(reply->cache_control));
    }
    if (reply->origin.len != 0) {
        append_cors(out, reply);
    }
    if (reply->vary_origin) {
        buf_append_slice(out, SLICE("Vary: Origin\r\n"));
    }
    if (reply->close) {
        buf_append_slice(out, SLICE("Connection: close\r\n"));
    } else {
        buf_append_slice(out, reply->keep_alive);
    }
    buf_append_slice(out, SLICE("\r\n"));
    if (!reply->head_only && !bodiless) {
        buf_append_slice(out, body);
    }
}

size_t http_reply_date(char out[HTTP_DATE_LINE], int64_t wall_ns)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    char line[64];
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    int len = snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday],
                       utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    if (len <= 0 || len > HTTP_DATE_LINE) {
        return 0;
    }
    memcpy(out, line, (size_t)len);
    return (size_t)len;
}

/* How long a request may be on its way: a quarter of the time-out, but a second at least, and five are enough. */
static int64_t margin_ns(int64_t idle_timeout_ns)
{
    int64_t quarter_ns = idle_timeout_ns / 4, most_ns = 5 * NS_PER_SECOND;
    return quarter_ns < NS_PER_SECOND ? NS_PER_SECOND : quarter_ns < most_ns ? quarter_ns : most_ns;
}

size_t http_reply_keep_alive(char out[HTTP_KEEP_ALIVE_LINES], int64_t idle_timeout_ns)
{
    int64_t seconds = (idle_timeout_ns - margin_ns(idle_timeout_ns)) / NS_PER_SECOND;
    const char *connection = "Connection: keep-alive\r\n";
    int len = seconds > 0 ? snprintf(out, HTTP_KEEP_ALIVE_LINES, "%sKeep-Alive: timeout=%lld\r\n", connection,
                                     (long long)seconds)
                          : snprintf(out, HTTP_KEEP_ALIVE_LINES, "%s", connection);
    return (size_t)len;
}

void http_reply_problem(struct buf *out, enum error error, struct slice detail, struct slice errors)
{
    const struct error_info *info = error_info(error);
    buf_append_slice(out, SLICE("{\"type\":\"about:blank\",\"title\":\""));
    buf_append_slice(out, http_reply_title(info->http_status));
    buf_append_slice(out, SLICE("\",\"status\":"));
    append_number(out, (uint64_t)info->http_status);
    buf_append_slice(out, SLICE(",\"code\":\""));
    buf_append_string(out, info->code);
    buf_append_slice(out, SLICE("\",\"detail\":"));
    buf_append_json_string(out, detail.len != 0 ? detail : slice_from_string(info->text));
    if (errors.len != 0) {
        buf_append_slice(out, SLICE(",\"errors\":["));
        buf_append_slice(out, errors);
        buf_append_byte(out, ']');
    }
    buf_append_slice(out, SLICE("}\n"));
}

void page_problem(struct page_reply *reply, enum error error, struct slice detail, struct slice errors)
{
    buf_clear(&reply->body);
    buf_clear(&reply->headers);
    reply->status = error_info(error)->http_status;
    reply->content_type = HTTP_PROBLEM_TYPE;
    reply->cache_control = NULL;
    reply->length = 0;
    http_reply_problem(&reply->body, error, detail, errors);
}

void http_reply_one(struct buf *out, const struct event_id *id, const char *status, bool of_client)
{
    char text[EVENT_ID_TEXT];
    buf_append_byte(out, '{');
    if (!event_id_is_zero(id)) {
        event_id_format(id, text);
        buf_append_slice(out, SLICE("\"id\":\""));
        buf_append(out, text, sizeof text);
        buf_append_slice(out, SLICE("\","));
    }
    buf_append_slice(out, SLICE("\"status\":\""));
    buf_append_string(out, status);
    if (!of_client && event_id_is_made_up(id)) {
        buf_append_slice(out, SLICE("\",\"stable_id\":false"));
    } else {
        buf_append_byte(out, '"');
    }
    buf_append_slice(out, SLICE("}\n"));
}

void http_reply_many(struct buf *out, struct http_counts counts, struct slice lists)
{
    buf_append_byte(out, '{');
    if (counts.accepted == 0 && counts.duplicate == 0) {
        buf_append_slice(out, SLICE("\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                                    "\"detail\":\"every event was rejected, see errors\","));
    }
    buf_append_slice(out, SLICE("\"accepted\":"));
    append_number(out, counts.accepted);
    buf_append_slice(out, SLICE(",\"duplicate\":"));
    append_number(out, counts.duplicate);
    buf_append_slice(out, SLICE(",\"rejected\":"));
    append_number(out, counts.rejected);
    buf_append_slice(out, lists);
    buf_append_slice(out, SLICE("}\n"));
}

static void append_ids(struct buf *out, struct slice ids, bool of_clients)
{
    size_t count = ids.len / sizeof(struct event_id);
    uint32_t made_up = 0;
    buf_append_slice(out, SLICE(",\"ids\":["));
    if (!buf_reserve(out, count * (EVENT_ID_TEXT + 3) + 16)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct event_id id;
        memcpy(&id, ids.data + i * sizeof id, sizeof id);
        made_up += !of_clients && event_id_is_made_up(&id);
        buf_append_slice(out, i == 0 ? SLICE("") : SLICE(","));
        if (event_id_is_zero(&id)) {
            buf_append_slice(out, SLICE("null"));
            continue;
        }
        char text[EVENT_ID_TEXT + 2];
        text[0] = text[sizeof text - 1] = '"';
        event_id_format(&id, text + 1);
        buf_append(out, text, sizeof text);
    }
    buf_append_byte(out, ']');
    if (made_up != 0) {
        buf_append_slice(out, SLICE(",\"without_stable_id\":"));
        append_number(out, made_up);
    }
}

void http_reply_lists(struct buf *out, struct slice ids, bool of_clients, struct slice errors)
{
    if (ids.data != NULL) {
        append_ids(out, ids, of_clients);
    }
    buf_append_slice(out, SLICE(",\"errors\":["));
    buf_append_slice(out, errors);
    buf_append_byte(out, ']');
}

int http_reply_many_status(struct http_counts counts, bool stored)
{
    if (counts.accepted != 0) {
        return stored ? 200 : 202;
    }
    return counts.duplicate != 0 ? 200 : 400;
}
