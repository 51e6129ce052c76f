/* Turns the table of errors into responses. */
#include "proto/openapi/openapi_errors.h"

#include "base/assert.h"
#include "proto/http_syntax/http_reply.h"
#include "proto/openapi/json_out.h"

#include <stdio.h>

#define OF(kind) (1u << (kind))
#define OF_ALL (OF(OPENAPI_EVENTS) | OF(OPENAPI_REPLY) | OF(OPENAPI_QUERY) | OF(OPENAPI_PAGE) | OF(OPENAPI_LIVE))
#define OF_NONE (1u << 31)

/* Who may be answered so; what is not listed belongs to events alone. */
static const unsigned operations_of[ERROR_COUNT] = {
    [OK] = OF_NONE,
    [ERROR_BAD_REQUEST] = OF_ALL,
    [ERROR_NOT_FOUND] = OF_ALL,
    [ERROR_NOT_SERVED_HERE] = OF_ALL,
    [ERROR_METHOD_NOT_ALLOWED] = OF_ALL,
    [ERROR_TIMEOUT] = OF_ALL,
    [ERROR_BODY_TOO_LARGE] = OF_ALL,
    [ERROR_URI_TOO_LONG] = OF_ALL,
    [ERROR_EXPECTATION_FAILED] = OF_ALL,
    [ERROR_TOO_MANY_REQUESTS] = OF_ALL,
    [ERROR_HEADERS_TOO_LARGE] = OF_ALL,
    [ERROR_NOT_IMPLEMENTED] = OF_ALL,
    [ERROR_HTTP_VERSION] = OF_ALL,
    [ERROR_HOST_NOT_ALLOWED] = OF_ALL,
    [ERROR_TOO_MANY_OF_ADDRESS] = OF_ALL,
    [ERROR_RECEIVING_FULL] = OF_ALL,
    [ERROR_REPLYING_FULL] = OF_ALL,
    [ERROR_STARTING] = OF_ALL,
    [ERROR_DRAINING] = OF_ALL,
    [ERROR_OUT_OF_MEMORY] = OF_ALL,
    [ERROR_INTERNAL] = OF_ALL,
    [ERROR_ORIGIN_NOT_ALLOWED] = OF_NONE,
    [ERROR_KEY_MISSING] = OF_ALL,
    [ERROR_KEY_MALFORMED] = OF_ALL,
    [ERROR_KEY_UNKNOWN] = OF_ALL,
    [ERROR_KEY_EXPIRED] = OF_ALL,
    [ERROR_KEY_DISABLED] = OF_ALL,
    [ERROR_KEY_ORIGIN] = OF_ALL,
    [ERROR_SCOPE_MISSING] = OF_ALL,
    [ERROR_ADDRESS_NOT_ALLOWED] = OF_NONE, /* of datagrams */
    [ERROR_BAD_SIGNATURE] = OF_NONE,
    [ERROR_SIGNATURE_TIME] = OF_NONE,
    [ERROR_REPLAYED] = OF_NONE,
    [ERROR_UPGRADE_REQUIRED] = OF_NONE,
    [ERROR_TOO_MANY_WEBSOCKETS] = OF_NONE,
    [ERROR_TOO_MANY_VIEWERS] = OF(OPENAPI_LIVE),
    [ERROR_UNKNOWN_STREAM] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY) | OF(OPENAPI_LIVE),
    [ERROR_STREAM_FORBIDDEN] = OF(OPENAPI_EVENTS) | OF(OPENAPI_LIVE),
    [ERROR_BAD_ARGUMENT] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY) | OF(OPENAPI_LIVE),
    [ERROR_MISSING_FIELD] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_WRONG_TYPE] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_OUT_OF_RANGE] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_TOO_LONG] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_TOO_SHORT] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_NOT_ALLOWED] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_INVALID_VALUE] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_TIME_TOO_OLD] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_TIME_TOO_NEW] = OF(OPENAPI_EVENTS) | OF(OPENAPI_QUERY),
    [ERROR_STORE_UNAVAILABLE] = OF(OPENAPI_QUERY),
    [ERROR_STORE_FAILED] = OF(OPENAPI_QUERY),
    [ERROR_BAD_FRAME] = OF_NONE, /* of the messages of WebSockets and of datagrams */
    [ERROR_INVALID_UTF8] = OF_NONE,
    [ERROR_UNSUPPORTED_DATA] = OF_NONE,
    [ERROR_MESSAGE_TOO_LARGE] = OF_NONE,
    [ERROR_TRUNCATED] = OF_NONE,
    [ERROR_CONNECTION_CLOSED] = OF_NONE,
};

static const char *const kind_names[] = {
    [OPENAPI_EVENTS] = "events", [OPENAPI_REPLY] = "reply", [OPENAPI_QUERY] = "query",
    [OPENAPI_PAGE] = "page",     [OPENAPI_LIVE] = "live",
};

static bool is_of(enum openapi_kind kind, int error)
{
    unsigned operations = operations_of[error] == 0 ? OF(OPENAPI_EVENTS) : operations_of[error];
    return (operations & OF(kind)) != 0;
}

bool openapi_has_errors(enum openapi_kind kind, int status)
{
    for (int error = OK; error < ERROR_COUNT; error++) {
        if (is_of(kind, error) && error_info((enum error)error)->http_status == status) {
            return true;
        }
    }
    return false;
}

size_t openapi_error_statuses(enum openapi_kind kind, int statuses[64])
{
    size_t count = 0;
    for (int status = 400; status < 600; status++) {
        if (openapi_has_errors(kind, status)) {
            ASSERT_BELOW(count, 64);
            statuses[count++] = status;
        }
    }
    return count;
}

static void write_example(const struct error_info *info, struct buf *out)
{
    json_out_open(out, info->code, '{');
    json_out_string(out, "summary", info->text);
    json_out_open(out, "value", '{');
    json_out_string(out, "type", "about:blank");
    json_out_text(out, "title", http_reply_title(info->http_status));
    json_out_integer(out, "status", info->http_status);
    json_out_string(out, "code", info->code);
    json_out_string(out, "detail", info->text);
    json_out_close(out, '}');
    json_out_close(out, '}');
}

void openapi_write_problem_content(enum openapi_kind kind, int status, struct buf *out)
{
    json_out_open(out, "application/problem+json", '{');
    json_out_reference(out, "schema", "schemas", SLICE("Problem"));
    json_out_open(out, "examples", '{');
    for (int error = OK; error < ERROR_COUNT; error++) {
        const struct error_info *info = error_info((enum error)error);
        if (is_of(kind, error) && info->http_status == status) {
            write_example(info, out);
        }
    }
    json_out_close(out, '}');
    json_out_close(out, '}');
}

void openapi_write_problem_reference(enum openapi_kind kind, int status, struct buf *out)
{
    char name[32];
    ASSERT(openapi_has_errors(kind, status));
    int length = snprintf(name, sizeof name, "%s_%d", kind_names[kind], status);
    char key[16];
    snprintf(key, sizeof key, "%d", status);
    json_out_reference(out, key, "responses", slice_make(name, (size_t)length));
}

void openapi_write_problem_components(struct buf *out)
{
    for (size_t kind = 0; kind < ARRAY_LENGTH(kind_names); kind++) {
        int statuses[64];
        size_t count = openapi_error_statuses((enum openapi_kind)kind, statuses);
        for (size_t i = 0; i < count; i++) {
            char name[32];
            int length = snprintf(name, sizeof name, "%s_%d", kind_names[kind], statuses[i]);
            if (!json_out_is_referred_to(out, "responses", slice_make(name, (size_t)length))) {
                continue;
            }
            json_out_open(out, name, '{');
            json_out_text(out, "description", http_reply_title(statuses[i]));
            json_out_open(out, "content", '{');
            openapi_write_problem_content((enum openapi_kind)kind, statuses[i], out);
            json_out_close(out, '}');
            json_out_close(out, '}');
        }
    }
}
