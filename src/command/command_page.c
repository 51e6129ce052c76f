/* Turns the table of commands into docs/commands.md. */
#include "command/command_texts.h"

static const char page_begin[] =
    "# Commands\n\n"
    "This page is written from the table of commands of the program (`src/command`).\n\n"
    "## Synopsis\n\n"
    "```sh\n"
    "sluice COMMAND …\n"
    "sluice [--config FILE] [--check]      # without a command: sluice serve\n"
    "sluice --version | --help | --options\n"
    "```\n\n"
    "## Description\n\n"
    "Sluice takes events over HTTP, WebSocket and UDP, checks each against a declared schema, drops duplicates, writes "
    "the "
    "rest to a journal on disk, and inserts them into ClickHouse in large batches.\n\n"
    "`sluice COMMAND --help` says what is said here. `sluice --options` prints every option of the configuration.\n\n"
    "| command | |\n|---|---|\n";

static const char page_end[] =
    "\n## Files\n\n"
    "| file | |\n|---|---|\n"
    "| `/etc/sluice/sluice.yaml` | the configuration of the service, and of commands without --config |\n"
    "| `config/sluice.yaml` | that of commands without --config where it is there, as in the source |\n"
    "| `/etc/sluice/environment` | variables of the service |\n"
    "| `/var/lib/sluice` | the data folder of the service: what is acknowledged and not stored yet, dead letters, the "
    "embedded store |\n"
    "\n## Environment\n\n"
    "Variables such as `SLUICE_STORE` and `CLICKHOUSE_URL` win over the configuration. sluice.yaml(5) lists them.\n"
    "\n## See also\n\n"
    "sluice.yaml(5), clickhouse-client(1), systemctl(1)\n";

/* The first letter of a summary or help, as that of a sentence. */
static void append_sentence(struct buf *out, const char *text)
{
    buf_printf(out, "%c%s.\n", text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0], text + 1);
}

static void append_forms(struct buf *out, const struct command *command)
{
    struct slice rest = slice_from_string(command->usage);
    struct slice form;
    buf_append_string(out, "```sh\n");
    while (slice_split(&rest, '\n', &form)) {
        buf_printf(out, "sluice %s%s%.*s\n", command->name, form.len != 0 ? " " : "", (int)form.len, form.data);
    }
    buf_append_string(out, "```\n\n");
}

static void append_verbs(struct buf *out, const struct command_verb *verbs)
{
    buf_append_string(out, "\n| verb | |\n|---|---|\n");
    for (; verbs->name != NULL; verbs++) {
        buf_printf(out, "| `%s` | %s |\n", verbs->name, verbs->help);
    }
}

static void append_options(struct buf *out, const struct command_option *options)
{
    buf_append_string(out, "\n| option | |\n|---|---|\n");
    for (; options->name != NULL; options++) {
        const char *value = options->value != NULL ? options->value : "";
        buf_printf(out, "| `--%s%s%s` | %s |\n", options->name, *value != '\0' ? " " : "", value, options->help);
    }
}

static void append_command(struct buf *out, const struct command *command)
{
    buf_printf(out, "\n## sluice %s\n\n", command->name);
    append_forms(out, command);
    append_sentence(out, command->summary);
    if (command->verbs != NULL) {
        append_verbs(out, command->verbs);
    }
    if (command->options != NULL) {
        append_options(out, command->options);
    }
    if (command->help[0] != '\0') {
        buf_printf(out, "\n%s\n", command->help);
    }
}

void command_texts_page(const struct command_table *table, struct buf *out)
{
    buf_append_string(out, page_begin);
    for (size_t i = 0; i < table->count; i++) {
        buf_printf(out, "| `%s` | %s |\n", table->rows[i]->name, table->rows[i]->summary);
    }
    for (size_t i = 0; i < table->count; i++) {
        append_command(out, table->rows[i]);
    }
    buf_append_string(out, page_end);
}
