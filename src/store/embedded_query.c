#include "store/embedded_query.h"

#include "base/assert.h"
#include "base/clock.h"
#include "store/codes.h"
#include "store/sql.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_ANSWER_BYTES (UINT64_C(64) << 20)

struct slice embedded_error_text(const char *error)
{
    return slice_from_string(error != NULL ? error : "the engine gave no reason");
}

void embedded_read_result(const struct chdb *chdb, struct chdb_result *result, struct buf *out, uint64_t max,
                          struct store_reply *reply)
{
    const char *error = result == NULL ? "the engine is out of memory" : chdb->result_error(result);
    size_t len = error != NULL ? 0 : chdb->result_length(result);
    if (error != NULL) {
        struct slice text = embedded_error_text(error);
        store_reply_set(reply, STORE_ANSWERED, store_parse_error_code(text), 0, text);
    } else if (out != NULL && len > max) {
        store_reply_set(reply, STORE_ANSWERED, CODE_TOO_MANY_ROWS_OR_BYTES, 0,
                        SLICE("Code: 396. the result is larger than the limit"));
    } else {
        if (out != NULL && len != 0) {
            buf_append(out, chdb->result_buffer(result), len);
        }
        store_reply_set(reply, STORE_DONE, 0, 0, SLICE(""));
    }
    if (result != NULL) {
        chdb->destroy_query_result(result);
    }
}

void embedded_run(const struct chdb *chdb, chdb_connection connection, struct slice sql, struct buf *out,
                  struct store_reply *reply)
{
    embedded_read_result(chdb, chdb->query_n(connection, sql.data, sql.len, "TSV", 3), out, MAX_ANSWER_BYTES, reply);
}

static bool same_limits(const struct embedded_limits *a, const struct embedded_limits *b)
{
    return a->seconds == b->seconds && a->bytes == b->bytes && a->rows == b->rows && a->memory == b->memory &&
           a->read == b->read && a->read_only == b->read_only;
}

/* Brings the connection's limits to what this query wants; most queries want what the last one did. */
static void set_limits(const struct chdb *chdb, chdb_connection connection, struct embedded_limits *limits,
                       const struct store_query *query, uint64_t max_bytes, struct store_reply *reply)
{
    char sql[384];
    int64_t seconds = query->timeout_ns <= 0 ? 0 : (query->timeout_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
    const struct embedded_limits wanted = { .seconds = seconds,
                                            .bytes = max_bytes,
                                            .rows = query->max_result_rows,
                                            .memory = query->max_memory,
                                            .read = query->max_rows_to_read,
                                            .read_only = query->read_only || limits->read_only };
    reply->outcome = STORE_DONE;
    if (same_limits(&wanted, limits)) {
        return;
    }
    int len = snprintf(sql, sizeof sql,
                       "SET max_execution_time = %lld, max_result_bytes = %llu, max_result_rows = %llu, "
                       "max_memory_usage = %llu, max_rows_to_read = %llu%s",
                       (long long)wanted.seconds, (unsigned long long)wanted.bytes, (unsigned long long)wanted.rows,
                       (unsigned long long)wanted.memory, (unsigned long long)wanted.read,
                       wanted.read_only && !limits->read_only ? ", readonly = 2" : "");
    ASSERT_BELOW(len, (int)sizeof sql);
    embedded_run(chdb, connection, slice_make(sql, (size_t)len), NULL, reply);
    if (reply->outcome == STORE_DONE) {
        *limits = wanted;
    }
}

/* The four arrays that query_with_params_n wants, in one allocation. */
struct bindings {
    const char **names;
    const char **values;
    size_t *name_lens;
    size_t *value_lens;
    struct buf *escaped;
    size_t count;
};

static bool bindings_init(struct bindings *bindings, const struct store_query *query)
{
    size_t count = query->parameter_count;
    *bindings = (struct bindings){ .count = count };
    bindings->names = calloc(count + 1, 2 * (sizeof(char *) + sizeof(size_t)) + sizeof(struct buf));
    if (bindings->names == NULL) {
        return false;
    }
    bindings->escaped = (struct buf *)(void *)bindings->names;
    bindings->names = (const char **)(void *)(bindings->escaped + count);
    bindings->values = bindings->names + count;
    bindings->name_lens = (size_t *)(void *)(bindings->values + count);
    bindings->value_lens = bindings->name_lens + count;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        sql_escape_parameter(&query->parameters[i], &bindings->escaped[i]);
        whole = whole && buf_c_string(&bindings->escaped[i]) != NULL && !bindings->escaped[i].failed;
        bindings->names[i] = query->parameters[i].name;
        bindings->name_lens[i] = strlen(query->parameters[i].name);
        bindings->values[i] = bindings->escaped[i].data;
        bindings->value_lens[i] = bindings->escaped[i].len;
    }
    return whole;
}

static void bindings_release(struct bindings *bindings)
{
    for (size_t i = 0; bindings->escaped != NULL && i < bindings->count; i++) {
        buf_release(&bindings->escaped[i]);
    }
    free(bindings->escaped);
}

void embedded_run_query(const struct chdb *chdb, chdb_connection connection, struct embedded_limits *limits,
                        const struct store_query *query, struct buf *out, struct store_reply *reply)
{
    uint64_t max = query->max_result_bytes != 0 ? query->max_result_bytes : MAX_ANSWER_BYTES;
    struct slice format = slice_from_string(query->format != NULL ? query->format : "TSV");
    struct bindings bindings;
    set_limits(chdb, connection, limits, query, max, reply);
    if (reply->outcome != STORE_DONE) {
        return;
    }
    if (!bindings_init(&bindings, query)) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("out of memory"));
    } else {
        embedded_read_result(chdb,
                             chdb->query_with_params_n(connection, query->sql.data, query->sql.len, format.data,
                                                       format.len, bindings.names, bindings.name_lens, bindings.values,
                                                       bindings.value_lens, bindings.count),
                             out, max, reply);
    }
    bindings_release(&bindings);
}
