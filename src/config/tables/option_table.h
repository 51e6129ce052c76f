/* The tables of options: what a configuration may say.
 *
 * An option is one row. Parsing, its errors, docs/configuration.md and the checks of the sample file follow from it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum option_type {
    OPTION_STRING,  /* const char *; `min` given: not empty */
    OPTION_NAME,    /* const char *; letters, digits and '_' */
    OPTION_BOOL,    /* bool */
    OPTION_INTEGER, /* int64_t or uint64_t, as the next two */
    OPTION_SIZE,
    OPTION_DURATION, /* int64_t */
    OPTION_SHARE,    /* int64_t: millionths of the whole; written 0.25 */
    OPTION_ENUM,     /* an enum; its values count the `names` from 0 */
    OPTION_SET,      /* unsigned: a bit for each of the `names`, from the lowest; a scalar or a sequence, not empty */
    OPTION_STRINGS,  /* struct string_list: a scalar or a sequence */
    OPTION_PAIRS,    /* struct string_pairs: a mapping of texts; a scalar or a sequence gives each text its own name */
    OPTION_GROUP,    /* a struct, of `table` */
    OPTION_LIST /* a pointer to `item_size` structs of `table`, which begin with a struct option_origin or its members;
                   `min` and `max` count */
};

/* What an item of a list gets from the file that included its own; not a key of the file itself. */
enum option_inherits {
    INHERITS_NOTHING,
    INHERITS_SCOPE,  /* const char *: what its name begins with; "" */
    INHERITS_PREFIX, /* const char *: what its paths begin with; "" */
    INHERITS_HOSTS   /* struct string_list: where it is served unless it says so itself */
};

struct option_table;

struct option {
    const char *key;
    enum option_type type;
    size_t offset;            /* in the struct of the table that the row is in */
    const char *default_text; /* as in the file, lists with commas; NULL: not given (-1 for a duration) */
    const char *min;          /* both in the option's own unit; NULL: whatever the type holds, from 0 */
    const char *max;
    const char *help;
    bool required;
    bool
        any_text; /* of strings: line ends and other control characters, too; others may go into a header, or a statement */
    const char *const *names; /* OPTION_ENUM; ends in NULL */
    const struct option_table *table;
    size_t count_offset; /* OPTION_LIST: of the size_t that counts */
    size_t item_size;
    bool joined; /* OPTION_LIST, OPTION_STRINGS of a section: those of included files count, too */
    enum option_inherits inherits;
    const char *named_by; /* OPTION_LIST: it may be a mapping, too, whose keys are this option of the items */
    bool reloads;         /* a reload takes a new value; of a group or list: new values of all that is in it */
    bool grows;           /* OPTION_LIST with names: a reload takes new items, behind the others */
    bool secret;          /* its value is never shown */
};

struct option_table {
    const struct option *rows;
    size_t count; /* at most 64 */
    const char
        *short_for; /* what is no mapping stands for this option of the table, and of a list without `named_by` one item
                              for a list of one; NULL: both are problems */
};

/* The sections of a file: rows of struct config. */
extern const struct option_table option_sections;
