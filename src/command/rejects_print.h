/* `sluice rejects list` and `show`: what lies in the files of a data folder, beside a running gateway or without one. */
#pragma once

struct reject_filter;

/* How many there are of each stream, code and field. Returns the exit code. */
int rejects_print_list(const char *data, const struct reject_filter *filter);

/* The lines themselves: as they are for programs; on a terminal as plain text. Returns the exit code. */
int rejects_print_lines(const char *data, const struct reject_filter *filter);
