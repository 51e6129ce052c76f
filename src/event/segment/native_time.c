/* Turns a time column of a Native block into the range of its times. */
#include "event/segment/native.h"

/* ns of one value; false: out of what 64 bits of ns can say. */
static bool time_ns(const struct type *type, const char *at, int64_t *ns)
{
    int64_t unit = NS_PER_SECOND;
    int64_t count = 0;
    if (type->kind == KIND_DATE) {
        uint16_t days;
        memcpy(&days, at, sizeof days);
        count = (int64_t)days * 86400;
    } else if (type->kind == KIND_DATETIME) {
        count = (int64_t)load_u32(at);
    } else {
        count = (int64_t)load_u64(at);
        for (unsigned i = 0; i < type->scale && unit > 1; i++) {
            unit /= 10;
        }
    }
    return !__builtin_mul_overflow(count, unit, ns);
}

void native_time_range(const struct native_column *column, uint64_t rows, int64_t *min_ns, int64_t *max_ns)
{
    const struct type *type = &column->type;
    bool is_time = type->kind == KIND_DATE || type->kind == KIND_DATETIME || type->kind == KIND_DATETIME64;
    if (!is_time || type->shape != SHAPE_SCALAR) {
        return;
    }
    for (uint64_t row = 0; row < rows; row++) {
        int64_t ns;
        if (!time_ns(type, column->data.data + row * type->width, &ns)) {
            continue;
        }
        *min_ns = ns < *min_ns ? ns : *min_ns;
        *max_ns = ns > *max_ns ? ns : *max_ns;
    }
}
