/* What ClickHouse 26.7 and 18.16 really answered to rows that hold `secret.alice@example.com`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "store/answer_names.h"
#include "store/answer_text.h"
#include "store/codes.h"
#include "store/store.h"

#define NATIVE ": While executing Native. (X) (version 26.7.2.1)"
#define V18 ", e.what() = DB::Exception"
#define S "secret.alice@example.com"

static const struct {
    int code;
    const char *message, *says; /* says: NULL for any */
} quoting[] = {
    { 469,
      "Code: 469. DB::Exception: Constraint `c1` for table default.k0 (30cf) is violated at row 1. Expression: (u != "
      "'x'). Column values: u = '" S "'. (VIOLATED_CONSTRAINT) (version 26.7.2.1)",
      "code 469 VIOLATED_CONSTRAINT, constraint c1 (" },
    { 6,
      "Code: 6. DB::Exception: Cannot parse string '" S "' as UInt32: syntax error at begin of string. Note: there are "
      "toUInt32OrZero and toUInt32OrNull functions: while converting column \"u\" from type String to type "
      "UInt32" NATIVE,
      "code 6 CANNOT_PARSE_TEXT, column u (" },
    { 38,
      "Code: 38. DB::Exception: Cannot parse date here: " S ": Cannot parse Date from String: while converting column "
      "\"u\" from type String to type Date" NATIVE,
      "code 38 CANNOT_PARSE_DATE, column u (" },
    { 376,
      "Code: 376. DB::Exception: Cannot parse uuid " S ": Cannot parse UUID from String: while converting column \"u\" "
      "from type String to type UUID" NATIVE,
      NULL },
    { 691,
      "Code: 691. DB::Exception: Unknown element '" S "' for enum: while executing 'FUNCTION _CAST(u :: 0, "
      "'Enum8(\\'a\\' = 1)'_String :: 1) -> _CAST(u) Enum8('a' = 1) : 3'. (UNKNOWN_ELEMENT_OF_ENUM) (version 26.7.2.1)",
      "code 691 UNKNOWN_ELEMENT_OF_ENUM (" },
    { 117,
      "Code: 117. DB::Exception: Cannot parse JSON object here: " S ": while converting column \"u\" from type String "
      "to type JSON" NATIVE,
      "code 117 INCORRECT_DATA, column u (" },
    { 117,
      "Code: 117. DB::Exception: Cannot insert data into JSON column: cannot parse UInt8 value here: \"" S "\" (while "
      "reading path a): while converting column \"u\" from type String to type JSON(a UInt8)" NATIVE,
      NULL },
    { 117,
      "Code: 117. DB::Exception: Invalid base64Decode value (" S "), cannot be decoded: while executing 'FUNCTION "
      "base64Decode(u : 0) -> base64Decode(u) String : 2'. (INCORRECT_DATA) (version 26.7.2.1)",
      NULL },
    { 467, "Code: 467. DB::Exception: Cannot parse boolean value here: '" S "', should be 'true' or 'false'", NULL },
    { 27,
      "Code: 27. DB::Exception: Cannot parse input: expected '(' before: '" S
      "': (at row 1)\nRow 1:\nColumn 0, name: u, "
      "type: UInt8, parsed text: \"" S "\"",
      "code 27 CANNOT_PARSE_INPUT_ASSERTION_FAILED (" },
    { 427,
      "Code: 427. DB::Exception: OptimizedRegularExpression: cannot compile re2: [" S ", error: missing ]: [" S
      ". (CANNOT_COMPILE_REGEXP) (version 26.7.2.1)",
      "code 427 CANNOT_COMPILE_REGEXP (" },
    { 36,
      "Code: 36. DB::Exception: Cannot load time zone " S
      ": while executing 'FUNCTION toString(u :: 0) -> x String : 4'. "
      "(BAD_ARGUMENTS) (version 26.7.2.1)",
      "code 36 BAD_ARGUMENTS (" },
    { 41, "Code: 41. DB::Exception: Unable to parse fragment LITERAL from " S " because literal % is expected", NULL },
    { 395,
      "Code: 395. DB::Exception: " S ": while executing 'FUNCTION throwIf(x)'. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
      NULL },
    { 62,
      "Code: 62. DB::Exception: Syntax error: failed at position 16 (() (line 1, col 16): (u FORMAT Native u" S
      ". Unmatched parentheses: (. (SYNTAX_ERROR)",
      "code 62 SYNTAX_ERROR (" },
    { 1000, "Poco::Exception. Code: 1000, e.code() = 0, SyntaxException: Not a valid integer: " S, NULL },
    { 49, "Code: 49, e.displayText() = DB::Exception: Unknown element '" S "' for type Enum8('a' = 1)" V18,
      "code 49 (" },
    { 6,
      "Code: 6, e.displayText() = DB::Exception: Cannot parse string '" S
      "' as UInt32: syntax error at begin of string." V18,
      NULL },
    { 6,
      "Code: 6, e.displayText() = DB::Exception: Cannot parse string '" S
      "' as UInt32: syntax error at begin of string.: "
      "while pushing to view default.mv" V18,
      "code 6 CANNOT_PARSE_TEXT, pushing to view default.mv (" },
    { 0, "Code: ?. DB::Exception: Column values: u = '" S "'",
      "HTTP 500 (" }, /* a proxy took the headers and the code */
};

static struct store_reply reply_of(int code, const char *message)
{
    struct store_reply reply;
    store_reply_set(&reply, STORE_ANSWERED, code, 500, slice_from_string(message));
    return reply;
}

static void no_value_of_a_row_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(quoting); i++) {
        char told[512], quoted[STORE_MESSAGE_MAX + 64];
        struct store_reply reply = reply_of(quoting[i].code, quoting[i].message);
        answer_explain(&reply, told, sizeof told);
        answer_quote(&reply, quoted, sizeof quoted);
        if (strstr(told, "alice") != NULL || strstr(quoted, S) == NULL ||
            (quoting[i].says != NULL && strncmp(told, quoting[i].says, strlen(quoting[i].says)) != 0)) {
            fail_msg("%d: %s", quoting[i].code, told);
        }
    }
}

static void what_cannot_hold_a_row_is_told_as_it_is(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *message;
    } rows[] = {
        { 60, "Code: 60. DB::Exception: Table default.events does not exist. (UNKNOWN_TABLE)" },
        { 516, "Code: 516. DB::Exception: default: Authentication failed" },
        { 16, "Code: 16. DB::Exception: No such column v in table default.nn" },
        { 241, "Code: 241. DB::Exception: Memory limit (total) exceeded" },
        { 0, "http://127.0.0.1:9: HTTP 502: an answer without a reason" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char told[512];
        struct store_reply reply = reply_of(rows[i].code, rows[i].message);
        answer_explain(&reply, told, sizeof told);
        assert_non_null(strstr(told, rows[i].message));
    }
}

/* Else one event would hold its stream: a view's refusals are no row's. */
static void words_in_a_row_say_nothing_of_a_view(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "DB::Exception: Constraint `c2` is violated. Column values: u = 'x: while pushing to view default.mv'. (X)",
        "DB::Exception: Constraint `c2` is violated. Column values: u = 'x\\' pushing to view y\\' materialized view'. "
        "(X)",
        "DB::Exception: Cannot parse uuid pushing to view x: Cannot parse UUID: while converting column \"u\" "
        "from" NATIVE,
        "DB::Exception: Cannot load time zone x: while pushing to view d.v: while executing 'FUNCTION toString(u)'. "
        "(X)",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
        struct store_reply reply = reply_of(469, messages[i]);
        assert_false(code_is_from_view(&reply));
        assert_int_equal(code_classify(&reply), CODE_ROW);
    }
}

static void a_view_is_known_by_the_end_of_the_text(void **state)
{
    (void)state;
    static const struct {
        const char *message, *view;
    } rows[] = {
        { "Cannot parse string 'x' as UInt32: while pushing to view default.mv. (CANNOT_PARSE_TEXT) (version 26.7.2.1)",
          "default.mv" },
        { "Cannot parse string 'x' as UInt32.: while pushing to view default.mv" V18, "default.mv" },
        { "x: while pushing to view `default.mv` (6c9f0a): While executing SinkToStorage. (X)", "default.mv" },
        { "x: while pushing to view a: while pushing to view b", "b" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct store_reply reply = reply_of(6, rows[i].message);
        struct slice view = answer_view(reply.message);
        assert_true(code_is_from_view(&reply));
        assert_true(slice_equal(view, slice_from_string(rows[i].view)));
    }
}

/* The end of a long text says where it came from; its middle is a row. */
static void a_long_text_keeps_its_end(void **state)
{
    (void)state;
    struct buf message = { 0 };
    buf_append_string(&message, "Code: 6. DB::Exception: Cannot parse string '");
    buf_append_fill(&message, 'x', 5000);
    buf_append_string(&message, "' as UInt32: while pushing to view default.mv. (CANNOT_PARSE_TEXT)");
    struct store_reply reply = reply_of(6, buf_c_string(&message));
    assert_true(code_is_from_view(&reply));
    buf_release(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_of_a_row_is_told),
        cmocka_unit_test(what_cannot_hold_a_row_is_told_as_it_is),
        cmocka_unit_test(words_in_a_row_say_nothing_of_a_view),
        cmocka_unit_test(a_view_is_known_by_the_end_of_the_text),
        cmocka_unit_test(a_long_text_keeps_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
