/* What a gateway says once it serves: one line of the log with what whoever started it wants to know, and on request an
 * event to try it with. */
#pragma once

struct config;
struct gateway;

/* The log's "serving": version, URL to open, addresses, store, dedup, durability and data folder; no password. And what openness.h
 * has to tell. */
void start_line_log(const struct config *config, const struct gateway *gateway);

/* On stdout: the demo's URL, and curl commands that store an event of the sample's stream, if that is the first, and count
 * it. */
void start_line_example(const struct config *config, const struct gateway *gateway);

/* For --check: start_line_variables, and a line for each thing that clients may refuse. */
void start_line_doubts(const struct config *config);

/* A line of the log for each variable of the environment that looks like ours and means nothing. */
void start_line_variables(const struct config *config);
