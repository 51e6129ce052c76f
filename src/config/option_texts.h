/* The options that are several texts. */
#pragma once

#include "config/options/string_list.h"

struct node;
struct option;
struct option_reader;
struct slice;

/* Each fills its place from a node; problems are reported. */
void texts_read_list(struct option_reader *reader, const struct option *option, const struct node *node,
                     const char *path, struct string_list *list);
void texts_read_set(struct option_reader *reader, const struct option *option, const struct node *node,
                    const char *path, void *place);
void texts_read_pairs(struct option_reader *reader, const struct option *option, const struct node *node,
                      const char *path, struct string_pairs *pairs);

/* The list that a default says: "a, b". */
void texts_default(struct option_reader *reader, struct slice text, struct string_list *list);
