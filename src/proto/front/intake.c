/* Turns compressed payloads into plain ones, in scratch memory of the thread. */
#include "proto/front/intake.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "pipeline/json/json.h"
#include "proto/front/decode.h"

#define SCRATCH_KEPT ((size_t)4 << 20)

bool intake_init(struct intake *intake, const struct pipeline *pipeline, struct metrics *metrics)
{
    *intake = (struct intake){
        .pipeline = pipeline,
        .cells = metrics_thread(metrics),
        .decoder = decoder_new(),
    };
    return intake->cells != NULL && intake->decoder != NULL;
}

void intake_release(struct intake *intake)
{
    if (intake->decoder != NULL) {
        decoder_free(intake->decoder);
    }
    submission_release(&intake->submission);
    buf_release(&intake->decoded);
}

static void shed(struct buf *scratch)
{
    if (scratch->cap > SCRATCH_KEPT) {
        buf_release(scratch);
    }
}

void intake_shed(struct intake *intake)
{
    shed(&intake->decoded);
    shed(&intake->submission.ids);
    shed(&intake->submission.errors);
    shed(&intake->submission.refused);
}

/* Bytes that so many may become. */
static uint64_t most_of(const struct intake *intake, uint64_t sent)
{
    uint64_t by_ratio =
        intake->max_ratio == 0 || sent > UINT64_MAX / intake->max_ratio ? UINT64_MAX : sent * intake->max_ratio;
    return by_ratio > INTAKE_ANY_RATIO ? by_ratio : INTAKE_ANY_RATIO;
}

enum error intake_unpack(struct intake *intake, enum encoding encoding, uint64_t max, struct slice *payload)
{
    if (encoding == ENCODING_IDENTITY) {
        return OK;
    }
    buf_clear(&intake->decoded);
    uint64_t by_ratio = most_of(intake, payload->len);
    enum error error =
        decode_body(intake->decoder, encoding, *payload, by_ratio < max ? by_ratio : max, &intake->decoded);
    if (error != OK) {
        return error == ERROR_DECOMPRESSED_TOO_LARGE && by_ratio < max ? ERROR_RATIO_TOO_HIGH : error;
    }
    if (!buf_reserve(&intake->decoded, JSON_PADDING)) {
        return ERROR_OUT_OF_MEMORY;
    }
    *payload = buf_slice(&intake->decoded);
    ASSERT_AT_MOST(payload->len + JSON_PADDING, intake->decoded.cap);
    return OK;
}
