/* Turns two types into whether a column of the one takes every value of the other. */
#include "event/type.h"

/* A whole number of ours is one of theirs, in more bytes. */
static bool is_wider(const struct type *ours, const struct type *theirs)
{
    return kind_is_integer(ours->kind) && kind_is_integer(theirs->kind) && ours->width < theirs->width &&
           (kind_family(theirs->kind) == FAMILY_SIGNED || kind_family(ours->kind) == FAMILY_UNSIGNED);
}

/* Every value of ours is one of theirs, as the server converts it. */
static bool scalar_fits(const struct type *ours, const struct type *theirs)
{
    if (ours->kind != theirs->kind) {
        return is_wider(ours, theirs) || (ours->kind == KIND_FLOAT32 && theirs->kind == KIND_FLOAT64) ||
               (ours->kind == KIND_BOOL && theirs->kind == KIND_UINT8) ||
               (ours->kind == KIND_DATETIME && theirs->kind == KIND_DATETIME64) ||
               (ours->width == 0 && theirs->kind == KIND_STRING);
    }
    switch (ours->kind) {
    case KIND_FIXED_STRING: return ours->length <= theirs->length;
    case KIND_DECIMAL:
        return ours->scale <= theirs->scale && ours->precision - ours->scale <= theirs->precision - theirs->scale;
    case KIND_DATETIME64: return ours->scale == theirs->scale || (ours->scale < theirs->scale && theirs->scale < 9);
    case KIND_ENUM:
        for (size_t i = 0; i < ours->enum_count; i++) {
            if (!type_has_enum_name(theirs, ours->enum_names[i])) {
                return false;
            }
        }
        return true;
    default: return true;
    }
}

static bool shape_fits(const struct type *ours, const struct type *theirs)
{
    if (ours->shape == SHAPE_ARRAY && theirs->shape == SHAPE_ARRAY) {
        return !ours->nullable_items || theirs->nullable_items;
    }
    return ours->shape == theirs->shape || (ours->shape == SHAPE_SCALAR && theirs->shape == SHAPE_NULLABLE);
}

/* Does the table's own type travel as itself? */
static bool travels_as_itself(const struct type *theirs)
{
    return theirs->width != 0 || theirs->kind == KIND_STRING;
}

bool type_fits(const struct type *type, struct slice table_type, bool converts)
{
    struct type theirs;
    struct buf problem = { 0 };
    bool fits = type_parse(&theirs, table_type, &problem);
    buf_release(&problem);
    if (!fits) {
        return false;
    }
    fits = converts ? shape_fits(type, &theirs) && scalar_fits(type, &theirs)
                    : travels_as_itself(&theirs) && strcmp(type->wire_name, theirs.wire_name) == 0;
    type_release(&theirs);
    return fits;
}
