/* Turns a file of SQL into statements that a server has run. */
#include "store/table/setup.h"

#include "config/options/setup_options.h"
#include "store/answer_text.h"
#include "store/codes.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/table/sql_split.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* A relative path is beside the file that names it. */
static void append_path(const struct setup_options *file, struct buf *out)
{
    const char *slash = file->file == NULL ? NULL : strrchr(file->file, '/');
    if (file->path[0] != '/' && slash != NULL) {
        buf_append(out, file->file, (size_t)(slash - file->file) + 1);
    }
    buf_append_string(out, file->path);
}

static bool read_stream(FILE *stream, struct buf *text)
{
    char piece[16384];
    size_t len;
    while ((len = fread(piece, 1, sizeof piece, stream)) != 0 && text->len <= SETUP_FILE_LIMIT) {
        buf_append(text, piece, len);
    }
    return ferror(stream) == 0;
}

/* False with a line in *problem. */
static bool read_file(const struct setup_options *file, struct buf *text, struct buf *problem)
{
    struct buf path = { 0 };
    append_path(file, &path);
    const char *name = buf_c_string(&path);
    FILE *stream = name == NULL ? NULL : fopen(name, "re");
    bool fine = stream != NULL && read_stream(stream, text);
    if (!fine) {
        buf_printf(problem, "%s cannot be read: %s", name == NULL ? file->path : name, strerror(errno));
    } else if (text->len > SETUP_FILE_LIMIT || text->failed) {
        fine = false;
        buf_printf(problem, "%s: found more than %d bytes, expected a file of SQL that is not larger", name,
                   SETUP_FILE_LIMIT);
    }
    if (stream != NULL) {
        fclose(stream);
    }
    buf_release(&path);
    return fine;
}

static struct sql_splitter split(const struct buf *text)
{
    return (struct sql_splitter){ .rest = buf_slice(text), .line = 1 };
}

static bool check_file(const struct setup_options *file, struct buf *problem)
{
    struct buf text = { 0 };
    bool fine = read_file(file, &text, problem);
    if (fine) {
        struct sql_splitter splitter = split(&text);
        struct sql_statement statement;
        while (sql_split_next(&splitter, &statement)) {
        }
        fine = splitter.problem == NULL;
        if (!fine) {
            buf_printf(problem, "%s:%d: %s", file->path, splitter.line, splitter.problem);
        }
    }
    buf_release(&text);
    return fine;
}

bool setup_check(const struct setup_options *files, size_t count, struct buf *problems)
{
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        struct buf problem = { 0 };
        if (!check_file(&files[i], &problem)) {
            buf_printf(problems, "%s:%d: setup[%zu]: %s\n", files[i].file, files[i].line, i, buf_c_string(&problem));
            fine = false;
        }
        buf_release(&problem);
    }
    return fine;
}

enum placeholder { NO_PLACEHOLDER, DATABASE, ON_CLUSTER, NAMES };

static enum placeholder placeholder_at(struct slice text, size_t *length)
{
    static const struct {
        struct slice text;
        enum placeholder placeholder;
    } known[] = { { { "{database}", 10 }, DATABASE },
                  { { "{on_cluster}", 12 }, ON_CLUSTER },
                  { { "{names}", 7 }, NAMES } };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (slice_starts_with(text, known[i].text)) {
            *length = known[i].text.len;
            return known[i].placeholder;
        }
    }
    *length = 1;
    return NO_PLACEHOLDER;
}

static const char *database_of(const struct setup_target *target)
{
    return target->database == NULL || target->database[0] == '\0' ? "default" : target->database;
}

/* Outside of quotes a name stands between backquotes. */
static void append_plain(enum placeholder placeholder, const struct setup_options *file,
                         const struct setup_target *target, struct buf *out)
{
    if (placeholder == DATABASE) {
        sql_quote_identifier(slice_from_string(database_of(target)), out);
    } else if (placeholder == ON_CLUSTER && target->cluster[0] != '\0') {
        buf_append_string(out, "ON CLUSTER ");
        sql_quote_identifier(slice_from_string(target->cluster), out);
    } else if (placeholder == NAMES) {
        buf_append_string(out, file->scope); /* letters, digits and '_' */
    }
}

static void append_quoted(struct slice quoted, const struct setup_options *file, const struct setup_target *target,
                          struct buf *out)
{
    const char *const values[] = {
        [DATABASE] = database_of(target), [ON_CLUSTER] = target->cluster, [NAMES] = file->scope
    };
    while (quoted.len != 0) {
        size_t length;
        enum placeholder placeholder = placeholder_at(quoted, &length);
        if (placeholder == NO_PLACEHOLDER) {
            buf_append_byte(out, (uint8_t)quoted.data[0]);
        } else {
            buf_append_string(out, values[placeholder]);
        }
        quoted = slice_after(quoted, length);
    }
}

/* The statement as it is sent. */
static void fill_in(struct slice text, const struct setup_options *file, const struct setup_target *target,
                    struct buf *out)
{
    while (text.len != 0) {
        size_t length;
        enum sql_piece piece = sql_piece_at(text, &length);
        enum placeholder placeholder = NO_PLACEHOLDER;
        if (piece == SQL_PLAIN) {
            placeholder = placeholder_at(text, &length);
        }
        if (placeholder != NO_PLACEHOLDER) {
            append_plain(placeholder, file, target, out);
        } else if (piece == SQL_QUOTED) {
            append_quoted(slice_make(text.data, length), file, target, out);
        } else {
            buf_append(out, text.data, length);
        }
        text = slice_after(text, length);
    }
}

/* A statement that reads rows may say one of them in its error. */
static bool may_quote(struct slice statement)
{
    bool moves_rows = statement.len >= 6 && strncasecmp(statement.data, "INSERT", 6) == 0;
    return moves_rows || memmem(statement.data, statement.len, "POPULATE", 8) != NULL;
}

static enum setup_outcome tell(const struct setup_options *file, const struct sql_statement *statement,
                               const struct store_reply *reply, struct buf *problem)
{
    char text[STORE_MESSAGE_MAX];
    if (may_quote(statement->text)) {
        answer_explain(reply, text, sizeof text);
    } else {
        answer_quote(reply, text, sizeof text);
    }
    buf_printf(problem, "%s:%d: %s", file->path, statement->line, text);
    bool away = reply->outcome != STORE_ANSWERED || code_is_silent(reply);
    return away ? SETUP_AWAY : SETUP_FAILED;
}

void setup_send(void *context, struct slice statement, struct store_reply *reply)
{
    const struct setup_server *at = context;
    struct buf answer = { 0 };
    struct store_query query = { .sql = statement, .timeout_ns = at->timeout_ns, .script = true };
    at->store->ops->query(at->session, at->server, &query, &answer, reply);
    buf_release(&answer);
}

static enum setup_outcome run(const struct setup_options *file, const struct setup_target *target,
                              const struct sql_statement *statement, struct buf *problem)
{
    struct buf sql = { 0 };
    struct store_reply reply = { .outcome = STORE_UNREACHABLE, .message = "out of memory" };
    fill_in(statement->text, file, target, &sql);
    if (!sql.failed) {
        target->send(target->context, buf_slice(&sql), &reply);
    }
    if (reply.outcome == STORE_ANSWERED && reply.code == CODE_UNKNOWN_TABLE && target->make_tables != NULL) {
        target->make_tables(target->context);
        target->send(target->context, buf_slice(&sql), &reply);
    }
    buf_release(&sql);
    return reply.outcome == STORE_DONE ? SETUP_DONE : tell(file, statement, &reply, problem);
}

enum setup_outcome setup_run(const struct setup_options *file, const struct setup_target *target, size_t *statements,
                             struct buf *problem)
{
    struct buf text = { 0 };
    enum setup_outcome outcome = read_file(file, &text, problem) ? SETUP_DONE : SETUP_FAILED;
    struct sql_splitter splitter = split(&text);
    struct sql_statement statement;
    *statements = 0;
    while (outcome == SETUP_DONE && sql_split_next(&splitter, &statement)) {
        outcome = run(file, target, &statement, problem);
        *statements += outcome == SETUP_DONE;
    }
    if (outcome == SETUP_DONE && splitter.problem != NULL) {
        buf_printf(problem, "%s:%d: %s", file->path, splitter.line, splitter.problem);
        outcome = SETUP_FAILED;
    }
    buf_release(&text);
    return outcome;
}
