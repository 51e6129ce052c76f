/* What the files that read a type's name share (type.c, type_arguments.c). */
#pragma once

#include "event/type.h"

#define TYPE_OUT_OF_MEMORY "could not be kept: out of memory"

/* Reads the arguments of the scalar `head`, of which *type has the kind; arguments.data NULL: there are no brackets. NULL if
 * they are fine, else why not. May set default_wire, where it follows from them. */
typedef const char *type_arguments(struct type *type, struct slice head, struct slice arguments);

#define TYPE(KIND, form, family, width, wire, absent, arguments, ...) extern type_arguments type_arguments_##arguments;
#include "event/types.def"

/* Without the white space around it. */
struct slice type_trim(struct slice s);
