/* HTTP/1.1 requests (RFC 9112, 9110): bytes in, verdict out. Pure: no allocation, no log, no write to the input.
 *
 * It refuses whatever two parsers could read differently (smuggling): a space before the colon, a bare LF or CR,
 * obs-fold, Content-Length beside Transfer-Encoding, repeated or malformed lengths, codings other than chunked. It also
 * refuses a missing or repeated Host in HTTP/1.1, control characters, and a chunk size with sign, space or overflow. Fields
 * that nobody needs are skipped. Of those whose value is kept, the last one counts. http_fields.c knows the fields,
 * http_chunked.h the bodies. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "proto/front/encoding.h"
#include "proto/front/http_method.h"
#include "proto/http_syntax/content_type.h"
#include "proto/http_syntax/http_verdict.h"

/* A chain of trusted proxies of which each adds a field of its own may be so long. */
#define HTTP_FORWARDED_FIELDS 4

/* Slices into the input, or empty; an absolute form without a path has "/". Paths have valid escapes, none a NUL. */
struct http_request {
    enum http_method method;
    struct slice method_name;
    struct slice target; /* as sent: origin form, or absolute form reduced to it */
    struct slice path;   /* target before '?' */
    struct slice query;  /* behind '?' */
    int minor_version;   /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool chunked;
    bool has_length;
    uint64_t length;
    bool expect_continue;
    enum encoding encoding;
    enum http_content content;
    struct slice origin;
    struct slice user_agent;
    struct slice forwarded_for[HTTP_FORWARDED_FIELDS]; /* the last X-Forwarded-For fields, as they came */
    size_t forwarded_for_count;
    struct slice access_control_request_method;
    struct slice access_control_request_headers;
    bool upgrade_websocket; /* Upgrade: websocket and Connection: upgrade */
    struct slice websocket_key;
    struct slice websocket_version;
    struct slice websocket_protocol;
    struct slice host;
    struct slice authorization;
    struct slice api_key; /* X-API-Key */
    bool two_credentials; /* one of them came again, and was another */
    struct slice fields;  /* all header lines, each with its end */
    size_t head_length;   /* bytes up to and with the empty line */
    bool has_body;        /* chunked, or length > 0 */
};

/* Parses the head of the request at the front of `in`. `max_head` bounds request line and fields together.
 * HTTP_BAD: *error is what to answer (400, 414, 417, 431, 501, 505), then close; *reason a short static text. An
 * incomplete head over the limit is HTTP_BAD as well. Any prefix of a head that is HTTP_DONE is HTTP_PARTIAL; a bad one
 * may be found bad before it is whole. One empty line in front is skipped, and counted in head_length. */
enum http_verdict http_parse_head(struct slice in, size_t max_head, struct http_request *request, enum error *error,
                                  const char **reason);

/* The next line of `fields` of a head that is HTTP_DONE, its value trimmed. False: there is no more. */
bool http_next_field(struct slice *fields, struct slice *name, struct slice *value);

/* The value of the first field of this name, in lower case; data is NULL: there is none. */
struct slice http_find_field(struct slice fields, struct slice lower_name);
