/* Turns the table of commands into a script for bash and one for zsh. */
#include "command/completion.h"

#include "base/assert.h"

/* --- what is expected --- */

static bool takes_folder(const struct command *command)
{
    return strstr(command->usage, "DATA_FOLDER") != NULL;
}

static bool takes_command(const struct command *command)
{
    return strstr(command->usage, "COMMAND") != NULL;
}

static bool is_file(const struct command_option *option)
{
    return option->value != NULL && strcmp(option->value, "FILE") == 0;
}

static bool is_folder(const struct command_option *option)
{
    return option->value != NULL && (strcmp(option->value, "DIRECTORY") == 0 || strcmp(option->value, "FOLDER") == 0);
}

static const struct command_option *options_of(const struct command *command)
{
    static const struct command_option none[] = { { 0 } };
    return command->options != NULL ? command->options : none;
}

static const struct command_verb *verbs_of(const struct command *command)
{
    static const struct command_verb none[] = { { 0 } };
    return command->verbs != NULL ? command->verbs : none;
}

static void append_names(struct buf *out, const struct command_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", table->rows[i]->name);
    }
}

/* --- bash --- */

static const char bash_begin[] =
    "# bash completion of sluice, written from its table of commands: `sluice completion bash`\n"
    "_sluice()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=serve\n"
    "    local commands= verbs= options= files= folders= values= argument= words=\n";

static const char bash_end[] = "    COMPREPLY=()\n"
                               "    if [[ \" $files \" == *\" $previous \"* ]]; then\n"
                               "        compopt -o filenames\n"
                               "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
                               "    elif [[ \" $folders \" == *\" $previous \"* ]]; then\n"
                               "        compopt -o filenames\n"
                               "        mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
                               "    elif [[ \" $values \" == *\" $previous \"* ]]; then\n"
                               "        return\n"
                               "    elif ((COMP_CWORD == 1)); then\n"
                               "        words=\"$commands $options --version --help\"\n"
                               "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                               "    elif [[ $current == -* ]]; then\n"
                               "        mapfile -t COMPREPLY < <(compgen -W \"$options --help\" -- \"$current\")\n"
                               "    elif [[ -n $verbs && $COMP_CWORD -eq 2 ]]; then\n"
                               "        mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$current\")\n"
                               "    elif [[ $argument == command ]]; then\n"
                               "        mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\")\n"
                               "    elif [[ $argument == folder ]]; then\n"
                               "        compopt -o filenames\n"
                               "        mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
                               "    fi\n"
                               "}\n"
                               "complete -F _sluice sluice\n";

/* --a --b: the options that `wanted` picks. */
static void append_bash_options(struct buf *out, const struct command *command,
                                bool (*wanted)(const struct command_option *option))
{
    const char *between = "";
    for (const struct command_option *option = options_of(command); option->name != NULL; option++) {
        if (wanted(option)) {
            buf_printf(out, "%s--%s", between, option->name);
            between = " ";
        }
    }
}

static bool is_any(const struct command_option *option)
{
    return option->name != NULL;
}

static bool is_value(const struct command_option *option)
{
    return option->value != NULL && !is_file(option) && !is_folder(option);
}

static const struct {
    const char *name;
    bool (*wanted)(const struct command_option *option);
} bash_lists[] = {
    { "options", is_any },
    { "files", is_file },
    { "folders", is_folder },
    { "values", is_value },
};

static void append_bash_case(struct buf *out, const struct command *command)
{
    buf_printf(out, "    %s)\n        verbs=\"", command->name);
    for (const struct command_verb *verb = verbs_of(command); verb->name != NULL; verb++) {
        buf_printf(out, "%s%s", verb == command->verbs ? "" : " ", verb->name);
    }
    buf_append_string(out, "\"\n");
    for (size_t i = 0; i < ARRAY_LENGTH(bash_lists); i++) {
        buf_printf(out, "        %s=\"", bash_lists[i].name);
        append_bash_options(out, command, bash_lists[i].wanted);
        buf_append_string(out, "\"\n");
    }
    buf_printf(out, "        argument=%s\n        ;;\n",
               takes_folder(command)    ? "folder"
               : takes_command(command) ? "command"
                                        : "");
}

void completion_bash(const struct command_table *table, struct buf *out)
{
    ASSERT(table->count != 0);
    buf_append_string(out, bash_begin);
    buf_append_string(out, "    commands=\"");
    append_names(out, table);
    buf_append_string(out, "\"\n"
                           "    if ((COMP_CWORD > 1)) && [[ \" $commands \" == *\" ${COMP_WORDS[1]} \"* ]]; then\n"
                           "        command=${COMP_WORDS[1]}\n"
                           "    fi\n"
                           "    case $command in\n");
    for (size_t i = 0; i < table->count; i++) {
        append_bash_case(out, table->rows[i]);
    }
    buf_append_string(out, "    esac\n");
    buf_append_string(out, bash_end);
}

/* --- zsh --- */

/* In single quotes, with a backslash before those of `special`. A backtick would be run as a command, so it is left out. */
static void append_zsh_text(struct buf *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_append_string(out, "'\\''");
        } else if (*text != '`') {
            buf_append_string(out, strchr(special, *text) != NULL ? "\\" : "");
            buf_append_byte(out, (uint8_t)*text);
        }
    }
}

#define ZSH_SPECIAL ":[]\\"
#define ZSH_SPECIAL_IN_QUOTES ":[]\\\"$"

static void append_zsh_pair(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "        '%s:", name);
    append_zsh_text(out, help, ZSH_SPECIAL);
    buf_append_string(out, "'\n");
}

static void append_zsh_option(struct buf *out, const struct command_option *option)
{
    buf_printf(out, " \\\n            '--%s[", option->name);
    append_zsh_text(out, option->help, ZSH_SPECIAL);
    buf_append_byte(out, ']');
    if (option->value != NULL) {
        buf_append_byte(out, ':');
        append_zsh_text(out, option->value, ZSH_SPECIAL);
        buf_append_string(out, is_file(option) ? ":_files" : is_folder(option) ? ":_files -/" : ":");
    }
    buf_append_byte(out, '\'');
}

static void append_zsh_verbs(struct buf *out, const struct command *command)
{
    if (command->verbs == NULL) {
        return;
    }
    buf_append_string(out, " \\\n            '1:verb:((");
    for (const struct command_verb *verb = command->verbs; verb->name != NULL; verb++) {
        buf_printf(out, "%s%s\\:\"", verb == command->verbs ? "" : " ", verb->name);
        append_zsh_text(out, verb->help, ZSH_SPECIAL_IN_QUOTES);
        buf_append_byte(out, '"');
    }
    buf_append_string(out, "))'");
}

static void append_zsh_case(struct buf *out, const struct command *command)
{
    buf_printf(out, "    %s)\n        _arguments '--help[say how it is used]'", command->name);
    for (const struct command_option *option = options_of(command); option->name != NULL; option++) {
        append_zsh_option(out, option);
    }
    append_zsh_verbs(out, command);
    if (takes_folder(command)) {
        buf_append_string(out, " \\\n            '2:data folder:_files -/'");
    } else if (takes_command(command)) {
        buf_append_string(out, " \\\n            '1:command:_sluice_commands'");
    }
    buf_append_string(out, "\n        ;;\n");
}

void completion_zsh(const struct command_table *table, struct buf *out)
{
    ASSERT(table->count != 0);
    buf_append_string(out, "#compdef sluice\n"
                           "# zsh completion of sluice, written from its table of commands: `sluice completion zsh`\n\n"
                           "_sluice_commands()\n{\n    local -a commands=(\n");
    for (size_t i = 0; i < table->count; i++) {
        append_zsh_pair(out, table->rows[i]->name, table->rows[i]->summary);
    }
    buf_append_string(out, "    )\n    _describe command commands\n}\n\n"
                           "_sluice()\n{\n"
                           "    local command=serve\n"
                           "    if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then\n"
                           "        _sluice_commands\n        return\n    fi\n"
                           "    if [[ $words[2] != -* ]]; then\n"
                           "        command=$words[2]\n        shift words\n        ((CURRENT--))\n    fi\n"
                           "    case $command in\n");
    for (size_t i = 0; i < table->count; i++) {
        append_zsh_case(out, table->rows[i]);
    }
    buf_append_string(out, "    esac\n}\n\n_sluice \"$@\"\n");
}
