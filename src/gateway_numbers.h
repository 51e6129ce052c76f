/* What a reload changes for the threads that do not stand still for it. Private to the gateway. */
#pragma once

#include <stdint.h>

struct lookups;
struct named_query_options;
struct pipeline;
struct query_service;
struct rejects;
struct rejects_options;
struct writer_options;

struct gateway_numbers {
    const struct writer_options *writer;
    const struct named_query_options *queries; /* as many as at the start */
    int64_t lookup_timeout_ns;
};

/* While those that serve stand still: those that write to the store and ask it get their numbers. */
void gateway_numbers_swap(const struct gateway_numbers *numbers, struct pipeline *pipeline, struct query_service *query,
                          struct lookups *lookups);

/* Once they go on: what is kept of rejected input, by a thread that may be at the disk. */
void gateway_numbers_apply(const struct rejects_options *options, struct rejects *rejects);
