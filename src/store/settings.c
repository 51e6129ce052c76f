/* Turns the refusal of a setting into which it was. */
#include "store/settings.h"

#define UNKNOWN_SETTING 115
#define READONLY 164
#define SETTING_CONSTRAINT_VIOLATION 452

static const struct {
    const char *name;
    const char *cost;
} settings[] = {
#define X(name, cost) { #name, cost },
    SETTING_LIST(X)
#undef X
};

enum setting setting_find(struct slice name)
{
    size_t i = 0;
    while (i < SETTING_COUNT && !slice_equal(slice_from_string(settings[i].name), name)) {
        i++;
    }
    return (enum setting)i;
}

const char *setting_name(enum setting setting)
{
    return settings[setting].name;
}

const char *setting_cost(enum setting setting)
{
    return settings[setting].cost;
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The first whole word of the message that is a name of ours: "Setting max_query_size should not be changed", "Cannot modify
 * 'async_insert' setting in readonly mode", "Unknown setting 'optimize_on_insert'". */
enum setting setting_refused(int code, const char *message)
{
    if (code != SETTING_CONSTRAINT_VIOLATION && code != UNKNOWN_SETTING && code != READONLY) {
        return SETTING_COUNT;
    }
    for (const char *at = message; *at != '\0';) {
        size_t length = 0;
        while (is_of_name(at[length])) {
            length++;
        }
        enum setting found = setting_find(slice_make(at, length));
        bool of_sentence = found == SETTING_readonly && at != message && at[-1] == ' '; /* "in readonly mode" */
        if (found != SETTING_COUNT && !of_sentence) {
            return found;
        }
        at += length == 0 ? 1 : length;
    }
    return SETTING_COUNT;
}
