/* Which kinds of types a server has, by its version. */
#pragma once

#include "event/type.h"

struct store_features;

/* Is its version one that has columns of this kind? */
bool store_has_kind(const struct store_features *features, enum kind kind);
