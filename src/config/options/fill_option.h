/* Options: what a column is filled with that no event sends (pipeline/validate/fill.h). See options.h. */
#pragma once

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
};
