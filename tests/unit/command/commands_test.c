/* The table of commands, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "command/command_texts.h"
#include "command/commands.h"
#include "command/completion.h"
#include "project_files.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>

static void each_command_has_a_name_of_its_own_and_a_summary_of_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands.count; i++) {
        const struct command *command = commands.rows[i];
        assert_ptr_equal(command_find(&commands, command->name), command);
        assert_in_range(strlen(command->summary), 10, 64);
        assert_true(islower(command->summary[0]));
        assert_null(strchr(command->summary, '\n'));
        assert_int_not_equal(command->summary[strlen(command->summary) - 1], '.');
        assert_non_null(command->help);
        assert_non_null(command->usage);
        assert_non_null(command->run);
    }
    assert_null(command_find(&commands, "nonsense"));
    assert_null(command_find(&commands, ""));
}

static void each_verb_stands_in_the_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands.count; i++) {
        const struct command_verb *verb = commands.rows[i]->verbs;
        for (; verb != NULL && verb->name != NULL; verb++) {
            assert_non_null(strstr(commands.rows[i]->usage, verb->name));
        }
    }
}

static void each_option_of_a_command_has_a_letter_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands.count; i++) {
        bool seen[128] = { 0 };
        const struct command_option *option = commands.rows[i]->options;
        for (; option != NULL && option->name != NULL; option++) {
            assert_in_range(option->letter, 'A', 'z');
            assert_false(seen[option->letter]);
            seen[option->letter] = true;
            assert_non_null(option->help);
        }
    }
}

static void help_has_no_line_of_more_than_80_columns_but_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i <= commands.count; i++) {
        struct buf out = { 0 };
        if (i < commands.count) {
            command_texts_help(commands.rows[i], &out);
        } else {
            command_texts_list(&commands, &out);
        }
        struct slice rest = buf_slice(&out), line;
        while (slice_split(&rest, '\n', &line)) {
            size_t columns = 0;
            for (size_t at = 0; at < line.len; at++) {
                columns += ((unsigned char)line.data[at] & 0xc0) != 0x80;
            }
            bool usage = memmem(line.data, line.len, " sluice ", 8) != NULL;
            assert_true(columns <= 81 || usage);
            assert_true(line.len == 0 || line.data[line.len - 1] != ' ');
        }
        buf_release(&out);
    }
}

static void the_list_names_every_command(void **state)
{
    (void)state;
    struct buf out = { 0 };
    command_texts_list(&commands, &out);
    for (size_t i = 0; i < commands.count; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n  %s ", commands.rows[i]->name);
        assert_non_null(strstr(buf_c_string(&out), line));
    }
    buf_release(&out);
}

static int nothing(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static const struct command_option sample_options[] = {
    COMMAND_CONFIG_OPTION,
    { .name = "all", .help = "of them", .letter = 'A' },
    { 0 },
};
static const struct command_verb sample_verbs[] = { { "new", "makes one" }, { 0 } };
static const struct command sample = {
    .name = "sample",
    .usage = "new [--config FILE]\nnew --all",
    .summary = "show how it looks",
    .help = "The first.\n\nThe second.",
    .verbs = sample_verbs,
    .options = sample_options,
    .run = nothing,
};

static void help_is_made_of_the_row(void **state)
{
    (void)state;
    struct buf out = { 0 };
    command_texts_help(&sample, &out);
    assert_string_equal(buf_c_string(&out), "usage: sluice sample new [--config FILE]\n"
                                            "       sluice sample new --all\n"
                                            "\n"
                                            "Show how it looks.\n"
                                            "\n"
                                            "  new  makes one\n"
                                            "\n"
                                            "  --config FILE  the configuration; else config/sluice.yaml, or\n"
                                            "                 /etc/sluice/sluice.yaml\n"
                                            "  --all          of them\n"
                                            "\n"
                                            "The first.\n"
                                            "\n"
                                            "The second.\n");
    buf_release(&out);
}

static void options_are_read_as_the_row_says(void **state)
{
    (void)state;
    char *words[] = { "sample", "-c", "a.yaml", "--all", "word", "--config=b.yaml", NULL };
    optind = 1;
    assert_int_equal(command_next_option(&sample, 6, words), 'c');
    assert_string_equal(optarg, "a.yaml");
    assert_int_equal(command_next_option(&sample, 6, words), 'A');
    assert_int_equal(command_next_option(&sample, 6, words), 'c');
    assert_string_equal(optarg, "b.yaml");
    assert_int_equal(command_next_option(&sample, 6, words), -1);
    assert_string_equal(words[optind], "word");
}

static void an_option_that_the_row_lacks_is_refused(void **state)
{
    (void)state;
    char *words[][3] = { { "sample", "--every", NULL }, { "sample", "-A", NULL }, { "sample", "--config", NULL } };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        optind = 0; /* anew */
        opterr = 0;
        assert_int_equal(command_next_option(&sample, 2, words[i]), '?');
    }
    assert_int_equal(command_explain_use(&sample), 2);
}

/* What `make deb` and `make dist` ship. */
static void the_pages_are_those_of_the_tables(void **state)
{
    (void)state;
    struct buf out = { 0 };
    command_texts_page(&commands, &out);
    assert_project_page("docs/commands.md", &out, "commands");
    buf_clear(&out);
    commands_manual("sluice", &out);
    assert_project_page("share/man/sluice.1", &out, "commands");
    buf_release(&out);
}

static void the_completions_are_those_of_the_table(void **state)
{
    (void)state;
    struct buf out = { 0 };
    completion_bash(&commands, &out);
    assert_project_page("share/completions/sluice.bash", &out, "commands");
    buf_clear(&out);
    completion_zsh(&commands, &out);
    assert_project_page("share/completions/_sluice", &out, "commands");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_a_name_of_its_own_and_a_summary_of_one_line),
        cmocka_unit_test(each_verb_stands_in_the_usage),
        cmocka_unit_test(each_option_of_a_command_has_a_letter_of_its_own),
        cmocka_unit_test(help_has_no_line_of_more_than_80_columns_but_usage),
        cmocka_unit_test(the_list_names_every_command),
        cmocka_unit_test(help_is_made_of_the_row),
        cmocka_unit_test(options_are_read_as_the_row_says),
        cmocka_unit_test(an_option_that_the_row_lacks_is_refused),
        cmocka_unit_test(the_pages_are_those_of_the_tables),
        cmocka_unit_test(the_completions_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
