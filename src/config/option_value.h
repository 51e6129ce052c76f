/* The value of an option where its struct has it: compared, copied, and as people write it. */
#pragma once

#include "config/tables/option_table.h"

struct buf;

/* Of every type but OPTION_GROUP and OPTION_LIST; the places are those of the option itself. */
bool option_value_same(const struct option *option, const void *a, const void *b);

/* What a text consists of is borrowed. Of an OPTION_LIST: the list, its items borrowed; its count is the caller's. */
void option_value_copy(const struct option *option, void *to, const void *from);

/* Appends "75s", "16MiB", "true", "[a, b]", a text in quotes; "nothing" for what is not given, "another one" for a secret. */
void option_value_print(struct buf *out, const struct option *option, const void *place);
