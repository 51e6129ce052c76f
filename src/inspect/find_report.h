/* What a search for an event has found, and what it could not look at: lines as it goes on, or one JSON object at its end. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct event_place;

struct find_report {
    bool as_json;
    size_t found;
    size_t not_looked;
    struct buf places; /* members of the lists of JSON */
    struct buf missed;
};

void find_report_release(struct find_report *report);

/* What was found in the data folder, or in a table, where `server` is what the store calls itself. Callbacks of event_places.h. */
void find_report_place(void *context, const struct event_place *place);
void find_report_row(struct find_report *report, const char *stream, const char *table, const char *server,
                     struct slice row);

/* What could not be looked at, and why; at once on stderr. */
void find_report_not_looked(void *context, const char *where, const char *why);

/* The verdict, and of JSON all. `looked` says in words where it was looked. Returns the exit code. */
int find_report_end(struct find_report *report, const char *id, const char *looked);
