/* Turns ClickHouse's error codes into what they mean for a batch. */
#include "store/codes.h"

#include "base/bytes.h"
#include "store/answer_names.h"
#include "store/store.h"

/* X(code, name, what it means for a batch, what it tells when the catalog was asked about a table). Names and numbers are
 * ClickHouse's own (errorCodeToName), the same in 18.16 and 26.7. SILENT: it says nothing about the table: the server's own
 * state, or that we may not ask. */
#define CODE_LIST(X)                                                                                                   \
    /* a value that cannot become the column's type, or that a constraint forbids */                                   \
    X(6, CANNOT_PARSE_TEXT, ROW, SAYS)                                                                                 \
    X(25, CANNOT_PARSE_ESCAPE_SEQUENCE, ROW, SAYS)                                                                     \
    X(26, CANNOT_PARSE_QUOTED_STRING, ROW, SAYS)                                                                       \
    X(27, CANNOT_PARSE_INPUT_ASSERTION_FAILED, ROW, SAYS)                                                              \
    X(38, CANNOT_PARSE_DATE, ROW, SAYS)                                                                                \
    X(41, CANNOT_PARSE_DATETIME, ROW, SAYS)                                                                            \
    X(53, TYPE_MISMATCH, ROW, SAYS)                                                                                    \
    X(69, ARGUMENT_OUT_OF_BOUND, ROW, SAYS)                                                                            \
    X(70, CANNOT_CONVERT_TYPE, ROW, SAYS)                                                                              \
    X(72, CANNOT_PARSE_NUMBER, ROW, SAYS)                                                                              \
    X(117, INCORRECT_DATA, ROW, SAYS)                                                                                  \
    X(128, TOO_LARGE_ARRAY_SIZE, ROW, SAYS)                                                                            \
    X(130, CANNOT_READ_ARRAY_FROM_TEXT, ROW, SAYS)                                                                     \
    X(131, TOO_LARGE_STRING_SIZE, ROW, SAYS)                                                                           \
    X(190, SIZES_OF_ARRAYS_DONT_MATCH, ROW, SAYS)                                                                      \
    X(321, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE, ROW, SAYS)                                                              \
    X(349, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, ROW, SAYS)                                                           \
    X(376, CANNOT_PARSE_UUID, ROW, SAYS)                                                                               \
    X(407, DECIMAL_OVERFLOW, ROW, SAYS)                                                                                \
    X(441, CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING, ROW, SAYS)                                                           \
    X(467, CANNOT_PARSE_BOOL, ROW, SAYS)                                                                               \
    X(469, VIOLATED_CONSTRAINT, ROW, SAYS)                                                                             \
    X(563, CANNOT_READ_MAP_FROM_TEXT, ROW, SAYS)                                                                       \
    X(632, UNEXPECTED_DATA_AFTER_PARSED_VALUE, ROW, SAYS)                                                              \
    X(675, CANNOT_PARSE_IPV4, ROW, SAYS)                                                                               \
    X(676, CANNOT_PARSE_IPV6, ROW, SAYS)                                                                               \
    X(691, UNKNOWN_ELEMENT_OF_ENUM, ROW, SAYS)                                                                         \
    /* the table is not what it was */                                                                                 \
    X(8, THERE_IS_NO_COLUMN, COLUMNS, SAYS)                                                                            \
    X(10, NOT_FOUND_COLUMN_IN_BLOCK, COLUMNS, SAYS)                                                                    \
    X(15, DUPLICATE_COLUMN, HOLD, SAYS)                                                                                \
    X(16, NO_SUCH_COLUMN_IN_TABLE, COLUMNS, SAYS)                                                                      \
    X(20, NUMBER_OF_COLUMNS_DOESNT_MATCH, HOLD, SAYS)                                                                  \
    X(43, ILLEGAL_TYPE_OF_ARGUMENT, HOLD, SAYS)                                                                        \
    X(44, ILLEGAL_COLUMN, HOLD, SAYS)                                                                                  \
    X(46, UNKNOWN_FUNCTION, HOLD, SAYS)                                                                                \
    X(47, UNKNOWN_IDENTIFIER, COLUMNS, SAYS)                                                                           \
    X(48, NOT_IMPLEMENTED, HOLD, SAYS)                                                                                 \
    X(50, UNKNOWN_TYPE, HOLD, SAYS)                                                                                    \
    X(CODE_UNKNOWN_TABLE, UNKNOWN_TABLE, HOLD, SAYS)                                                                   \
    X(62, SYNTAX_ERROR, HOLD, SAYS)                                                                                    \
    X(81, UNKNOWN_DATABASE, HOLD, SILENT)                                                                              \
    X(218, TABLE_IS_DROPPED, HOLD, SAYS)                                                                               \
    X(386, NO_COMMON_TYPE, HOLD, SAYS)                                                                                 \
    /* the server does not let us */                                                                                   \
    X(115, UNKNOWN_SETTING, HOLD, SAYS)                                                                                \
    X(164, READONLY, HOLD, SILENT)                                                                                     \
    X(192, UNKNOWN_USER, HOLD, SILENT)                                                                                 \
    X(193, WRONG_PASSWORD, HOLD, SILENT)                                                                               \
    X(194, REQUIRED_PASSWORD, HOLD, SILENT)                                                                            \
    X(195, IP_ADDRESS_NOT_ALLOWED, HOLD, SILENT)                                                                       \
    X(201, QUOTA_EXCEEDED, HOLD, SILENT)                                                                               \
    X(291, DATABASE_ACCESS_DENIED, HOLD, SILENT)                                                                       \
    X(452, SETTING_CONSTRAINT_VIOLATION, HOLD, SILENT)                                                                 \
    X(497, ACCESS_DENIED, HOLD, SILENT)                                                                                \
    X(516, AUTHENTICATION_FAILED, HOLD, SILENT)                                                                        \
    /* the batch is too big: for one query, or for one INSERT */                                                       \
    X(158, TOO_MANY_ROWS, SIZE, SILENT)                                                                                \
    X(307, TOO_MANY_BYTES, SIZE, SILENT)                                                                               \
    X(CODE_TOO_MANY_ROWS_OR_BYTES, TOO_MANY_ROWS_OR_BYTES, SIZE, SILENT)                                               \
    /* ...or for what the server has left: SIZE by the words of the message, below */                                  \
    X(159, TIMEOUT_EXCEEDED, SHORT, SILENT)                                                                            \
    X(160, TOO_SLOW, SHORT, SILENT)                                                                                    \
    X(173, CANNOT_ALLOCATE_MEMORY, SHORT, SILENT)                                                                      \
    X(209, SOCKET_TIMEOUT, SHORT, SILENT)                                                                              \
    X(241, MEMORY_LIMIT_EXCEEDED, SHORT, SILENT)                                                                       \
    /* the server, its disks, or its replicas are busy or ill, whatever the rows */                                    \
    X(74, CANNOT_READ_FROM_FILE_DESCRIPTOR, PASSING, SILENT)                                                           \
    X(75, CANNOT_WRITE_TO_FILE_DESCRIPTOR, PASSING, SILENT)                                                            \
    X(76, CANNOT_OPEN_FILE, PASSING, SILENT)                                                                           \
    X(77, CANNOT_CLOSE_FILE, PASSING, SILENT)                                                                          \
    X(198, DNS_ERROR, PASSING, SILENT)                                                                                 \
    X(202, TOO_MANY_SIMULTANEOUS_QUERIES, PASSING, SILENT)                                                             \
    X(203, NO_FREE_CONNECTION, PASSING, SILENT)                                                                        \
    X(210, NETWORK_ERROR, PASSING, SILENT)                                                                             \
    X(216, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, PASSING, SILENT)                                                     \
    X(225, NO_ZOOKEEPER, PASSING, SILENT)                                                                              \
    X(236, ABORTED, PASSING, SILENT)                                                                                   \
    X(242, TABLE_IS_READ_ONLY, PASSING, SILENT)                                                                        \
    X(243, NOT_ENOUGH_SPACE, PASSING, SILENT)                                                                          \
    X(244, UNEXPECTED_ZOOKEEPER_ERROR, PASSING, SILENT)                                                                \
    X(252, TOO_MANY_PARTS, PARTS, SILENT)                                                                              \
    X(279, ALL_CONNECTION_TRIES_FAILED, PASSING, SILENT)                                                               \
    X(285, TOO_FEW_LIVE_REPLICAS, PASSING, SILENT)                                                                     \
    X(286, UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE, PASSING, SILENT)                                                     \
    X(319, UNKNOWN_STATUS_OF_INSERT, PASSING, SILENT)                                                                  \
    X(341, UNFINISHED, PASSING, SILENT)                                                                                \
    X(394, QUERY_WAS_CANCELLED, PASSING, SILENT)                                                                       \
    X(425, SYSTEM_ERROR, PASSING, SILENT)                                                                              \
    X(439, CANNOT_SCHEDULE_TASK, PASSING, SILENT)                                                                      \
    X(473, DEADLOCK_AVOIDED, PASSING, SILENT)                                                                          \
    X(499, S3_ERROR, PASSING, SILENT)                                                                                  \
    X(574, DISTRIBUTED_TOO_MANY_PENDING_BYTES, PASSING, SILENT)                                                        \
    X(700, USER_SESSION_LIMIT_EXCEEDED, PASSING, SILENT)                                                               \
    X(722, ASYNC_LOAD_WAIT_FAILED, PASSING, SILENT)                                                                    \
    X(733, TABLE_IS_BEING_RESTARTED, PASSING, SILENT)                                                                  \
    X(735, QUERY_WAS_CANCELLED_BY_CLIENT, PASSING, SILENT)                                                             \
    X(745, SERVER_OVERLOADED, PASSING, SILENT)                                                                         \
    X(999, KEEPER_EXCEPTION, PASSING, SILENT)                                                                          \
    X(1000, POCO_EXCEPTION, PASSING, SILENT)                                                                           \
    X(1001, STD_EXCEPTION, PASSING, SILENT)                                                                            \
    X(1002, UNKNOWN_EXCEPTION, PASSING, SILENT)                                                                        \
    /* an expression of the table (MATERIALIZED, DEFAULT, a constraint) fails for a row, or for every row */           \
    X(153, ILLEGAL_DIVISION, SUSPECT, SAYS)                                                                            \
    X(395, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, SUSPECT, SAYS)

static const struct code_row {
    int code;
    const char *name;
    enum code_class class;
    enum { SAYS, SILENT } of_table;
} codes[] = {
#define X(code, name, class, of_table) { code, #name, CODE_##class, of_table },
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

bool code_is_silent(const struct store_reply *reply)
{
    if (reply->outcome != STORE_ANSWERED || reply->code == 0) {
        return true;
    }
    const struct code_row *row = find(reply->code);
    return row != NULL && row->of_table == SILENT;
}

bool code_is_of_rows(int code)
{
    const struct code_row *row = find(code);
    return row == NULL || row->class == CODE_ROW || row->class == CODE_SUSPECT;
}

#define SYNTAX_ERROR 62 /* quotes what follows in the body */

static const int suspicious[] = { SYNTAX_ERROR, 1000, 1001, 1002 }; /* of Poco, std and what not: any text */

bool code_may_quote_rows(const struct store_reply *reply)
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

bool code_is_from_view(const struct store_reply *reply)
{
    if (code_may_quote_rows(reply)) {
        return answer_view(reply->message).data != NULL;
    }
    return strcasestr(reply->message, "pushing to view") != NULL ||
           strcasestr(reply->message, "materialized view") != NULL;
}

bool code_is_from_proxy(const struct store_reply *reply)
{
    return reply->code == 0 && reply->http_status >= 502 && reply->http_status <= 504;
}

/* HTTP's own statuses, of a proxy. The others of a client's errors are CODE_HOLD: nothing will pass by itself. */
static const struct status_row {
    int status;
    enum code_class class;
} statuses[] = {
    { 408, CODE_SHORT },                       /* Request Timeout: the body took too long to come */
    { 413, CODE_SIZE },                        /* Content Too Large */
    { 414, CODE_SIZE },                        /* URI Too Long */
    { 429, CODE_PASSING }, { 431, CODE_SIZE }, /* Request Header Fields Too Large */
};

/* What proxies and filters say with a 400 or 403, or any other status. */
static const char *const size_words[] = { "too large", "too big", "exceeds the maximum", "exceeds the limit" };

/* Codes whose message says that it is the batch's size, not the server's state. */
static const struct code_words {
    int code;
    const char *words;
} sizes[] = {
    { 76, "too many open files" }, /* a file a column, and a path of a JSON column */
    { 241, "for query" },           { 241, "for user" }, { 241, "query memory limit" }, { 241, "user memory limit" },
    { 252, "too many partitions" },
};

static bool speaks_of_size(const char *message)
{
    for (size_t i = 0; i < ARRAY_LENGTH(size_words); i++) {
        if (strcasestr(message, size_words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool says_size(const struct store_reply *reply)
{
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        if (sizes[i].code == reply->code && strcasestr(reply->message, sizes[i].words) != NULL) {
            return true;
        }
    }
    return false;
}

/* Without a code of ClickHouse's, HTTP's status must do. */
static enum code_class classify_status(const struct store_reply *reply)
{
    int status = reply->http_status;
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (statuses[i].status == status) {
            return statuses[i].class;
        }
    }
    bool client_error = status >= 400 && status < 500;
    if (client_error && speaks_of_size(reply->message)) {
        return CODE_SIZE;
    }
    return client_error ? CODE_HOLD : CODE_PASSING;
}

/* A view's errors are not the batch's, whose rows may be committed already. */
static enum code_class classify_view(enum code_class class)
{
    if (class == CODE_ROW || class >= CODE_COLUMNS) {
        return CODE_HOLD;
    }
    return class == CODE_PARTS ? CODE_PARTS : CODE_PASSING;
}

bool code_is_before_store(const struct store_reply *reply)
{
    return reply->code == 0 && classify_status(reply) == CODE_SIZE;
}

enum code_class code_classify(const struct store_reply *reply)
{
    if (reply->code == 0) {
        return classify_status(reply);
    }
    const struct code_row *row = find(reply->code);
    enum code_class class = row == NULL ? CODE_SUSPECT : row->class;
    if (code_is_from_view(reply)) {
        return classify_view(class);
    }
    return says_size(reply) ? CODE_SIZE : class;
}
