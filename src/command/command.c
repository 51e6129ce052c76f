/* Turns the options of a command into what getopt_long wants, and its forms into lines. */
#include "command/command.h"

#include "base/assert.h"

#include <getopt.h>
#include <stdio.h>

#define OPTIONS_MAX 16

static bool has_short_form(const struct command_option *option)
{
    return option->letter >= 'a' && option->letter <= 'z';
}

int command_next_option(const struct command *command, int argc, char **argv)
{
    struct option options[OPTIONS_MAX + 1] = { 0 };
    char letters[2 * OPTIONS_MAX + 1] = "";
    size_t used = 0;
    for (size_t i = 0; command->options != NULL && command->options[i].name != NULL; i++) {
        const struct command_option *option = &command->options[i];
        ASSERT(i < OPTIONS_MAX && option->letter != '?');
        int takes = option->value != NULL ? required_argument : no_argument;
        options[i] = (struct option){ option->name, takes, NULL, option->letter };
        if (has_short_form(option)) {
            letters[used++] = (char)option->letter;
            letters[used] = takes == required_argument ? ':' : '\0';
            used += takes == required_argument;
        }
    }
    return getopt_long(argc, argv, letters, options, NULL);
}

void command_append_usage(const struct command *command, struct buf *out)
{
    struct slice rest = slice_from_string(command->usage);
    struct slice form;
    bool first = true;
    while (slice_split(&rest, '\n', &form)) {
        buf_printf(out, "%s sluice %s%s%.*s\n", first ? "usage:" : "      ", command->name, form.len != 0 ? " " : "",
                   (int)form.len, form.data);
        first = false;
    }
}

const struct command *command_find(const struct command_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i]->name, name) == 0) {
            return table->rows[i];
        }
    }
    return NULL;
}

int command_explain_use(const struct command *command)
{
    struct buf out = { 0 };
    command_append_usage(command, &out);
    fwrite(out.data, 1, out.len, stderr);
    buf_release(&out);
    return 2;
}
