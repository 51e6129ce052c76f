/* Turns a payload's bytes into a tape, by simdjson. */
#include <charconv>
#include <new>
#include <simdjson.h>

/* error_info is a struct and a function: fine in C, a shadowed constructor in C++. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "pipeline/json/json.h"
}
#pragma GCC diagnostic pop

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "payloads must be padded as simdjson needs");

static constexpr size_t smallest_capacity = size_t{ 1 } << 16;
/* A parser may keep this much, which is some 14 times as many bytes of memory. */
static constexpr size_t kept_capacity = size_t{ 1 } << 20;

struct json_parser {
    simdjson::dom::parser dom;
    size_t largest = 0; /* text since it was last shed */
};

struct json_parser *json_parser_new(void)
{
    return new (std::nothrow) json_parser;
}

void json_parser_free(struct json_parser *parser)
{
    delete parser;
}

/* Capacities are powers of two, so that growing texts do not reallocate each time. */
static bool fit_capacity(struct json_parser *parser, size_t len)
{
    size_t now = parser->dom.capacity();
    parser->largest = len > parser->largest ? len : parser->largest;
    if (now >= len && now != 0) {
        return true;
    }
    size_t wanted = smallest_capacity;
    while (wanted < len) {
        wanted *= 2;
    }
    return parser->dom.allocate(wanted, JSON_MAX_DEPTH) == simdjson::SUCCESS &&
           parser->dom.doc.allocate(wanted) == simdjson::SUCCESS;
}

bool json_parser_shed(struct json_parser *parser)
{
    bool large = parser->dom.capacity() > kept_capacity;
    if (large && parser->largest <= parser->dom.capacity() / 4) {
        parser->dom.~parser();
        new (&parser->dom) simdjson::dom::parser;
        large = false;
    }
    parser->largest = 0;
    return large;
}

enum error json_parse(struct json_parser *parser, struct slice text, struct json_document *document)
{
    if (!fit_capacity(parser, text.len)) {
        return ERROR_OUT_OF_MEMORY;
    }
    switch (parser->dom.parse(text.data, text.len, false).error()) {
    case simdjson::SUCCESS: break;
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY: return ERROR_OUT_OF_MEMORY;
    case simdjson::DEPTH_ERROR: return ERROR_TOO_DEEP;
    default: return ERROR_INVALID_JSON;
    }
    document->tape = parser->dom.doc.tape.get();
    document->strings = reinterpret_cast<const char *>(parser->dom.doc.string_buf.get());
    return OK;
}

void json_mark_numbers(struct json_parser *parser, const uint32_t *strings, size_t count)
{
    const uint64_t payload = 0x00FFFFFFFFFFFFFFu;
    uint64_t *tape = parser->dom.doc.tape.get();
    uint64_t end = tape[0] & payload;
    uint32_t string = 0;
    for (uint64_t at = JSON_ROOT; at < end && count != 0; at++) {
        auto type = static_cast<char>(tape[at] >> 56);
        at += type == 'l' || type == 'u' || type == 'd';
        if (type == '"' && string++ == *strings) {
            tape[at] = (tape[at] & payload) | static_cast<uint64_t>(JSON_LARGE_NUMBER) << 56;
            strings++;
            count--;
        }
    }
}

/* Amounts and the like: what n / 10^4 gives exactly, with n below 2^53, reads back from those digits; five times as
 * fast. 0 if it is not such a number. */
static size_t format_short(double value, char out[32])
{
    double scaled = value * 1e4;
    if (!(scaled > -1e15 && scaled < 1e15) || value == 0) {
        return 0;
    }
    auto n = static_cast<int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if (static_cast<double>(n) / 1e4 != value) {
        return 0;
    }
    uint64_t size = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    char *at = out;
    if (n < 0) {
        *at++ = '-';
    }
    at = std::to_chars(at, out + 32, size / 10000).ptr;
    auto fraction = static_cast<unsigned>(size % 10000);
    if (fraction == 0) {
        return static_cast<size_t>(at - out);
    }
    *at++ = '.';
    for (unsigned unit = 1000; fraction != 0; unit /= 10) {
        *at++ = static_cast<char>('0' + fraction / unit);
        fraction %= unit;
    }
    return static_cast<size_t>(at - out);
}

size_t json_format_double(double value, char out[32])
{
    size_t len = format_short(value, out);
    return len != 0 ? len : static_cast<size_t>(std::to_chars(out, out + 32, value).ptr - out);
}

bool json_is_utf8(struct slice text)
{
    return simdjson::validate_utf8(text.data, text.len);
}
