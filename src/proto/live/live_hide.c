/* Turns names and types into what may be seen. */
#include "proto/live/live_hide.h"

#include "config/options/live_options.h"
#include "event/column.h"

#include <ctype.h>

#define WORD_MAX 24

/* Words of names. Whose value they are of is somebody, or leads to somebody. */
static const char *const personal_words[] = {
    "account",   "addr",      "address",  "age",       "agent",    "birth",    "birthday", "birthdate", "body",
    "card",      "cell",      "city",     "client",    "comment",  "contact",  "cookie",   "credit",    "customer",
    "device",    "dob",       "driver",   "email",     "face",     "family",   "finger",   "first",     "firstname",
    "forename",  "full",      "fullname", "gender",    "geo",      "given",    "gps",      "guest",     "health",
    "host",      "hostname",  "house",    "iban",      "id",       "ident",    "identity", "ip",        "ips",
    "ipaddr",    "ipv4",      "ipv6",     "last",      "lastname", "lat",      "latitude", "license",   "lng",
    "location",  "login",     "lon",      "longitude", "mac",      "mail",     "member",   "message",   "mobile",
    "msisdn",    "nick",      "nickname", "owner",     "pass",     "passport", "passwd",   "password",  "patient",
    "person",    "personal",  "phone",    "pin",       "pii",      "plate",    "position", "post",      "postal",
    "postcode",  "query",     "race",     "referer",   "referrer", "religion", "salary",   "secret",    "session",
    "sex",       "signature", "social",   "ssn",       "street",   "subject",  "surname",  "tax",       "tel",
    "telephone", "text",      "token",    "tracking",  "ua",       "uid",      "uri",      "url",       "user",
    "userid",    "username",  "uuid",     "visitor",   "zip",
};

static bool is_personal_word(const char *word, size_t len)
{
    for (size_t i = 0; i < ARRAY_LENGTH(personal_words); i++) {
        if (strlen(personal_words[i]) == len && memcmp(personal_words[i], word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* A word ends before what is no letter, and before a capital behind a small letter. */
static bool begins_word(struct slice name, size_t at)
{
    unsigned char c = (unsigned char)name.data[at];
    unsigned char before = at == 0 ? '_' : (unsigned char)name.data[at - 1];
    return !isalnum(before) || (isupper(c) && !isupper(before));
}

bool live_name_is_personal(struct slice name)
{
    char word[WORD_MAX], whole[WORD_MAX];
    size_t len = 0, whole_len = 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (begins_word(name, i) && is_personal_word(word, len)) {
            return true;
        }
        len = begins_word(name, i) ? 0 : len;
        if (isalnum(c) && len < WORD_MAX && whole_len < WORD_MAX) {
            word[len++] = whole[whole_len++] = (char)tolower(c);
        }
    }
    /* "e-mail" and "I_P" are words that somebody took apart, "name" alone is somebody's. */
    return is_personal_word(word, len) || is_personal_word(whole, whole_len) ||
           (whole_len == 4 && memcmp(whole, "name", 4) == 0);
}

static bool lists(const struct string_list *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++) {
        struct slice item = slice_from_string(list->items[i]);
        if (slice_equal(item, name) || slice_equal(item, SLICE("*"))) {
            return true;
        }
    }
    return false;
}

/* Numbers, times, and texts of which there are few; not what anything may stand in. */
static bool holds_little(const struct column_spec *spec)
{
    const struct type *type = &spec->type;
    bool few = type->low_cardinality || type->kind == KIND_ENUM || spec->one_of_count != 0;
    bool plain = type->shape == SHAPE_SCALAR || type->shape == SHAPE_NULLABLE;
    enum kind_family family = kind_family(type->kind);
    return plain && !spec->as_json && (few || (family != FAMILY_TEXT && family != FAMILY_OTHER));
}

static bool is_of_client(enum fill fill)
{
    return fill == FILL_CLIENT_IP || fill == FILL_USER_AGENT || fill == FILL_HOST || fill == FILL_REFERER ||
           fill == FILL_ACCEPT_LANGUAGE;
}

bool live_shows(const struct live_options *options, struct slice field)
{
    return lists(&options->show, field) && !lists(&options->hide, field);
}

bool live_hides(const struct live_options *options, const struct column_spec *spec)
{
    struct slice name = slice_from_string(spec->name);
    if (lists(&options->hide, name)) {
        return true;
    }
    if (lists(&options->show, name) || spec->fill == FILL_EVENT_ID || spec->fill == FILL_KEY_NAME) {
        return false;
    }
    return is_of_client(spec->fill) || !holds_little(spec) || live_name_is_personal(name);
}

/* Where a value begins that is no text: in front, or behind "field: ". */
static size_t value_at(struct slice message)
{
    const char *colon = memmem(message.data, message.len, ": ", 2);
    return colon == NULL ? 0 : (size_t)(colon - message.data) + 2;
}

/* A text that was sent may have quotes itself, so all goes from the first to the last. */
void live_append_masked(struct slice message, struct buf *out)
{
    static const char hidden[] = "…";
    const char *first = message.len == 0 ? NULL : memchr(message.data, '"', message.len);
    if (first != NULL) {
        const char *last = memrchr(message.data, '"', message.len);
        size_t begin = (size_t)(first - message.data), end = (size_t)(last - message.data) + 1;
        buf_append(out, message.data, begin);
        buf_printf(out, "\"%s\"", hidden);
        buf_append_slice(out, last == first ? SLICE("") : slice_after(message, end));
        return;
    }
    size_t at = message.len == 0 ? 0 : value_at(message);
    size_t end = at;
    while (end < message.len && memchr("+-.0123456789eE", message.data[end], 15) != NULL) {
        end++;
    }
    struct slice rest = slice_after(message, at);
    if (slice_starts_with(rest, SLICE("true ")) || slice_starts_with(rest, SLICE("false "))) {
        end = at + (rest.data[0] == 't' ? 4 : 5);
    }
    bool value = end > at && (end == message.len || message.data[end] == ' ');
    buf_append(out, message.data, at);
    buf_append_string(out, value ? hidden : "");
    buf_append_slice(out, slice_after(message, value ? end : at));
}
