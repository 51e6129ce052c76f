/* Options: lookups, tables of texts that routes answer from (query/lookup_refresh.h). See options.h. */
#pragma once

#include <stdint.h>

struct lookup_options {
    int line;
    const char *file;
    const char *scope; /* as struct stream_options has it */
    const char *name;
    const char *sql; /* a SELECT of two columns: keys and values */
    int64_t refresh_ns;
    const char *write_through; /* a stream whose events are pairs, too; NULL: none */
    const char *key;           /* its fields; NULL: those that the statement names */
    const char *value;
    uint64_t max_bytes;
};
