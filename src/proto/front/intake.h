/* What each front end needs to turn bytes into a submission: one per thread that receives. Plain data. */
#pragma once

#include "pipeline/pipeline.h"
#include "proto/front/encoding.h"

/* Decompressed bytes up to which any ratio is taken. */
#define INTAKE_ANY_RATIO ((uint64_t)1 << 20)

/* Bytes, sent or once unpacked, beyond which a payload is large: up to these a payload takes an I/O thread some milliseconds
 * at most. What becomes of a large one: large_payload.h. */
#define LARGE_PAYLOAD ((uint64_t)256 << 10)

struct intake {
    const struct pipeline *pipeline;
    struct pipeline_io *io;
    struct metrics_cells *cells;
    struct decoder *decoder;
    uint64_t max_ratio; /* decompressed : sent, of what is larger than INTAKE_ANY_RATIO; 0: any */
    /* Scratch, valid until the next payload; grows to what is needed once. */
    struct submission submission;
    struct buf decoded;
};

/* `io` and `max_ratio` are left to the caller. False: memory is short. */
MUST_CHECK bool intake_init(struct intake *intake, const struct pipeline *pipeline, struct metrics *metrics);
void intake_release(struct intake *intake);

/* Gives back scratch that one huge payload needed. */
void intake_shed(struct intake *intake);

/* Makes *payload what its bytes hold compressed (in intake->decoded, followed by JSON_PADDING readable bytes), at most
 * `max` bytes; identity changes nothing. ERROR_RATIO_TOO_HIGH, and errors as decode_body. */
MUST_CHECK enum error intake_unpack(struct intake *intake, enum encoding encoding, uint64_t max, struct slice *payload);
