/* Turns the version of a server into the kinds of types that it has. */
#include "store/kinds.h"

bool store_has_kind(int major, int minor, enum kind kind)
{
    int since_major = kind_infos[kind].since / 100;
    int since_minor = kind_infos[kind].since % 100;
    return major > since_major || (major == since_major && minor >= since_minor);
}
