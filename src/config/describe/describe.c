/* Turns the option tables into docs/configuration.md. */
#include "config/describe/describe.h"

#include "config/option_read.h"
#include "config/tables/option_table.h"
#include "config/yaml/environment.h"

static const char *const preface =
    "# Configuration\n\n"
    "This page is written from the option tables of the program (`src/config/tables`).\n\n"
    "`sluice --config FILE` reads one YAML document. `sluice --config FILE --check` only checks it. Every option has "
    "a\n"
    "default, except the streams.\n\n"
    "Options whose text ends in **Reloads.** are taken anew by `SIGHUP`, all others by a restart:\n"
    "[operations.md](operations.md#reload).\n\n"
    "A problem is reported with file, line, key, what was found and what was expected. An unknown key is a problem. "
    "The\n"
    "file is checked in stages. The problems of a stage are reported together, and the next stage comes when they are\n"
    "mended:\n\n"
    "1. the YAML, its first problem alone;\n"
    "2. each option alone;\n"
    "3. options beside each other: names given twice, `writer.backoff_max`, `max_journal`;\n"
    "4. the streams' schemas, and addresses.\n\n"
    "Of a field, and of `trusted_proxies`, the first problem is reported. Options that name fields (`dedup_key`,\n"
    "`order_by`, …) are checked once the stream's fields are good. Some problems have no line: those of\n"
    "`http.listen`, `admin.listen`, `cors_origins`, `hosts`, `trusted_proxies`, `store.url`, `dedup.redis_url` and\n"
    "`writer.backoff_max`. `--check` cannot see what only a start can find: a port that is taken, a table that does "
    "not\n"
    "fit.\n\n"
    "- **Environment.** `${NAME}` in a value becomes the variable's value, `${NAME:-default}` the default if it is "
    "unset\n"
    "  or empty. A default may name variables: `${A:-${B:-c}}`. `$${` is a literal `${`. The structure of the file "
    "cannot be changed that way. The variables of the\n"
    "  table below need no mention in the file: if set and not empty, they win over what it says.\n"
    "- **Sizes** are bytes, or have a unit: `B`, `KB` `MB` `GB` `TB` (powers of 1000), `KiB` `MiB` `GiB` `TiB` "
    "(powers\n"
    "  of 1024).\n"
    "- **Durations** have a unit: `ns`, `us`, `ms`, `s`, `m`, `h`, `d`. Time-outs of `http` are looked at once a\n"
    "  second, so one of 10s ends after 10 to 11 s.\n"
    "- **Lists** of texts are `[a, b]`, or a single text. In `{ … }` and `[ … ]`, quote what has a comma, a bracket or "
    "a\n"
    "  brace: `type: \"Map(String, String)\"`, `from: \"items[].id\"`, `listen: \"${NAME:-:8125}\"`.\n"
    "- **Paths** of `include`, `setup`, `files` and `keys_file` are beside the file that names them. Those of "
    "certificates, secrets "
    "and the\n"
    "  data folder are of the working folder: give whole paths under systemd.\n"
    "- Anchors and aliases work; merge keys (`<<`) and several documents in a file are refused.\n";

static const char *const environment_preface =
    "\n## Environment\n\n"
    "Precedence: a variable of this table that is set and not empty; else the file; else the default. An unknown one\n"
    "that begins with `SLUICE_` is told at start and by `--check`, unless the file mentions it as `${NAME}`.\n"
    "A `…_FILE` names a file whose one line is the value: a secret of Docker, Kubernetes or systemd. Both at once are "
    "a\n"
    "problem.\n\n"
    "| variable | option |\n|---|---|\n";

static const char *const type_names[] = {
    [OPTION_STRING] = "text",
    [OPTION_NAME] = "name",
    [OPTION_BOOL] = "true or false",
    [OPTION_INTEGER] = "number",
    [OPTION_SIZE] = "size",
    [OPTION_DURATION] = "duration",
    [OPTION_SHARE] = "share",
    [OPTION_ENUM] = "one of these",
    [OPTION_STRINGS] = "texts",
    [OPTION_GROUP] = "mapping",
    [OPTION_LIST] = "list of mappings",
    [OPTION_SET] = "some of these",
    [OPTION_PAIRS] = "texts by name",
};

static void describe_allowed(struct buf *out, const struct option *option)
{
    bool text = option->type == OPTION_STRING;
    if (option->names != NULL) {
        for (size_t i = 0; option->names[i] != NULL; i++) {
            buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", option->names[i]);
        }
    } else if (text && option->min != NULL) {
        buf_append_string(out, "not empty");
    } else if (option->type == OPTION_NAME) {
        buf_append_string(out, "1 to 64 of `A-Z a-z 0-9 _`");
    } else if (option->max != NULL) {
        buf_printf(out, "%s to %s", option->min != NULL ? option->min : "0", option->max);
    }
}

static void describe_default(struct buf *out, const struct option *option)
{
    if (option->required) {
        buf_append_string(out, "required");
    } else if (option->type == OPTION_STRINGS) {
        buf_printf(out, "`[%s]`", option->default_text);
    } else if (option->default_text != NULL) {
        buf_printf(out, "`%s`", *option->default_text != '\0' ? option->default_text : "\"\"");
    }
}

static void describe_row(struct buf *out, const struct option *option, bool reloads)
{
    buf_printf(out, "| `%s` | %s | ", option->key, type_names[option->type]);
    describe_default(out, option);
    buf_append_string(out, " | ");
    describe_allowed(out, option);
    buf_printf(out, " | %s%s |\n", option->help, reloads ? " **Reloads.**" : "");
}

/* The table, without its groups and lists: those follow as tables of their own. */
static void describe_table(struct buf *out, const struct option_table *table, bool reloads)
{
    buf_append_string(out, "\n| option | type | default | allowed | |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].inherits == INHERITS_NOTHING) {
            describe_row(out, &table->rows[i], reloads || table->rows[i].reloads);
        }
    }
}

/* An option before it has the same table, which is described there. */
static bool is_described(const struct option_table *table, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (table->rows[i].table == table->rows[at].table) {
            return true;
        }
    }
    return false;
}

/* The options that have the same table as this one. */
static void describe_equals(struct buf *out, const struct option_table *table, size_t at)
{
    bool any = false;
    for (size_t i = at + 1; i < table->count; i++) {
        if (table->rows[i].table == table->rows[at].table) {
            buf_printf(out, "%s `%s`", any ? "," : "The same options have", table->rows[i].key);
            any = true;
        }
    }
    buf_append_string(out, any ? ".\n" : "");
}

/* One that is no group, beside the sections. */
static void describe_single(struct buf *out, const struct option *option)
{
    const struct option_table one = { .rows = option, .count = 1 };
    buf_printf(out, "\n## %s\n", option->key);
    describe_table(out, &one, option->reloads);
}

static void describe_nested(struct buf *out, const struct option_table *table, const char *path, bool reloads)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        if (option->table == NULL && table == &option_sections) {
            describe_single(out, option);
        }
        if (option->table == NULL || is_described(table, i)) {
            continue;
        }
        struct buf name = { 0 };
        buf_printf(&name, "%s%s%s", path, option->key,
                   option->type != OPTION_LIST ? ""
                   : option->named_by != NULL  ? ".NAME"
                                               : "[]");
        buf_printf(out, "\n## %.*s\n\n%s\n", (int)name.len, name.data, option->help);
        describe_equals(out, table, i);
        describe_table(out, option->table, reloads || option->reloads);
        buf_append_byte(&name, '.');
        const char *inner = buf_c_string(&name);
        if (inner != NULL) {
            describe_nested(out, option->table, inner, reloads || option->reloads);
        }
        buf_release(&name);
    }
}

/* Whether "section.key" is. */
static bool is_secret(struct slice path)
{
    struct slice section;
    const struct option *group = slice_split(&path, '.', &section) ? option_find(&option_sections, section) : NULL;
    const struct option *option = group == NULL ? NULL : option_find(group->table, path);
    return option != NULL && option->secret;
}

static void describe_environment(struct buf *out)
{
    buf_append_string(out, environment_preface);
    for (size_t i = 0; i < environment_option_count; i++) {
        const struct environment_option *row = &environment_options[i];
        bool secret = is_secret(slice_from_string(row->path));
        buf_printf(out, "| `%s`%s%s%s | `%s` |\n", row->variable, secret ? ", `" : "", secret ? row->variable : "",
                   secret ? "_FILE`" : "", row->path);
    }
}

void config_describe(struct buf *out)
{
    buf_append_string(out, preface);
    describe_environment(out);
    describe_nested(out, &option_sections, "", false);
}
