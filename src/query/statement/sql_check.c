/* Looks at the tokens of a statement. */
#include "query/statement/sql_check.h"

#include "query/statement/sql_token.h"

#include <stddef.h>

/* They read files, ask other hosts, or run programs. */
static const char *const forbidden_functions[] = {
    "arrowFlight",
    "azureBlobStorage",
    "azureBlobStorageCluster",
    "catboostEvaluate",
    "cluster",
    "clusterAllReplicas",
    "cosn",
    "deltaLake",
    "deltaLakeAzure",
    "deltaLakeCluster",
    "deltaLakeLocal",
    "deltaLakeS3",
    "executable",
    "file",
    "fileCluster",
    "gcs",
    "hdfs",
    "hdfsCluster",
    "hudi",
    "hudiCluster",
    "iceberg",
    "icebergAzure",
    "icebergCluster",
    "icebergHDFS",
    "icebergLocal",
    "icebergS3",
    "input",
    "jdbc",
    "kafka",
    "mongodb",
    "mysql",
    "odbc",
    "oss",
    "paimon",
    "paimonS3",
    "postgresql",
    "python",
    "redis",
    "remote",
    "remoteSecure",
    "s3",
    "s3Cluster",
    "sqlite",
    "url",
    "urlCluster",
    "ytsaurus",
};

/* Two tokens back and the state of a walk. */
struct walk {
    struct sql_token last[3]; /* the last ones but blanks, the newest first */
    size_t count;             /* of all */
    int depth;                /* of brackets */
    struct buf *problem;
};

static bool refuse(struct walk *walk, const char *why)
{
    buf_append_string(walk->problem, why);
    return false;
}

static bool is_byte(const struct sql_token *token, char c)
{
    return token->kind == SQL_OTHER && token->text.data[0] == c;
}

static bool is_forbidden(const struct sql_token *token)
{
    struct slice name = sql_token_name(token);
    for (size_t i = 0; i < ARRAY_LENGTH(forbidden_functions); i++) {
        if (slice_equal_nocase(name, slice_from_string(forbidden_functions[i]))) {
            return true;
        }
    }
    return false;
}

static bool check_function(struct walk *walk)
{
    const struct sql_token *name = &walk->last[1];
    if (walk->count < 2 || !is_byte(&walk->last[0], '(') || (name->kind != SQL_WORD && name->kind != SQL_NAME) ||
        !is_forbidden(name)) {
        return true;
    }
    buf_printf(walk->problem, "%.*s(…) reaches beyond the tables of the store; it is not allowed in queries",
               (int)name->text.len, name->text.data);
    return false;
}

/* The engine in process takes FROM 'x.csv' for a file. */
static bool check_table(struct walk *walk)
{
    const struct sql_token *table = &walk->last[0];
    bool behind = walk->count >= 2 && (sql_token_is(&walk->last[1], "FROM") || sql_token_is(&walk->last[1], "JOIN"));
    bool path =
        table->kind == SQL_TEXT || (table->kind == SQL_NAME && memchr(table->text.data, '/', table->text.len) != NULL);
    return !behind || !path || refuse(walk, "behind FROM and JOIN stands a table, and no path of a file");
}

static bool check_order(struct walk *walk, enum sql_check_what what)
{
    const struct sql_token *token = &walk->last[0];
    if (walk->count == 1 && what == SQL_STATEMENT && !sql_token_is(token, "SELECT") && !sql_token_is(token, "WITH")) {
        return refuse(walk, "expected one statement that begins with SELECT or WITH");
    }
    if (is_byte(token, ';')) {
        return refuse(walk, "found ';', expected one statement without it");
    }
    if (sql_token_is(token, "OUTFILE") || (walk->depth == 0 && sql_token_is(token, "INSERT"))) {
        return refuse(walk, "a query reads; INSERT and INTO OUTFILE are not allowed");
    }
    if (what == SQL_EXPRESSION && token->kind == SQL_PLACEHOLDER) {
        return refuse(walk, "the SQL of a choice holds no {placeholder}");
    }
    walk->depth += is_byte(token, '(') || is_byte(token, '[') ? 1 : is_byte(token, ')') || is_byte(token, ']') ? -1 : 0;
    return walk->depth >= 0 || refuse(walk, "a bracket is closed that was not opened");
}

/* FORMAT x, at the end or before SETTINGS. */
static bool has_format(const struct walk *walk, bool at_end)
{
    const struct sql_token *name = &walk->last[at_end ? 0 : 1], *word = name + 1;
    return walk->count > (at_end ? 2 : 3) && walk->depth == 0 && sql_token_is(word, "FORMAT") &&
           name->kind == SQL_WORD && !sql_token_is(name, "DESC") && !sql_token_is(name, "ASC") &&
           (at_end || sql_token_is(&walk->last[0], "SETTINGS"));
}

static bool check_end(struct walk *walk)
{
    if (walk->count == 0) {
        return refuse(walk, "found no SQL");
    }
    if (has_format(walk, true)) {
        return refuse(walk, "leave FORMAT out: `shape` says what the answer looks like");
    }
    return walk->depth == 0 || refuse(walk, "a bracket is never closed");
}

bool sql_check(struct slice text, enum sql_check_what what, struct buf *problem)
{
    struct walk walk = { .problem = problem };
    struct sql_token token;
    const char *wrong;
    while (sql_token_take(&text, &token, &wrong)) {
        if (token.kind == SQL_BLANK) {
            continue;
        }
        walk.last[2] = walk.last[1];
        walk.last[1] = walk.last[0];
        walk.last[0] = token;
        walk.count++;
        if (!check_order(&walk, what) || !check_function(&walk) || !check_table(&walk)) {
            return false;
        }
        if (has_format(&walk, false)) {
            return refuse(&walk, "leave FORMAT out: `shape` says what the answer looks like");
        }
    }
    return wrong == NULL ? check_end(&walk) : refuse(&walk, wrong);
}
