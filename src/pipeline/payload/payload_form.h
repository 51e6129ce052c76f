/* What a front end says of how a payload holds its events. */
#pragma once

enum payload_form {
    PAYLOAD_ONE,   /* exactly one object */
    PAYLOAD_MANY,  /* an object, an array, {"events":[…]}, or NDJSON, told apart by their bytes: payload_layout.c */
    PAYLOAD_LINES, /* NDJSON, as the content type said */
    PAYLOAD_MEMBER /* an object, one member of which is the array of events: payload_shape.h */
};
