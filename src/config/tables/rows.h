/* How the rows of the tables are written. Private to tables/. */
#pragma once

#include "base/bytes.h"
#include "config/tables/option_table.h"

#include <stddef.h>
#include <stdint.h>

/* The place of a member, checked at compile time to have the C type that the option's type fills. */
#define PLACE(owner, member, ...)                                                                                      \
    (offsetof(struct owner, member) + 0 * sizeof(char[_Generic(((struct owner *)0)->member, __VA_ARGS__)]))
#define STRING(owner, member) .type = OPTION_STRING, .offset = PLACE(owner, member, const char * : 1)
#define NAME(owner, member) .type = OPTION_NAME, .offset = PLACE(owner, member, const char * : 1)
#define BOOL(owner, member) .type = OPTION_BOOL, .offset = PLACE(owner, member, bool : 1)
#define INTEGER(owner, member) .type = OPTION_INTEGER, .offset = PLACE(owner, member, int64_t : 1, uint64_t : 1)
#define SIZE(owner, member) .type = OPTION_SIZE, .offset = PLACE(owner, member, int64_t : 1, uint64_t : 1)
#define DURATION(owner, member) .type = OPTION_DURATION, .offset = PLACE(owner, member, int64_t : 1)
#define SHARE(owner, member) .type = OPTION_SHARE, .offset = PLACE(owner, member, int64_t : 1)
#define STRINGS(owner, member) .type = OPTION_STRINGS, .offset = PLACE(owner, member, struct string_list : 1)
#define PAIRS(owner, member) .type = OPTION_PAIRS, .offset = PLACE(owner, member, struct string_pairs : 1)
/* Rows of items that no file gives. Behind the scope `name` has its text in front. */
#define INHERITED_SCOPE(owner)                                                                                         \
    {                                                                                                                  \
        "", STRING(owner, scope), "", .inherits = INHERITS_SCOPE                                                       \
    }
#define INHERITED_PREFIX(owner)                                                                                        \
    {                                                                                                                  \
        "", STRING(owner, prefix), "", .inherits = INHERITS_PREFIX                                                     \
    }
#define INHERITED_HOSTS(owner)                                                                                         \
    {                                                                                                                  \
        "", STRINGS(owner, included_hosts), "", .inherits = INHERITS_HOSTS                                             \
    }
#define SET(owner, member) .type = OPTION_SET, .offset = PLACE(owner, member, unsigned : 1)
#define ENUM(owner, member) .type = OPTION_ENUM, .offset = offsetof(struct owner, member)
#define GROUP(owner, member) .type = OPTION_GROUP, .offset = offsetof(struct owner, member)
/* `counter` is the member that counts, `item` the struct of each. */
#define LIST(owner, member, counter, item)                                                                             \
    .count_offset = PLACE(owner, counter, size_t : 1), .item_size = sizeof(struct item) + BEGINS_WITH_ORIGIN(item),    \
    .type = OPTION_LIST, .offset = offsetof(struct owner, member)
/* 0; an item begins with its line and its file. */
#define BEGINS_WITH_ORIGIN(item)                                                                                       \
    (0 * sizeof(char[offsetof(struct item, line) == 0 && offsetof(struct item, file) == sizeof(char *) ? 1 : -1]))
#define TABLE(list)                                                                                                    \
    {                                                                                                                  \
        .rows = (list), .count = ARRAY_LENGTH(list)                                                                    \
    }
/* `option`: what stands there instead of a mapping is this option. */
#define SHORT_TABLE(list, option)                                                                                      \
    {                                                                                                                  \
        .rows = (list), .count = ARRAY_LENGTH(list), .short_for = (option)                                             \
    }
