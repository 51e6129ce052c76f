/* Turns a template into an example of what it writes. */
#include "proto/openapi/openapi_sample.h"

#include "config/options/named_query_options.h"
#include "proto/reply/template.h"

static const struct {
    struct slice name, value;
    bool is_json;
} samples[] = {
#define TEXT(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 }, false },
#define JSON(name, value) { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 }, true },
    TEXT("id", "018f6b2e-7a3c-8d0e-9a55-0242ac120002") JSON("ids", "[\"018f6b2e-7a3c-8d0e-9a55-0242ac120002\"]")
        JSON("accepted", "1") JSON("duplicate", "0") JSON("rejected", "0") JSON("total", "1") JSON("index", "0")
            TEXT("field", "user_id") TEXT("code", "missing_field") TEXT("detail", "user_id: is required")
                TEXT("Detail", "User_id: is required") JSON("errors", "[]") TEXT("now", "2026-01-01T00:00:00Z")
                    TEXT("source", "body") TEXT("client_ip", "192.0.2.1") TEXT("host", "events.example")
                        TEXT("version", "0.1.0") JSON("uptime_ns", "1000000000") JSON("connections", "1")
                            JSON("counters", "{}")
#undef TEXT
#undef JSON
};

static bool knows_all(const void *context, struct slice name)
{
    (void)context, (void)name;
    return true;
}

/* "name" is a result in its shape, "name.column" a value of its first row. */
static bool sample_result(const struct named_query_options *query, struct slice name, struct template_text *text)
{
    static const struct slice shapes[] = {
#define X(shape, json) [shape] = { json, sizeof(json) - 1 },
        X(SELECT_ROWS, "[]") X(SELECT_ROW, "{}") X(SELECT_MAP, "{}") X(SELECT_VALUE, "1")
            X(SELECT_TABLE, "{\"columns\":[],\"rows\":[]}") X(SELECT_JSON, "{}")
#undef X
    };
    struct slice rest = name, first;
    slice_split(&rest, '.', &first);
    for (size_t i = 0; query != NULL && i < query->select_count; i++) {
        if (slice_equal(first, slice_from_string(query->selects[i].name))) {
            *text = (struct template_text){ rest.data != NULL ? SLICE("1") : shapes[query->selects[i].shape], true };
            return true;
        }
    }
    return false;
}

static bool sample(void *context, struct slice name, struct template_text *text)
{
    const struct named_query_options *const *query = context;
    if (sample_result(*query, name, text)) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        if (slice_equal(name, samples[i].name)) {
            *text = (struct template_text){ samples[i].value, samples[i].is_json };
            return true;
        }
    }
    *text = (struct template_text){ name, false };
    return true;
}

void openapi_write_sample(const char *template_text, const struct named_query_options *query, struct buf *out)
{
    struct buf problem = { 0 };
    struct template *template =
        template_compile(slice_from_string(template_text), TEMPLATE_JSON, knows_all, NULL, &problem);
    if (template == NULL || !template_write(template, sample, &query, out)) {
        buf_append_string(out, "null");
    }
    template_free(template);
    buf_release(&problem);
}
