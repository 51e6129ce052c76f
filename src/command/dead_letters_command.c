/* Turns dead letters into lines for people, into segments that are delivered again, or into nothing. */
#include "command/dead_letters_command.h"

#include "base/plain_text.h"
#include "pipeline/journal/letter_files.h"

#include <errno.h>
#include <stdio.h>

#define REASON_SHOWN 120
#define NAME_SHOWN 256

struct totals {
    uint64_t segments, rows, bytes;
};

struct verb {
    const char *name;
    bool all_needs_flag;
    void (*begin)(void);
    /* One letter whose bytes were read; it counts in the totals if this returns true. */
    bool (*act)(const struct letter_files *files, const struct letter *letter, const struct letter_view *view);
    void (*end)(const struct letter_files *files, const struct totals *totals);
};

static const char *or_dash(const char *text)
{
    return text == NULL || text[0] == '\0' ? "-" : text;
}

static bool complain(const struct letter *letter, const char *what)
{
    fprintf(stderr, "sluice dead-letters: %s: %s\n", letter->name, what);
    return false;
}

static bool complain_of_errno(const struct letter_files *files, const struct letter *letter, const char *what)
{
    fprintf(stderr, "sluice dead-letters: cannot %s %s/%s: %s\n", what, files->dead, letter->name, strerror(errno));
    return false;
}

/* --- list --- */

static void begin_list(void)
{
    printf("%-20s  %-16s  %-16s %8s %10s %6s  %-56s  %s\n", "WHEN", "STREAM", "TABLE", "ROWS", "BYTES", "CODE",
           "SEGMENT", "REASON");
}

/* As plain text, for a file may hold anything. */
static void print_reason(struct slice reason)
{
    char text[REASON_SHOWN + 1];
    plain_text_copy(reason, text, sizeof text);
    printf("%s%s\n", text, reason.len > REASON_SHOWN ? "…" : "");
}

static bool list_letter(const struct letter_files *files, const struct letter *letter, const struct letter_view *view)
{
    char code[16] = "-", at[32], stream[NAME_SHOWN], table[NAME_SHOWN];
    (void)files;
    plain_text_copy(view->at.len == 0 ? SLICE("-") : buf_slice(&view->at), at, sizeof at);
    plain_text_copy(slice_from_string(or_dash(view->header.stream)), stream, sizeof stream);
    plain_text_copy(slice_from_string(or_dash(view->header.table)), table, sizeof table);
    if (view->code != 0) {
        snprintf(code, sizeof code, "%lld", (long long)view->code);
    }
    printf("%-20s  %-16s  %-16s %8llu %10llu %6s  %-56s  ", at, stream, table, (unsigned long long)view->rows,
           (unsigned long long)letter->size, code, letter->name);
    if (!view->whole) {
        puts("DAMAGED: its rows cannot all be read");
        return complain(letter, "damaged");
    }
    print_reason(view->reason.len == 0 ? SLICE("unknown: a crash left its bytes alone") : buf_slice(&view->reason));
    return true;
}

static void end_list(const struct letter_files *files, const struct totals *totals)
{
    printf("%llu segments, %llu rows, %llu bytes\n", (unsigned long long)totals->segments,
           (unsigned long long)totals->rows, (unsigned long long)totals->bytes);
    if (files->given_back != 0) {
        printf("%zu more were given back and wait in %s for the gateway to take them\n", files->given_back,
               files->retry);
    }
}

/* --- retry --- */

static bool retry_letter(const struct letter_files *files, const struct letter *letter, const struct letter_view *view)
{
    if (!view->whole) {
        return complain(letter,
                        "damaged, so it stays; what can be read of it: sluice dead-letters list, and its .ndjson");
    }
    return letter_give_back(files, letter) || complain_of_errno(files, letter, "give back");
}

static void end_retry(const struct letter_files *files, const struct totals *totals)
{
    (void)files;
    printf(
        "gave back %llu segments, %llu rows: a running gateway takes them within seconds, else the next start does\n",
        (unsigned long long)totals->segments, (unsigned long long)totals->rows);
}

/* --- drop --- */

static bool drop_letter(const struct letter_files *files, const struct letter *letter, const struct letter_view *view)
{
    (void)view;
    return letter_drop(files, letter) || complain_of_errno(files, letter, "drop");
}

static void end_drop(const struct letter_files *files, const struct totals *totals)
{
    (void)files;
    printf("dropped %llu segments, %llu rows\n", (unsigned long long)totals->segments,
           (unsigned long long)totals->rows);
}

static const struct verb verbs[] = {
    { .name = "list", .begin = begin_list, .act = list_letter, .end = end_list },
    { .name = "retry", .act = retry_letter, .end = end_retry },
    { .name = "drop", .all_needs_flag = true, .act = drop_letter, .end = end_drop },
};

/* --- the walk over the letters --- */

/* What a crash left of a burial is swept along: it holds nothing. */
static bool sweep(const struct verb *verb, const struct letter_files *files, const struct letter *letter)
{
    return verb->act == list_letter || letter_sweep(files, letter) || complain_of_errno(files, letter, "remove");
}

static bool handle(const struct verb *verb, const struct letter_files *files, const struct letter *letter,
                   struct totals *totals)
{
    struct letter_view view;
    if (!letter->has_bytes) {
        return sweep(verb, files, letter);
    }
    if (!letter_look(files, letter, &view)) {
        bool gone = errno == ENOENT; /* another command was faster */
        letter_view_release(&view);
        return gone || complain_of_errno(files, letter, "read");
    }
    bool done = verb->act(files, letter, &view);
    if (done) {
        totals->segments++;
        totals->rows += view.rows;
        totals->bytes += letter->size;
    }
    letter_view_release(&view);
    return done;
}

static bool handle_all(const struct verb *verb, const struct letter_files *files, struct totals *totals)
{
    bool fine = true;
    for (size_t i = 0; i < files->count; i++) {
        fine = handle(verb, files, &files->letters[i], totals) && fine;
    }
    return fine;
}

static bool handle_named(const struct verb *verb, const struct letter_files *files, char **names, int count,
                         struct totals *totals)
{
    bool fine = true;
    for (int i = 0; i < count; i++) {
        const struct letter *letter = letter_find(files, names[i]);
        if (letter == NULL || !letter->has_bytes) {
            fprintf(stderr, "sluice dead-letters: there is no %s in %s; `list` names what there is\n", names[i],
                    files->dead);
            fine = false;
        } else {
            fine = handle(verb, files, letter, totals) && fine;
        }
    }
    return fine;
}

static bool has_letters(const struct letter_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (files->letters[i].has_bytes) {
            return true;
        }
    }
    return false;
}

static bool run(const struct verb *verb, const struct letter_files *files, char **names, int count)
{
    struct totals totals = { 0 };
    bool any = has_letters(files);
    if (!any && count == 0) {
        puts("no dead letters");
    } else if (verb->begin != NULL) {
        verb->begin();
    }
    bool fine = count == 0 ? handle_all(verb, files, &totals) : handle_named(verb, files, names, count, &totals);
    if (verb->act != list_letter && files->count != 0 && !letter_files_sync(files)) {
        fprintf(stderr, "sluice dead-letters: cannot sync %s: %s\n", files->dead, strerror(errno));
        fine = false;
    }
    if (any || count != 0 || (verb->act == list_letter && files->given_back != 0)) {
        verb->end(files, &totals);
    }
    return fine;
}

static int run_in(const struct verb *verb, const char *data, char **names, int count)
{
    struct letter_files files;
    struct buf problem = { 0 };
    bool fine = letter_files_read(&files, data, &problem);
    if (fine) {
        fine = run(verb, &files, names, count);
    } else {
        fprintf(stderr, "sluice dead-letters: %.*s\n", (int)problem.len, problem.data != NULL ? problem.data : "");
    }
    letter_files_release(&files);
    buf_release(&problem);
    return fine && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static int run_command(int argc, char **argv)
{
    bool all = argc == 4 && strcmp(argv[3], "--all") == 0;
    int count = all ? 0 : argc - 3;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && !(all && i == 3)) {
            return command_explain_use(&dead_letters_command);
        }
    }
    for (size_t i = 0; argc >= 3 && i < ARRAY_LENGTH(verbs); i++) {
        bool understood = count != 0 || all || !verbs[i].all_needs_flag;
        if (strcmp(argv[1], verbs[i].name) == 0 && understood) {
            return run_in(&verbs[i], argv[2], argv + 3, count);
        }
    }
    return command_explain_use(&dead_letters_command);
}

static const struct command_verb command_verbs[] = {
    { "list", "a line a segment: when, stream, table, rows, bytes, code, name, reason; then the sums" },
    { "retry", "give them back to delivery: a running gateway takes them within seconds, else the next start does" },
    { "drop", "delete them and say how many rows; all of them only with --all" },
    { 0 },
};

static const struct command_option options[] = {
    { .name = "all", .help = "of drop: all that there are", .letter = 'A' },
    { 0 },
};

const struct command dead_letters_command = {
    .name = "dead-letters",
    .usage = "list|retry DATA_FOLDER [SEGMENT…]\n"
             "drop DATA_FOLDER --all | SEGMENT…",
    .summary = "list, retry or drop the rows that a table refused",
    .help = "It works beside a running gateway and without one. Without a SEGMENT, list and retry mean all. Exit code: "
            "0, 1 if a segment is damaged or not there, 2 for the command line.",
    .verbs = command_verbs,
    .options = options,
    .run = run_command,
};
