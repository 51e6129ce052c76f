/* Turns any bytes into an SQL string literal and reads it back as ClickHouse does: nothing gets out of the quotes. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "store/sql.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* What ClickHouse makes of the character behind a backslash; the letters are those its parser knows. */
static char unescape(char c)
{
    static const char letters[] = "abefnrtv0";
    static const char values[] = "\a\b\x1b\f\n\r\t\v";
    const char *at = c != 0 ? strchr(letters, c) : NULL;
    must(c != 'x' && c != 'N');
    return at != NULL ? values[at - letters] : c;
}

static void take(const uint8_t *data, size_t size)
{
    struct buf literal = { 0 };
    sql_quote_literal(slice_make(data, size), &literal);
    must(!literal.failed && literal.len >= 2 && literal.data[0] == '\'' && literal.data[literal.len - 1] == '\'');
    size_t read = 0;
    for (size_t at = 1; at < literal.len - 1; at++, read++) {
        char c = literal.data[at];
        must(c != '\'');
        if (c == '\\') {
            must(++at < literal.len - 1);
            c = unescape(literal.data[at]);
        }
        must(read < size && (uint8_t)c == data[read]);
    }
    must(read == size);
    buf_release(&literal);
}

COST_FUZZER(take, 60)
