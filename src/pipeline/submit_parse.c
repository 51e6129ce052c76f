/* Turns the text of a payload, or of a piece of it, into a document: as it is, or repaired if its stream has that. */
#include "pipeline/submit_private.h"

#include "base/metrics/metrics.h"
#include "config/options.h"
#include "event/stream.h"

#include <stdio.h>

enum error submit_parse(struct submit *submit, struct slice text)
{
    struct pipeline_io *io = submit->io;
    enum error error = json_parse(io->parser, text, &submit->document);
    submit->text_bytes = text.len;
    submit->repaired = 0;
    if (error == ERROR_INVALID_JSON) {
        error = json_repair_parse(io->parser, &io->repair, text, &submit->document);
        submit->repaired = io->repair.repaired;
    }
    return error;
}

static bool repairs(const struct submit *submit)
{
    return submit->stream->options->invalid_text == INVALID_TEXT_REPAIR;
}

bool submit_takes_text(const struct submit *submit)
{
    return submit->repaired == 0 || repairs(submit);
}

enum error submit_parse_piece(struct submit *submit, struct slice piece)
{
    enum error error = submit_parse(submit, piece);
    return error == OK && !submit_takes_text(submit) ? ERROR_INVALID_JSON : error;
}

void submit_count_repaired(struct submit *submit)
{
    if (submit->repaired != 0) {
        metric_add_event(submit->io->cells, METRIC_TEXTS_REPAIRED, submit->payload->protocol, submit->stream->index,
                         (int64_t)submit->repaired);
    }
}

void submit_describe_fault(const struct submit *submit, struct slice text, char *out, size_t size)
{
    const char *reason;
    size_t before = (size_t)(text.data - submit->payload->bytes.data), at = json_locate(text, repairs(submit), &reason);
    if (at == text.len && repairs(submit)) {
        size_t strict = json_locate(text, false, &reason); /* more of it is no text than is repaired */
        at = strict < text.len ? strict : at;
    }
    snprintf(out, size, "invalid JSON at byte %zu: %s", before + at, reason);
}
