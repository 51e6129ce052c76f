/* Writes a parsed event as JSON without what is personal in it. Pure but for the bufs.
 *
 * Cut is, with its name: a member that reject_rules_judge calls personal; a field of a type of addresses, or that is anonymized;
 * a text that looks personal (event/personal.h); and of what the stream has no field for everything but true, false and null. */
#pragma once

#include "pipeline/json/json.h"

struct path_node;
struct reject_rules;
struct stream;

struct reject_cut {
    const struct reject_rules *rules;
    const struct stream *stream; /* NULL: none, so that no member is known */
    const char *fault;           /* the column at fault; "": none */
    struct buf out;              /* what is left */
    struct buf paths;            /* what was cut: JSON strings behind commas, the first ones */
    size_t cut;                  /* how many were */
    bool fault_cut;              /* that of the column at fault is among them */
    /* Its own. */
    const struct json_document *document;
    struct buf path;
    size_t listed;
};

/* A zeroed one is valid, and kept from event to event. */
void reject_cut_release(struct reject_cut *cut);

/* Of a new event: nothing is cut yet. */
void reject_cut_begin(struct reject_cut *cut, const struct reject_rules *rules, const struct stream *stream,
                      const char *fault);

/* Appends the object at `at`, whose members lead from `node` (NULL: nowhere), to cut->out. `prefix`: what their paths begin with.
 * Memory is short if a buf says `failed`. */
void reject_cut_object(struct reject_cut *cut, const struct json_document *document, json_at at,
                       const struct path_node *node, struct slice prefix);

/* Notes something that was cut elsewhere. */
void reject_cut_note(struct reject_cut *cut, struct slice path);
