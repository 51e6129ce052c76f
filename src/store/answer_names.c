/* Turns the text of an error into the names in it. */
#include "store/answer_names.h"

#include <string.h>

#define LONGEST_NAME 128

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
struct slice answer_column(const char *message)
{
    static const char words[] = ": while converting column \"";
    const char *found = find_last(message, words);
    bool at_end = found != NULL && strstr(found, ": While executing Native") != NULL;
    return at_end ? name_at(found + sizeof words - 1) : (struct slice){ NULL, 0 };
}

/* "Constraint `x` for table …": the beginning. */
struct slice answer_constraint(const char *message)
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

struct slice answer_code_name(const char *message)
{
    const char *end = find_last(message, " (version ");
    end = end == NULL ? message + strlen(message) : end;
    size_t length = 0; /* with the parenthesis behind it */
    while (end - length > message && is_of_code(end[-(ptrdiff_t)length - 1], length == 0)) {
        length++;
    }
    const char *name = end - length;
    bool named = length > 3 && length < 64 && name > message && name[-1] == '(';
    return named ? slice_make(name, length - 1) : SLICE("");
}
