/* One scalar into one option. */
#pragma once

#include <stdbool.h>

struct buf;
struct node;
struct option;
struct option_reader;
struct slice;

/* Stores `text`, already expanded, at `place`. On failure a problem is reported. */
void option_read_scalar(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, void *place);

/* The same of a node, the environment expanded. */
void option_read_single(struct option_reader *reader, const struct option *option, const struct node *node,
                        const char *path, void *place);

/* Appends a scalar with the environment in it; false if that cannot be, which is reported. */
bool option_expand(struct option_reader *reader, const struct node *node, const char *path, struct buf *out);

/* "found " and what follows for a reader's eyes: quoted, without control characters, not too long. */
void option_quote(struct buf *out, struct slice text);
