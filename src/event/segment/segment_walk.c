/* Turns the bytes of a segment file into its frames, and tells damage from a torn tail. */
#include "base/lz4.h"

#include "base/assert.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"

#define PLAIN_BLOCK 0x80000000u

/* More rows than a damaged frame is believed to have held. */
#define BELIEVABLE_ROWS ((uint64_t)1 << 24)

struct walk {
    struct slice bytes;
    const struct segment_header *header;
    const struct segment_visitor *visitor;
    struct segment_summary *summary;
    struct lz4_decoder *decoder;
    struct buf raw;
    struct native_block block;
    uint64_t unreadable_end; /* up to here damage needs nothing behind it that checks */
    bool out_of_memory;
};

/* The length of the frame at `at` if it checks (its rows are then in walk->block), else 0. */
static uint64_t check_frame(struct walk *walk, uint64_t at)
{
    size_t used = 0;
    struct slice rest = slice_after(walk->bytes, at);
    size_t length = lz4_frame_length(rest);
    if (length == 0 || load_u32(rest.data) != LZ4_FRAME_MAGIC) {
        return 0;
    }
    buf_clear(&walk->raw);
    enum error error =
        lz4_frame_decode(walk->decoder, slice_make(rest.data, length), &used, &walk->raw, SEGMENT_MAX_BLOCK);
    walk->out_of_memory = error == ERROR_OUT_OF_MEMORY;
    if (error != OK || used != length) {
        return 0;
    }
    struct slice raw = buf_slice(&walk->raw);
    if (!native_read(&walk->block, &raw)) {
        walk->out_of_memory = walk->block.out_of_memory;
        return 0;
    }
    if (raw.len != 0 || walk->block.rows == 0) {
        return 0;
    }
    return walk->header == NULL || segment_header_fits(walk->header, &walk->block) ? length : 0;
}

/* The offset of the next frame behind `at` that checks, or 0. */
static uint64_t find_frame(struct walk *walk, uint64_t at)
{
    const uint32_t magic = LZ4_FRAME_MAGIC;
    for (at++; at < walk->bytes.len; at++) {
        const char *from = walk->bytes.data + at;
        const char *found = memmem(from, walk->bytes.len - at, &magic, sizeof magic);
        if (found == NULL) {
            break;
        }
        at += (uint64_t)(found - from);
        if (check_frame(walk, at) != 0 || walk->out_of_memory) {
            return at;
        }
    }
    return 0;
}

/* The seal at `at`, if there is one: what is missing before it is known to the row. */
static bool take_seal(struct walk *walk, uint64_t at)
{
    uint64_t rows;
    struct segment_summary *summary = walk->summary;
    size_t size = walk->header == NULL ? 0 : segment_seal_read(walk->bytes, at, walk->header->name, &rows);
    if (size == 0) {
        return false;
    }
    summary->sealed = true;
    summary->tail = at + size;
    summary->damaged_rows = rows > summary->rows ? rows - summary->rows : 0;
    return true;
}

/* The offset of the seal behind `at`, or 0. */
static uint64_t find_seal(const struct walk *walk, uint64_t at)
{
    const uint32_t magic = LZ4_SKIPPABLE_MAGIC;
    uint64_t rows;
    for (; walk->header != NULL && at < walk->bytes.len; at++) {
        const char *found = memmem(walk->bytes.data + at, walk->bytes.len - at, &magic, sizeof magic);
        if (found == NULL) {
            break;
        }
        at = (uint64_t)(found - walk->bytes.data);
        if (segment_seal_read(walk->bytes, at, walk->header->name, &rows) != 0) {
            return at;
        }
    }
    return 0;
}

/* A block begins with its counts of columns and rows, and LZ4 begins with a run of plain bytes: so even a frame that
 * does not check any more mostly says how many rows it held. */
static uint64_t peek_rows(struct slice frame)
{
    size_t first = lz4_frame_first_block(frame);
    if (first == 0 || frame.len < first + 2) {
        return 0;
    }
    struct slice plain = slice_after(frame, first);
    if ((load_u32(plain.data - 4) & PLAIN_BLOCK) == 0) {
        bool is_long = (uint8_t)plain.data[0] >> 4 == 15; /* then its length goes on in the next bytes */
        size_t run = (uint8_t)plain.data[0] >> 4;
        size_t skip = 1;
        while (is_long && skip < plain.len) {
            is_long = (uint8_t)plain.data[skip++] == 255;
        }
        plain = slice_after(plain, skip);
        plain.len = run < plain.len ? run : plain.len;
    }
    size_t at = 0;
    uint64_t columns;
    uint64_t rows;
    if (!slice_read_varint(plain, &at, &columns) || !slice_read_varint(plain, &at, &rows)) {
        return 0;
    }
    return rows <= BELIEVABLE_ROWS ? rows : 0;
}

static void note_damage(struct walk *walk, uint64_t at, uint64_t length)
{
    ASSERT_AT_MOST(at + length, walk->bytes.len);
    struct segment_summary *summary = walk->summary;
    struct slice piece = slice_make(walk->bytes.data + at, length);
    summary->damaged_pieces++;
    summary->damaged_bytes += length;
    while (piece.len != 0) {
        /* Several frames in a row, as far as their structure can still be followed. */
        size_t frame = lz4_frame_length(piece);
        summary->damaged_rows += peek_rows(piece);
        piece = slice_after(piece, frame != 0 && frame <= piece.len ? frame : piece.len);
    }
    if (walk->visitor->damage != NULL) {
        walk->visitor->damage(walk->visitor->context, at, length);
    }
}

static void note_frame(struct walk *walk, uint64_t at, uint64_t length)
{
    ASSERT_AT_MOST(at + length, walk->bytes.len);
    ASSERT(walk->block.rows != 0);
    struct segment_summary *summary = walk->summary;
    summary->frames++;
    summary->rows += walk->block.rows;
    summary->raw_bytes += walk->raw.len;
    summary->length = summary->tail = at + length;
    if (walk->header != NULL) {
        const struct native_column *time = native_find(&walk->block, slice_from_string(walk->header->time_column));
        if (time != NULL) {
            native_time_range(time, walk->block.rows, &summary->min_time_ns, &summary->max_time_ns);
        }
    }
    if (walk->visitor->frame != NULL) {
        walk->visitor->frame(walk->visitor->context, at, length, &walk->block);
    }
}

/* From what does not check at `at` to what does again; `at` itself if nothing does, or memory is short. */
static uint64_t skip_damage(struct walk *walk, uint64_t at)
{
    uint64_t next = find_frame(walk, at);
    if (next == 0) {
        next = find_seal(walk, at);
    }
    if (next == 0 && at < walk->unreadable_end) {
        next = walk->bytes.len; /* where the next frame would have begun is unknown */
    }
    if (next == 0 || walk->out_of_memory) {
        return at;
    }
    note_damage(walk, at, next - at);
    ASSERT_BELOW(at, next); /* each round of the walk gets on */
    walk->summary->tail = next;
    return next;
}

static void walk_frames(struct walk *walk, uint64_t at)
{
    while (at < walk->bytes.len && !walk->out_of_memory) {
        uint64_t length = check_frame(walk, at);
        if (length != 0) {
            note_frame(walk, at, length);
            at += length;
            continue;
        }
        uint64_t next = walk->out_of_memory || take_seal(walk, at) ? at : skip_damage(walk, at);
        if (next == at) {
            return;
        }
        at = next;
    }
}

enum error segment_walk(struct slice bytes, uint64_t start, const struct segment_header *header,
                        const struct segment_visitor *visitor, struct segment_summary *summary)
{
    return segment_walk_salvaged(bytes, start, 0, header, visitor, summary);
}

enum error segment_walk_salvaged(struct slice bytes, uint64_t start, uint64_t unreadable_end,
                                 const struct segment_header *header, const struct segment_visitor *visitor,
                                 struct segment_summary *summary)
{
    static const struct segment_visitor nobody = { 0 };
    *summary =
        (struct segment_summary){ .length = start, .tail = start, .min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN };
    struct walk walk = { .bytes = bytes, .header = header, .summary = summary, .unreadable_end = unreadable_end };
    walk.visitor = visitor != NULL ? visitor : &nobody;
    walk.decoder = lz4_decoder_new();
    if (walk.decoder == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (header != NULL && header->damaged != 0) {
        note_damage(&walk, 0, header->damaged);
    }
    walk_frames(&walk, start);
    lz4_decoder_free(walk.decoder);
    buf_release(&walk.raw);
    native_block_release(&walk.block);
    return walk.out_of_memory ? ERROR_OUT_OF_MEMORY : OK;
}
