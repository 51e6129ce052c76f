/* Raw requests and what becomes of them: one table for the unit test, for the comparison with nginx, and as seeds of
 * the fuzzer. */
#pragma once

#include "proto/http_syntax/http_chunked.h"
#include "proto/http_syntax/http_parse.h"

#define CASE_MAX_HEAD 8192
#define CASE_MAX_BODY (1u << 20)

/* Statuses of a case beside those of error_info. */
#define STATUS_DONE 200
#define STATUS_PARTIAL 0

struct http_case {
    const char *name;
    struct slice raw;
    int status;
    const char *stricter; /* nginx takes it; why we do not. NULL: same verdict */
};

/* Head and body together, as a server would read them. */
static inline int http_case_status(struct slice raw)
{
    struct http_request request;
    enum error error = OK;
    const char *reason = NULL;
    enum http_verdict verdict = http_parse_head(raw, CASE_MAX_HEAD, &request, &error, &reason);
    struct slice rest = verdict == HTTP_DONE ? slice_after(raw, request.head_length) : (struct slice){ NULL, 0 };
    if (verdict == HTTP_DONE && request.chunked) {
        struct http_chunked chunked = { 0 };
        struct buf body = { 0 };
        size_t used;
        verdict = http_parse_chunked(&chunked, rest, CASE_MAX_BODY, &body, &used, &error);
        buf_release(&body);
    } else if (verdict == HTTP_DONE && request.length > CASE_MAX_BODY) {
        verdict = HTTP_BAD;
        error = ERROR_BODY_TOO_LARGE;
    } else if (verdict == HTTP_DONE && request.length > rest.len) {
        verdict = HTTP_PARTIAL;
    }
    return verdict == HTTP_BAD ? error_info(error)->http_status : verdict == HTTP_DONE ? STATUS_DONE : STATUS_PARTIAL;
}

#define CASE(name, raw, status, stricter)                                                                              \
    {                                                                                                                  \
        name, { raw, sizeof(raw) - 1 }, status, stricter                                                               \
    }
#define SAME(name, raw, status) CASE(name, raw, status, NULL)
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST /events HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct http_case http_cases[] = {
    /* requests as they should be */
    SAME("plain", GET "\r\n", 200),
    SAME("no space behind colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", 200),
    SAME("tabs and spaces around value", GET "X: \t a \t \r\n\r\n", 200),
    SAME("field name in any case", "GET / HTTP/1.1\r\nhOSt: a\r\n\r\n", 200),
    SAME("empty value", GET "X-Empty:\r\n\r\n", 200),
    SAME("utf-8 in a value", GET "User-Agent: gr\xc3\xbc\xc3\x9f\r\n\r\n", 200),
    SAME("host with port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", 200),
    SAME("host is an ipv6 literal", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200),
    SAME("one empty line first", "\r\n" GET "\r\n", 200),
    SAME("http/1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200),
    SAME("http/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    SAME("head", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    SAME("unknown method that is a token", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    SAME("query", "GET /a/b?c=d&e=%20 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    SAME("escape in the path", "GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    SAME("absolute form", "GET http://b/x?y HTTP/1.1\r\nHost: b\r\n\r\n", 200),
    SAME("absolute form without path", "GET http://b HTTP/1.1\r\nHost: b\r\n\r\n", 200),
    SAME("absolute form, scheme in capitals", "GET HTTP://b/ HTTP/1.1\r\nHost: b\r\n\r\n", 200),
    SAME("connection list", GET "Connection: keep-alive, TE\r\n\r\n", 200),
    SAME("post with length", POST "Content-Length: 2\r\n\r\n{}", 200),
    SAME("post with length 0", POST "Content-Length: 0\r\n\r\n", 200),
    SAME("length with leading zeros", POST "Content-Length: 002\r\n\r\n{}", 200),
    SAME("post without length has no body", POST "\r\n", 200),
    SAME("get with a body", GET "Content-Length: 2\r\n\r\n{}", 200),
    SAME("bytes behind belong to the next", POST "Content-Length: 2\r\n\r\n{}" GET "\r\n", 200),
    SAME("expect continue", POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", 200),
    SAME("chunked", CHUNKED "2\r\n{}\r\n0\r\n\r\n", 200),
    SAME("chunked in capitals", POST "Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200),
    SAME("chunked, no data", CHUNKED "0\r\n\r\n", 200),
    SAME("chunk size with leading zeros", CHUNKED "0002\r\n{}\r\n000\r\n\r\n", 200),
    SAME("chunk size in hex", CHUNKED "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", 200),
    SAME("chunk extension", CHUNKED "2;a=b;c\r\n{}\r\n0;d\r\n\r\n", 200),
    SAME("trailers", CHUNKED "2\r\n{}\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", 200),
    SAME("chunked, then the next request", CHUNKED "0\r\n\r\n" GET "\r\n", 200),

    /* not yet whole */
    SAME("half a request line", "GET / HT", 0),
    SAME("head without its empty line", GET, 0),
    SAME("half a body", POST "Content-Length: 4\r\n\r\n{}", 0),
    SAME("chunked, last chunk missing", CHUNKED "2\r\n{}\r\n", 0),
    SAME("chunked, half a size", CHUNKED "2", 0),
    SAME("chunked, end of trailers missing", CHUNKED "0\r\nX: y\r\n", 0),

    /* the request line */
    SAME("tls instead of http", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    CASE("no version", "GET /\r\nHost: a\r\n\r\n", 400, "nginx takes it for HTTP/0.9"),
    SAME("http/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    SAME("http/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    SAME("version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("version with letters behind", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400),
    SAME("version without minor", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400),
    CASE("http/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "nobody speaks it"),
    CASE("http/1.01", "GET / HTTP/1.01\r\nHost: a\r\n\r\n", 400, "a version is two digits"),
    CASE("http/0.9", "GET /\r\n", 400, "HTTP/0.9 has no fields, no status, no end"),
    CASE("two spaces before target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "one space each, RFC 9112, 3"),
    CASE("two spaces before version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, "one space each, RFC 9112, 3"),
    CASE("space behind version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "one space each, RFC 9112, 3"),
    SAME("tab instead of space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("space before method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("method with a colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400),
    SAME("asterisk with get", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("control character in target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("nul in target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("delete in target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    CASE("raw utf-8 in target", "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 400, "RFC 3986 has it percent-encoded"),
    CASE("fragment in target", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "a fragment is never sent"),
    SAME("half an escape in the path", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("bad escape in the path", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("escaped nul in the path", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("absolute form without host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    SAME("absolute form of another scheme", "GET ftp:/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    CASE("absolute form, other scheme", "GET ftp://b/x HTTP/1.1\r\nHost: b\r\n\r\n", 400, "this is no proxy"),
    SAME("absolute form with user", "GET http://u@b/x HTTP/1.1\r\nHost: b\r\n\r\n", 400),
    CASE("two empty lines first", "\r\n\r\n" GET "\r\n", 400, "RFC 9112, 2.2 asks for one to be ignored"),
    CASE("empty line of a bare lf first", "\n" GET "\r\n", 400, "a bare LF ends no line"),
    CASE("request line ends in bare lf", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "a bare LF ends no line"),
    SAME("bare cr in the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),

    /* fields */
    CASE("field ends in bare lf", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "a bare LF ends no line"),
    CASE("head ends in bare lf", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "a bare LF ends no line"),
    SAME("bare cr in a value", GET "X: a\rb\r\n\r\n", 400),
    SAME("nul in a value", GET "X: a\0b\r\n\r\n", 400),
    CASE("control character in a value",
         GET "X: a\x01"
             "b\r\n\r\n",
         400, "no control characters, RFC 9110, 5.5"),
    CASE("delete in a value",
         GET "X: a\x7f"
             "bcdefgh\r\n\r\n",
         400, "no control characters, RFC 9110, 5.5"),
    SAME("space before colon", GET "X : y\r\n\r\n", 400),
    SAME("tab before colon", GET "X\t: y\r\n\r\n", 400),
    SAME("space before the length's colon", POST "Content-Length : 2\r\n\r\n{}", 400),
    SAME("folded field", GET "X: a\r\n b\r\n\r\n", 400),
    SAME("folded with a tab", GET "X: a\r\n\tb\r\n\r\n", 400),
    SAME("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    CASE("no colon", GET "Nonsense\r\n\r\n", 400, "nginx drops the line; another may fold it"),
    SAME("empty name", GET ": x\r\n\r\n", 400),
    CASE("name with a quote", GET "a\"b: x\r\n\r\n", 400, "a name is a token, RFC 9110, 5.1"),
    CASE("name with utf-8", GET "gr\xc3\xbc: x\r\n\r\n", 400, "a name is a token, RFC 9110, 5.1"),
    SAME("nul in a name", GET "a\0b: x\r\n\r\n", 400),

    /* Host */
    SAME("host missing", "GET / HTTP/1.1\r\n\r\n", 400),
    SAME("host missing, absolute form", "GET http://b/ HTTP/1.1\r\n\r\n", 400),
    SAME("host twice", GET "Host: a\r\n\r\n", 400),
    SAME("host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    SAME("host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    CASE("host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "a host has no user"),
    CASE("list of hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "two fields folded into one by a proxy"),
    SAME("host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),

    /* framing and smuggling */
    SAME("length beside chunked", POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    SAME("chunked beside length", POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400),
    SAME("differing lengths", POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    SAME("equal lengths", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    SAME("list of lengths", POST "Content-Length: 2, 2\r\n\r\n{}", 400),
    SAME("length with plus", POST "Content-Length: +2\r\n\r\n{}", 400),
    SAME("length with minus", POST "Content-Length: -2\r\n\r\n{}", 400),
    SAME("length in hex", POST "Content-Length: 0x2\r\n\r\n{}", 400),
    SAME("length with a fraction", POST "Content-Length: 2.0\r\n\r\n{}", 400),
    SAME("length in words", POST "Content-Length: two\r\n\r\n{}", 400),
    SAME("length empty", POST "Content-Length:\r\n\r\n", 400),
    SAME("length with inner space", POST "Content-Length: 1 2\r\n\r\n{}", 400),
    SAME("length of 2^63", POST "Content-Length: 9223372036854775808\r\n\r\n{}", 400),
    SAME("length of 2^64", POST "Content-Length: 18446744073709551616\r\n\r\n{}", 400),
    SAME("length over the limit", POST "Content-Length: 1048577\r\n\r\n{}", 413),
    SAME("chunked in http/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    SAME("chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    SAME("list of chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    SAME("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    SAME("chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    SAME("identity", POST "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", 501),
    SAME("coding that only looks like chunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    SAME("chunked behind a vertical tab",
         POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
         400),
    SAME("chunked with a parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 501),
    SAME("coding empty", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 501),
    CASE("another expectation", POST "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417, "RFC 9110, 10.1.1"),

    /* chunks */
    SAME("chunk size with plus", CHUNKED "+2\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size with minus", CHUNKED "-2\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size with 0x", CHUNKED "0x2\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size empty", CHUNKED "\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size only an extension", CHUNKED ";a\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size not hex", CHUNKED "g\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size of 2^64", CHUNKED "10000000000000000\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size that wraps to 2", CHUNKED "10000000000000002\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk size over the limit", CHUNKED "100001\r\n{}\r\n0\r\n\r\n", 413),
    SAME("space before chunk size", CHUNKED " 2\r\n{}\r\n0\r\n\r\n", 400),
    CASE("space behind chunk size", CHUNKED "2 \r\n{}\r\n0\r\n\r\n", 400, "not in the grammar, RFC 9112, 7.1"),
    CASE("space before extension", CHUNKED "2 ;a\r\n{}\r\n0\r\n\r\n", 400, "bad white space, RFC 9112, 7.1.1"),
    CASE("chunk size ends in bare lf", CHUNKED "2\n{}\r\n0\r\n\r\n", 400, "a bare LF ends no line"),
    CASE("bare lf in an extension", CHUNKED "2;a\n{}\r\n0\r\n\r\n", 400, "a bare LF ends no line"),
    SAME("bare cr in an extension", CHUNKED "2;a\rb\r\n{}\r\n0\r\n\r\n", 400),
    CASE("chunk ends in bare lf", CHUNKED "2\r\n{}\n0\r\n\r\n", 400, "a bare LF ends no line"),
    SAME("chunk longer than its size", CHUNKED "1\r\n{}\r\n0\r\n\r\n", 400),
    CASE("chunk ends amid cr lf", CHUNKED "3\r\n{}\r\n0\r\n\r\n", 400, "a bare LF ends no line"),
    SAME("chunk shorter than its size", CHUNKED "4\r\n{}\r\n0\r\n\r\n", 400),
    SAME("chunk without its line end", CHUNKED "2\r\n{}0\r\n\r\n", 400),
    CASE("chunked body ends in bare lf", CHUNKED "0\r\n\n", 400, "a bare LF ends no line"),
    CASE("trailer without colon", CHUNKED "0\r\nNonsense\r\n\r\n", 400, "a trailer is a field"),
    CASE("trailer with space before colon", CHUNKED "0\r\nX : y\r\n\r\n", 400, "a trailer is a field"),
    CASE("trailer folded", CHUNKED "0\r\nX: y\r\n z\r\n\r\n", 400, "a trailer is a field"),
    CASE("trailer ends in bare lf", CHUNKED "0\r\nX: y\n\r\n", 400, "a bare LF ends no line"),
};

#undef GET
#undef POST
#undef CHUNKED
