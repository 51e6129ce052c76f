/* Turns the table of commands into lines for a terminal. */
#include "command/command_texts.h"

#include "base/assert.h"

#include <stdio.h>

#define COLUMNS 80
#define NAMES_MOST 28 /* columns; what is behind a longer name begins on the next line */

/* Columns of UTF-8 text: characters, for the texts of the table have no wide ones. */
static size_t columns_of(struct slice text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.len; i++) {
        columns += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    }
    return columns;
}

static void append_blanks(struct buf *out, size_t count)
{
    while (count-- > 0) {
        buf_append_byte(out, ' ');
    }
}

/* The words of one paragraph in lines that begin at `indent`; the cursor is there already. */
static void append_wrapped(struct buf *out, struct slice text, size_t indent)
{
    struct slice word;
    size_t column = indent;
    ASSERT_BELOW(indent, COLUMNS);
    while (slice_split(&text, ' ', &word)) {
        size_t width = columns_of(word);
        if (column != indent && column + 1 + width > COLUMNS) {
            buf_append_byte(out, '\n');
            append_blanks(out, indent);
            column = indent;
        } else if (column != indent) {
            buf_append_byte(out, ' ');
            column++;
        }
        buf_append(out, word.data, word.len);
        column += width;
    }
    buf_append_byte(out, '\n');
}

/* "  --config FILE  the configuration" */
static void append_row(struct buf *out, const char *name, const char *value, const char *help, size_t width)
{
    struct buf left = { 0 };
    buf_printf(&left, "%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");
    size_t columns = columns_of(buf_slice(&left));
    append_blanks(out, 2);
    buf_append(out, left.data, left.len);
    if (columns > width) {
        buf_append_byte(out, '\n');
        append_blanks(out, width + 4);
    } else {
        append_blanks(out, width - columns + 2);
    }
    append_wrapped(out, slice_from_string(help), width + 4);
    buf_release(&left);
}

static size_t most(size_t width, size_t name)
{
    return name > width && name <= NAMES_MOST ? name : width;
}

static size_t option_columns(const struct command_option *option)
{
    size_t value = option->value != NULL ? 1 + columns_of(slice_from_string(option->value)) : 0;
    return 2 + strlen(option->name) + value;
}

static void append_options(struct buf *out, const struct command_option *options)
{
    size_t width = 0;
    for (const struct command_option *option = options; option->name != NULL; option++) {
        width = most(width, option_columns(option));
    }
    for (const struct command_option *option = options; option->name != NULL; option++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", option->name);
        append_row(out, name, option->value, option->help, width);
    }
}

static void append_verbs(struct buf *out, const struct command_verb *verbs)
{
    size_t width = 0;
    for (const struct command_verb *verb = verbs; verb->name != NULL; verb++) {
        width = most(width, strlen(verb->name));
    }
    for (const struct command_verb *verb = verbs; verb->name != NULL; verb++) {
        append_row(out, verb->name, NULL, verb->help, width);
    }
}

static void append_paragraphs(struct buf *out, const char *help)
{
    struct slice text = slice_from_string(help);
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        append_wrapped(out, line, 0);
    }
}

void command_texts_help(const struct command *command, struct buf *out)
{
    command_append_usage(command, out);
    buf_printf(out, "\n%c%s.\n", command->summary[0] & ~0x20, command->summary + 1);
    if (command->verbs != NULL) {
        buf_append_byte(out, '\n');
        append_verbs(out, command->verbs);
    }
    if (command->options != NULL) {
        buf_append_byte(out, '\n');
        append_options(out, command->options);
    }
    if (command->help[0] != '\0') {
        buf_append_byte(out, '\n');
        append_paragraphs(out, command->help);
    }
}

static const char list_usage[] = "usage: sluice COMMAND …\n"
                                 "       sluice [--config FILE] [--check]\n"
                                 "       sluice --version | --help | --options\n\n"
                                 "Sluice takes events over HTTP, WebSocket and UDP, and brings each into ClickHouse\n"
                                 "once.\n\n";
static const char list_end[] = "\n`sluice` without a command is `sluice serve`. `sluice help COMMAND` says more of\n"
                               "one.\n";

void command_texts_list(const struct command_table *table, struct buf *out)
{
    size_t width = 0;
    for (size_t i = 0; i < table->count; i++) {
        width = most(width, strlen(table->rows[i]->name));
    }
    buf_append_string(out, list_usage);
    for (size_t i = 0; i < table->count; i++) {
        append_row(out, table->rows[i]->name, NULL, table->rows[i]->summary, width);
    }
    buf_append_string(out, list_end);
}
