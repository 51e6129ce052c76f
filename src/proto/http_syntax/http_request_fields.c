/* Turns the head of a request into what fills columns. */
#include "proto/http_syntax/http_request_fields.h"

#include "proto/http_syntax/http_chars.h"
#include "proto/http_syntax/http_parse.h"

/* A list in a field, or in several fields, is one list (RFC 9110, 5.3). */
static struct slice last_entry(struct slice fields, struct slice lower_name)
{
    struct slice name, value, entry, last = { NULL, 0 };
    while (http_next_field(&fields, &name, &value)) {
        while (slice_equal_nocase(name, lower_name) && slice_split(&value, ',', &entry)) {
            last = slice_trim(entry);
        }
    }
    return last;
}

static struct slice host_of(const struct http_request *request, bool peer_trusted)
{
    struct slice forwarded =
        peer_trusted ? last_entry(request->fields, SLICE("x-forwarded-host")) : (struct slice){ NULL, 0 };
    bool usable = forwarded.len != 0 && http_all_in_class(forwarded, CHAR_HOST);
    return usable ? forwarded : request->host;
}

struct request_fields http_request_fields(const struct http_request *request, bool peer_trusted)
{
    return (struct request_fields){
        .host = host_of(request, peer_trusted),
        .referer = http_find_field(request->fields, SLICE("referer")),
        .accept_language = http_find_field(request->fields, SLICE("accept-language")),
    };
}
