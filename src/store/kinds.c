/* Turns the version of a server into the kinds of types that it has. */
#include "store/kinds.h"

#include "store/store.h"

bool store_has_kind(const struct store_features *features, enum kind kind)
{
    int major = kind_infos[kind].since / 100;
    int minor = kind_infos[kind].since % 100;
    return features->major > major || (features->major == major && features->minor >= minor);
}
