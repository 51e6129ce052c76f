/* What a reload may take of a configuration that was read anew, and what has to wait for a restart: told by the option tables
 * (`reloads`), option by option. */
#pragma once

#include "base/bytes.h"

struct config_memory;
struct option_table;

/* Two structs of the same table, such as two struct config of option_sections. Makes of `next` what can be served without a restart: each option that takes one gets the value of `start` back, with a
 * line in *restarts if it differs: "http.io_threads: was 1, is 4; takes a restart". Items of lists are the same if their
 * names are, or else their places. What it takes of `start`, `next` borrows. New lists live in `memory`. False: that is short. */
MUST_CHECK bool config_keep(const struct option_table *table, void *next, const void *start,
                            struct config_memory *memory, struct buf *restarts);

/* A line for each option in which two such structs differ: "http.idle_timeout: was 75s, is 5s". */
void config_tell_changes(const struct option_table *table, const void *before, const void *now, struct buf *lines);

/* A short text that is the same for structs of a table that say the same: of all options with their values, wherever they came from,
 * but for what is secret: nobody should be able to try passwords against it. False: memory is short. */
#define CONFIG_FINGERPRINT_SIZE 17 /* 16 digits, and a NUL */
MUST_CHECK bool config_fingerprint(const struct option_table *table, const void *options,
                                   char text[CONFIG_FINGERPRINT_SIZE]);
