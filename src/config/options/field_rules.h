/* Options: rules of fields that both the options and the compiled columns name (event/column.h). See options.h. */
#pragma once

/* What a column is filled with that no event sends (pipeline/validate/fill.h). */
enum fill {
    FILL_NONE,
    FILL_RECEIVED_AT,
    FILL_CLIENT_IP,
    FILL_USER_AGENT,
    FILL_EVENT_ID,
    FILL_HOST,
    FILL_REFERER,
    FILL_ACCEPT_LANGUAGE,
    FILL_UUID,
    FILL_KEY_NAME,
};

/* What a number counts that stands for a time; UNIT_ANY: its size tells. */
enum time_unit { UNIT_ANY, UNIT_SECONDS, UNIT_MILLISECONDS, UNIT_MICROSECONDS, UNIT_NANOSECONDS };

/* Which JSON values a String column keeps as their JSON text. */
enum json_text { JSON_TEXT_NONE, JSON_TEXT_OBJECT, JSON_TEXT_ANY };

/* Bits of the option `url`, in the order of its names. */
enum url_rule {
    URL_STRIP_QUERY = 1u << 0,
    URL_STRIP_SCHEME = 1u << 1,
    URL_HOST_PATH = 1u << 2,
    URL_ABSOLUTE = 1u << 3,
};
