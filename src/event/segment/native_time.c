/* Turns a time column of a Native block into the range of its times. */
#include "event/segment/native.h"
#include "event/value.h"

void native_time_range(const struct native_column *column, uint64_t rows, int64_t *min_ns, int64_t *max_ns)
{
    const struct type *type = &column->type;
    if (!kind_is_time(type->kind) || type->shape != SHAPE_SCALAR) {
        return;
    }
    int64_t tick_ns = value_tick_ns(type);
    for (uint64_t row = 0; row < rows; row++) {
        int64_t ns;
        if (__builtin_mul_overflow(value_load_ticks(type, column->data.data + row * type->width), tick_ns, &ns)) {
            continue; /* out of what 64 bits of ns can say */
        }
        *min_ns = ns < *min_ns ? ns : *min_ns;
        *max_ns = ns > *max_ns ? ns : *max_ns;
    }
}
