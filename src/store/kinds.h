/* Which kinds of types a server has, by its version. */
#pragma once

#include "event/type.h"

/* Is its version one that has columns of this kind? */
bool store_has_kind(int major, int minor, enum kind kind);
