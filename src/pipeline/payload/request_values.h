/* What a request says of its events beside their JSON: values of its query, path, cookies, header fields, form. Plain data. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "event/path.h"

enum request_value_form {
    VALUE_OF_TEXT, /* becomes what the field of its name takes: a number, a truth, JSON, a list of those that have one name */
    VALUE_OF_JSON, /* the JSON that the text is; what is none is a text */
    VALUE_OF_OBJECT, /* the text is a JSON object: each of its members is a value. The key tells errors whose text it is */
};

struct request_value {
    struct slice key;        /* of the event, dots are steps; of a source its own name ("x" of "@query.x") */
    struct slice text;       /* UTF-8, or what json_repair.h makes of it */
    enum path_source source; /* PATH_OF_NONE: a member of the event. Else only fields that name the source read it */
    enum request_value_form form;
    bool wins; /* over the event's own member */
    /* Values of one name and one group are a list where the field takes one, else the first counts. Of different groups the
     * last counts. */
    uint16_t group;
};

struct request_values {
    const struct request_value *items;
    size_t count;
};
