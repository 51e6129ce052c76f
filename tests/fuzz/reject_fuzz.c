/* Lines of rejects: whatever was refused is one line of JSON that reads back as it was written; and whatever stands in a file is
 * read, or is none. */
#include "fuzz/cost.h"
#include "reject_world.h"

static void take(const uint8_t *data, size_t size)
{
    static struct reject_world world;
    struct reject_line line;
    if (world.stream == NULL) {
        reject_world_init(&world);
    }
    if (size == 0) {
        return;
    }
    struct slice bytes = slice_make(data + 1, size - 1);
    reject_world_compose(&world, bytes, (enum rejects_personal)(data[0] & 1), (data[0] & 2) != 0, (data[0] & 4) != 0,
                         bytes);
    if (reject_read(world.reader, bytes, &line)) {
        buf_clear(&world.again);
        ASSERT(reject_rewrite(&line, &world.again));
    }
}

COST_FUZZER(take, 1500)
