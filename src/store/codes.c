/* Turns ClickHouse's error codes into what they mean for a batch. */
#include "store/codes.h"

/* Names and numbers are ClickHouse's own (errorCodeToName), the same in 18.16 and 26.7. */
#define CODE_LIST(X)                                                                                                   \
    /* a value that cannot become the column's type, or that a constraint forbids */                                   \
    X(6, CANNOT_PARSE_TEXT, ROW)                                                                                       \
    X(25, CANNOT_PARSE_ESCAPE_SEQUENCE, ROW)                                                                           \
    X(26, CANNOT_PARSE_QUOTED_STRING, ROW)                                                                             \
    X(27, CANNOT_PARSE_INPUT_ASSERTION_FAILED, ROW)                                                                    \
    X(38, CANNOT_PARSE_DATE, ROW)                                                                                      \
    X(41, CANNOT_PARSE_DATETIME, ROW)                                                                                  \
    X(53, TYPE_MISMATCH, ROW)                                                                                          \
    X(69, ARGUMENT_OUT_OF_BOUND, ROW)                                                                                  \
    X(70, CANNOT_CONVERT_TYPE, ROW)                                                                                    \
    X(72, CANNOT_PARSE_NUMBER, ROW)                                                                                    \
    X(117, INCORRECT_DATA, ROW)                                                                                        \
    X(128, TOO_LARGE_ARRAY_SIZE, ROW)                                                                                  \
    X(130, CANNOT_READ_ARRAY_FROM_TEXT, ROW)                                                                           \
    X(131, TOO_LARGE_STRING_SIZE, ROW)                                                                                 \
    X(190, SIZES_OF_ARRAYS_DONT_MATCH, ROW)                                                                            \
    X(321, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, ROW)                                                                    \
    X(349, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, ROW)                                                                 \
    X(376, CANNOT_PARSE_UUID, ROW)                                                                                     \
    X(407, DECIMAL_OVERFLOW, ROW)                                                                                      \
    X(441, CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING, ROW)                                                                 \
    X(467, CANNOT_PARSE_BOOL, ROW)                                                                                     \
    X(469, VIOLATED_CONSTRAINT, ROW)                                                                                   \
    X(563, CANNOT_READ_MAP_FROM_TEXT, ROW)                                                                             \
    X(632, UNEXPECTED_DATA_AFTER_PARSED_VALUE, ROW)                                                                    \
    X(675, CANNOT_PARSE_IPV4, ROW)                                                                                     \
    X(676, CANNOT_PARSE_IPV6, ROW)                                                                                     \
    X(691, UNKNOWN_ELEMENT_OF_ENUM, ROW)                                                                               \
    /* the table is not what it was */                                                                                 \
    X(8, THERE_IS_NO_COLUMN, COLUMNS)                                                                                  \
    X(10, NOT_FOUND_COLUMN_IN_BLOCK, COLUMNS)                                                                          \
    X(15, DUPLICATE_COLUMN, HOLD)                                                                                      \
    X(16, NO_SUCH_COLUMN_IN_TABLE, COLUMNS)                                                                            \
    X(20, NUMBER_OF_COLUMNS_DOESNT_MATCH, HOLD)                                                                        \
    X(43, ILLEGAL_TYPE_OF_ARGUMENT, HOLD)                                                                              \
    X(44, ILLEGAL_COLUMN, HOLD)                                                                                        \
    X(46, UNKNOWN_FUNCTION, HOLD)                                                                                      \
    X(47, UNKNOWN_IDENTIFIER, COLUMNS)                                                                                 \
    X(48, NOT_IMPLEMENTED, HOLD)                                                                                       \
    X(50, UNKNOWN_TYPE, HOLD)                                                                                          \
    X(60, UNKNOWN_TABLE, HOLD)                                                                                         \
    X(62, SYNTAX_ERROR, HOLD)                                                                                          \
    X(81, UNKNOWN_DATABASE, HOLD)                                                                                      \
    X(218, TABLE_IS_DROPPED, HOLD)                                                                                     \
    X(386, NO_COMMON_TYPE, HOLD)                                                                                       \
    /* the server does not let us */                                                                                   \
    X(115, UNKNOWN_SETTING, HOLD)                                                                                      \
    X(164, READONLY, HOLD)                                                                                             \
    X(192, UNKNOWN_USER, HOLD)                                                                                         \
    X(193, WRONG_PASSWORD, HOLD)                                                                                       \
    X(194, REQUIRED_PASSWORD, HOLD)                                                                                    \
    X(195, IP_ADDRESS_NOT_ALLOWED, HOLD)                                                                               \
    X(201, QUOTA_EXCEEDED, HOLD)                                                                                       \
    X(291, DATABASE_ACCESS_DENIED, HOLD)                                                                               \
    X(452, SETTING_CONSTRAINT_VIOLATION, HOLD)                                                                         \
    X(497, ACCESS_DENIED, HOLD)                                                                                        \
    X(516, AUTHENTICATION_FAILED, HOLD)                                                                                \
    /* the server is busy */                                                                                           \
    X(216, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, PASSING)                                                             \
    X(241, MEMORY_LIMIT_EXCEEDED, PASSING)                                                                             \
    X(252, TOO_MANY_PARTS, PARTS)

static const struct code_row {
    int code;
    const char *name;
    enum code_class class;
} codes[] = {
#define X(code, name, class) { code, #name, CODE_##class },
    CODE_LIST(X)
#undef X
};

static const struct code_row *find(int code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        if (codes[i].code == code) {
            return &codes[i];
        }
    }
    return NULL;
}

const char *code_name(int code)
{
    const struct code_row *row = find(code);
    return row == NULL ? "" : row->name;
}

bool code_is_from_view(const char *message)
{
    return strcasestr(message, "pushing to view") != NULL || strcasestr(message, "materialized view") != NULL;
}

bool code_is_from_proxy(const struct store_reply *reply)
{
    return reply->code == 0 && reply->http_status >= 502 && reply->http_status <= 504;
}

/* Without a code of ClickHouse's, HTTP's status must do: what a client is to mend will not pass by itself. */
static enum code_class classify_status(int status)
{
    bool client_error = status >= 400 && status < 500 && status != 408 && status != 429;
    return client_error ? CODE_HOLD : CODE_PASSING;
}

enum code_class code_classify(const struct store_reply *reply)
{
    if (reply->code == 0) {
        return classify_status(reply->http_status);
    }
    const struct code_row *row = find(reply->code);
    if (row == NULL) {
        return CODE_PASSING;
    }
    if ((row->class == CODE_ROW || row->class == CODE_COLUMNS) && code_is_from_view(reply->message)) {
        return CODE_HOLD;
    }
    if (row->class == CODE_PARTS && strcasestr(reply->message, "too many partitions") != NULL) {
        return CODE_PARTITIONS;
    }
    return row->class;
}
