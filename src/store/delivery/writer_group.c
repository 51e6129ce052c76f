/* Turns batches that wait one behind the other into one batch, a group: its segments go as one INSERT, whose body is the
 * bytes of their files one after the other. Where a group cannot go as it is, it is cut in halves, and what comes of a
 * group is in none again. Its files stay as they are: a process that comes after this one finds each segment by itself. */
#include "base/assert.h"
#include "base/hash.h"
#include "config/options/batch_options.h"
#include "config/options/stream_options.h"
#include "event/segment/native.h"
#include "event/stream.h"
#include "store/delivery/writer_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* So that a lane of very small segments is not walked for long under the lock, nor one of segments that do not fit. */
#define GROUP_SEGMENTS 1000
#define GROUP_LOOKS 4000

static uint64_t mix_text(uint64_t hash, struct slice text)
{
    struct {
        uint64_t before, text;
    } pair = { hash, hash_xxh3_64(text.data, text.len) };
    return hash_xxh3_64(&pair, sizeof pair);
}

/* Equal for segments that one INSERT can carry; 0 for one that goes alone. */
static uint64_t shape_of(const struct segment *segment)
{
    const struct segment_header *header = &segment->header;
    struct slice stream;
    struct event_id uuid;
    if (!segment_parse_name(slice_from_string(segment->name), &stream, &uuid)) {
        return 0;
    }
    uint64_t hash = mix_text(1, stream);
    hash = mix_text(hash, slice_from_string(header->table));
    hash = mix_text(hash, slice_from_string(header->event_id_column));
    hash = mix_text(hash, slice_from_string(header->time_column));
    hash = mix_text(hash, slice_from_string(header->version_column));
    for (size_t i = 0; i < header->column_count; i++) {
        hash = mix_text(hash, header->columns[i].name);
        hash = mix_text(hash, header->columns[i].wire_name);
    }
    return hash;
}

/* `<stream>-<least uuid>+<greatest uuid>+<hash of all names>`: the same for the same segments, and for no others; and who
 * looks for one of them in a list of running queries sees that it may be in this one (verify.h). */
static void write_name(const struct segment *first, char name[GROUP_NAME_MAX])
{
    struct event_id least, greatest;
    struct slice stream = SLICE("");
    uint64_t hash = 1;
    for (const struct segment *segment = first; segment != NULL; segment = segment->next) {
        struct event_id uuid;
        bool parsed = segment_parse_name(slice_from_string(segment->name), &stream, &uuid);
        hash = mix_text(hash, slice_from_string(segment->name));
        if (segment == first || (parsed && memcmp(&uuid, &least, sizeof uuid) < 0)) {
            least = uuid;
        }
        if (segment == first || (parsed && memcmp(&uuid, &greatest, sizeof uuid) > 0)) {
            greatest = uuid;
        }
    }
    char texts[2][EVENT_ID_TEXT];
    event_id_format(&least, texts[0]);
    event_id_format(&greatest, texts[1]);
    snprintf(name, GROUP_NAME_MAX, "%.*s-%.*s+%.*s+%016" PRIx64, (int)stream.len, stream.data, EVENT_ID_TEXT, texts[0],
             EVENT_ID_TEXT, texts[1], hash);
}

static void add_segments(struct pending_batch *batch, struct segment *first)
{
    if (batch->last == NULL) {
        batch->segment = first;
    } else {
        batch->last->next = first;
    }
    for (struct segment *segment = first; segment != NULL; segment = segment->next) {
        batch->last = segment;
        batch->segments++;
        batch->rows += segment->rows;
        batch->raw_bytes += segment->raw_bytes;
        batch->first_ns = segment->first_ns < batch->first_ns ? segment->first_ns : batch->first_ns;
    }
}

bool pending_batch_init(struct pending_batch *batch, struct segment *first, bool in_doubt)
{
    *batch = (struct pending_batch){ .first_ns = INT64_MAX, .shape = shape_of(first) };
    add_segments(batch, first);
    ASSERT(batch->last->next == NULL);
    ASSERT(batch->rows != 0);
    if (batch->segments > 1) {
        batch->group_name = malloc(GROUP_NAME_MAX);
        if (batch->group_name == NULL) {
            return false;
        }
        write_name(first, batch->group_name);
    }
    delivery_init(&batch->delivery, pending_batch_name(batch), in_doubt);
    return true;
}

void pending_batch_free(struct pending_batch *batch)
{
    if (batch != NULL) {
        free(batch->group_name);
        free(batch);
    }
}

const char *pending_batch_name(const struct pending_batch *batch)
{
    return batch->group_name != NULL ? batch->group_name : batch->segment->name;
}

/* Nobody has sent it, or an earlier process alone may have, and it has not been counted yet. */
static bool is_untouched(const struct pending_batch *batch)
{
    const struct delivery *delivery = &batch->delivery;
    enum delivery_step step = batch->segment->recovered ? DELIVERY_VERIFY : DELIVERY_SEND;
    return batch->shape != 0 && !batch->apart && batch->family == NULL && !batch->held && !batch->pinned &&
           !batch->sent && batch->misfit_ns == 0 && delivery->step == step && !delivery->token_spent &&
           delivery->number == 0;
}

static bool goes_with(const struct pending_batch *batch, const struct pending_batch *other, int64_t now_ns)
{
    return !other->busy && other->next_attempt_ns <= now_ns && other->shape == batch->shape &&
           other->segment->recovered == batch->segment->recovered && is_untouched(other);
}

static bool fits(const struct lane *lane, const struct pending_batch *batch, const struct pending_batch *other)
{
    const struct batch_options *options = &lane->stream->options->batch;
    uint64_t most_rows = lane->group_rows < options->max_rows ? lane->group_rows : options->max_rows;
    return batch->segments + other->segments <= GROUP_SEGMENTS && batch->rows + other->rows <= most_rows &&
           batch->raw_bytes + other->raw_bytes <= options->max_bytes;
}

static void absorb(struct lane *lane, struct pending_batch *batch, struct pending_batch *other)
{
    ASSERT(batch->busy && !other->busy);
    ASSERT_EQUAL(batch->shape, other->shape);
    add_segments(batch, other->segment);
    if (other->unknown_wall_ns > batch->unknown_wall_ns) {
        batch->unknown_wall_ns = other->unknown_wall_ns;
    }
    queue_unlink(lane, other);
    pending_batch_free(other);
}

void group_gather(struct lane *lane, struct pending_batch *batch, int64_t now_ns)
{
    uint64_t before = batch->segments;
    if (lane->stream == NULL || batch->next == NULL || !is_untouched(batch)) {
        return;
    }
    char *name = batch->group_name != NULL ? batch->group_name : malloc(GROUP_NAME_MAX);
    struct pending_batch *next;
    int looks = 0;
    for (struct pending_batch *other = batch->next; name != NULL && other != NULL && looks < GROUP_LOOKS;
         other = next) {
        looks++;
        next = other->next;
        if (!goes_with(batch, other, now_ns)) {
            continue;
        }
        if (!fits(lane, batch, other)) {
            break;
        }
        absorb(lane, batch, other);
    }
    batch->group_name = batch->segments > 1 ? name : NULL;
    if (batch->segments == before) {
        if (batch->group_name == NULL) {
            free(name);
        }
        return;
    }
    write_name(batch->segment, name);
    delivery_init(&batch->delivery, name, batch->segment->recovered);
}

/* A time-out, a lack of memory, a proxy's bound. Not a server that has gone. */
static bool may_be_too_large(const struct store_reply *reply, bool alive)
{
    if (reply->outcome == STORE_ANSWERED) {
        enum code_class class = code_classify(reply);
        return class == CODE_SIZE || class == CODE_SHORT;
    }
    return reply->outcome == STORE_UNKNOWN && alive;
}

void group_learn(struct lane *lane, const struct pending_batch *batch, const struct store_reply *reply, bool alive)
{
    ASSERT(lane->group_rows != 0);
    bool was_large = batch->rows >= lane->group_rows / 2;
    if (reply->outcome == STORE_DONE && was_large) {
        lane->group_rows += lane->group_rows < lane->group_pace ? lane->group_rows : lane->group_rows / 8 + 1;
    } else if (batch->segments > 1 && may_be_too_large(reply, alive)) {
        lane->group_rows = lane->group_pace = batch->rows < 4 ? 1 : batch->rows / 2;
    }
}

static struct segment *last_of_first_half(const struct pending_batch *batch)
{
    ASSERT_BELOW(1u, batch->segments);
    struct segment *last = batch->segment;
    for (uint64_t i = 1; i < batch->segments / 2; i++) {
        last = last->next;
    }
    return last;
}

bool group_halve(struct pending_batch *whole, struct pending_batch *const halves[2])
{
    bool in_doubt = whole->segment->recovered;
    struct segment *end = last_of_first_half(whole);
    struct segment *second = end->next;
    end->next = NULL;
    if (!pending_batch_init(halves[0], whole->segment, in_doubt) || !pending_batch_init(halves[1], second, in_doubt)) {
        end->next = second;
        return false;
    }
    halves[0]->apart = halves[1]->apart = true;
    ASSERT_EQUAL(halves[0]->segments + halves[1]->segments, whole->segments);
    ASSERT_EQUAL(halves[0]->rows + halves[1]->rows, whole->rows);
    return true;
}
