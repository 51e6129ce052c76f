/* Turns an answer into a line for people, with or without what it quotes. */
#include "store/answer_text.h"

#include "base/bytes.h"
#include "store/codes.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#define SYNTAX_ERROR 62 /* quotes what follows in the body */
#define LONGEST_NAME 128

static const int suspicious[] = { SYNTAX_ERROR, 1000, 1001, 1002 }; /* of Poco, std and what not: any text */

bool answer_may_quote_rows(const struct store_reply *reply)
{
    if (reply->outcome != STORE_ANSWERED && reply->outcome != STORE_UNKNOWN) {
        return false; /* a text of our own */
    }
    for (size_t i = 0; i < ARRAY_LENGTH(suspicious); i++) {
        if (reply->code == suspicious[i]) {
            return true;
        }
    }
    return reply->code != 0 ? code_is_of_rows(reply->code) : strstr(reply->message, "Exception") != NULL;
}

static const char *find_last(const char *text, const char *words)
{
    const char *last = NULL;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) {
        last = at;
    }
    return last;
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* The name at the front, without backquotes around it. */
static struct slice name_at(const char *text)
{
    size_t length = 0;
    text += *text == '`' ? 1 : 0;
    while (length < LONGEST_NAME && is_of_name(text[length])) {
        length++;
    }
    while (length != 0 && text[length - 1] == '.') {
        length--; /* the end of the sentence */
    }
    return slice_make(length == 0 ? NULL : text, length);
}

/* Behind its name only ClickHouse's own words may follow: a value that holds the same words is quoted, or something that
 * is quoted follows. */
struct slice answer_view(const char *message)
{
    static const char words[] = "pushing to view ";
    const char *found = find_last(message, words);
    struct slice name = found == NULL ? (struct slice){ NULL, 0 } : name_at(found + sizeof words - 1);
    if (name.data == NULL || strpbrk(name.data + name.len + (name.data[name.len] == '`' ? 1 : 0), "'\"`") != NULL) {
        return (struct slice){ NULL, 0 };
    }
    return name;
}

/* ": while converting column "x" from type String to type UInt8: While executing Native. (…": the end of the text. */
static struct slice converted_column(const char *message)
{
    static const char words[] = ": while converting column \"";
    const char *found = find_last(message, words);
    bool at_end = found != NULL && strstr(found, ": While executing Native") != NULL;
    return at_end ? name_at(found + sizeof words - 1) : (struct slice){ NULL, 0 };
}

/* "Constraint `x` for table …": the beginning. */
static struct slice constraint(const char *message)
{
    static const char words[] = "DB::Exception: Constraint `";
    const char *found = strstr(message, words);
    const char *first = strstr(message, "DB::Exception: ");
    return found != NULL && found == first ? name_at(found + sizeof words - 1) : (struct slice){ NULL, 0 };
}

static bool is_of_code(char c, bool last)
{
    return last ? c == ')' : (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Ours, or the one that servers since 20.x put into parentheses at the end. */
static struct slice name_of_code(const struct store_reply *reply)
{
    const char *known = code_name(reply->code);
    if (known[0] != '\0') {
        return slice_from_string(known);
    }
    const char *end = find_last(reply->message, " (version ");
    end = end == NULL ? reply->message + strlen(reply->message) : end;
    size_t length = 0; /* with the parenthesis behind it */
    while (end - length > reply->message && is_of_code(end[-(ptrdiff_t)length - 1], length == 0)) {
        length++;
    }
    const char *name = end - length;
    bool named = length > 3 && length < 64 && name > reply->message && name[-1] == '(';
    return named ? slice_make(name, length - 1) : SLICE("");
}

static void put_name(struct buf *out, const char *what, struct slice name)
{
    if (name.data != NULL) {
        buf_printf(out, ", %s %.*s", what, (int)name.len, name.data);
    }
}

static void copy_out(struct buf *text, char *out, size_t size)
{
    snprintf(out, size, "%s", buf_c_string(text) == NULL ? "out of memory" : text->data);
    buf_release(text);
}

void answer_explain(const struct store_reply *reply, char *out, size_t size)
{
    if (!answer_may_quote_rows(reply)) {
        answer_quote(reply, out, size);
        return;
    }
    struct buf text = { 0 };
    if (reply->code != 0) {
        struct slice name = name_of_code(reply);
        buf_printf(&text, "code %d%s%.*s", reply->code, name.len == 0 ? "" : " ", (int)name.len, name.data);
    } else {
        buf_printf(&text, "HTTP %d", reply->http_status);
    }
    put_name(&text, "constraint", constraint(reply->message));
    put_name(&text, "column", converted_column(reply->message));
    put_name(&text, "pushing to view", answer_view(reply->message));
    buf_append_string(
        &text, " (what the server said may quote rows: it is in its log, and in the dead letter if there is one)");
    copy_out(&text, out, size);
}

void answer_quote(const struct store_reply *reply, char *out, size_t size)
{
    struct buf text = { 0 };
    if (reply->code != 0) {
        buf_printf(&text, "code %d %s: %s", reply->code, code_name(reply->code), reply->message);
    } else if (reply->http_status != 0) {
        buf_printf(&text, "HTTP %d: %s", reply->http_status, reply->message);
    } else {
        buf_append_string(&text, reply->message);
    }
    copy_out(&text, out, size);
}
