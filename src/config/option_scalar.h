/* One scalar into one option. */
#pragma once

struct buf;
struct option;
struct option_reader;
struct slice;

/* Stores `text`, already expanded, at `place`. On failure a problem is reported. */
void option_read_scalar(struct option_reader *reader, const struct option *option, int line, const char *path,
                        struct slice text, void *place);

/* "found " and what follows for a reader's eyes: quoted, without control characters, not too long. */
void option_quote(struct buf *out, struct slice text);
