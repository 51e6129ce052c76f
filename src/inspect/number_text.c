/* Turns numbers into short texts. */
#include "inspect/number_text.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <stdint.h>
#include <stdio.h>

/* Three digits that count, and the unit. */
static void scaled(double value, const char *const *units, size_t count, double step, char out[NUMBER_TEXT_MAX])
{
    size_t unit = 0;
    while (unit + 1 < count && value >= step) {
        value /= step;
        unit++;
    }
    int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(out, NUMBER_TEXT_MAX, "%.*f%s", digits, value, units[unit]);
}

const char *number_text(double value, char out[NUMBER_TEXT_MAX])
{
    static const char *const units[] = { "k", "M", "G", "T", "P" };
    if (value >= 100000) {
        scaled(value / 1000, units, ARRAY_LENGTH(units), 1000, out);
        return out;
    }
    uint64_t whole = (uint64_t)(value < 0 ? 0 : value + 0.5);
    if (value > 0 && value < 99.95 && (value - (double)(uint64_t)value) >= 0.05) {
        snprintf(out, NUMBER_TEXT_MAX, "%.1f", value);
    } else if (whole >= 1000) {
        ASSERT_AT_MOST(whole, 100000);
        snprintf(out, NUMBER_TEXT_MAX, "%u,%03u", (unsigned)(whole / 1000), (unsigned)(whole % 1000));
    } else {
        snprintf(out, NUMBER_TEXT_MAX, "%u", (unsigned)whole);
    }
    return out;
}

const char *number_text_bytes(double bytes, char out[NUMBER_TEXT_MAX])
{
    static const char *const units[] = { " KiB", " MiB", " GiB", " TiB", " PiB" };
    if (bytes < 1000) {
        snprintf(out, NUMBER_TEXT_MAX, "%.0f B", bytes < 0 ? 0 : bytes);
    } else {
        scaled(bytes / 1024, units, ARRAY_LENGTH(units), 1024, out);
    }
    return out;
}

const char *number_text_seconds(double seconds, char out[NUMBER_TEXT_MAX])
{
    static const struct {
        double below; /* so many seconds */
        unsigned large, small;
        const char *large_name, *small_name;
    } forms[] = { { 3600, 60, 1, "min", "s" }, { 86400, 3600, 60, "h", "min" }, { 1e12, 86400, 3600, "d", "h" } };
    if (seconds < 60) {
        snprintf(out, NUMBER_TEXT_MAX, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds < 0 ? 0 : seconds);
        return out;
    }
    uint64_t whole = (uint64_t)(seconds < 1e11 ? seconds : 1e11);
    size_t form = seconds < forms[0].below ? 0 : seconds < forms[1].below ? 1 : 2;
    snprintf(out, NUMBER_TEXT_MAX, "%u %s %u %s", (unsigned)(whole / forms[form].large), forms[form].large_name,
             (unsigned)(whole % forms[form].large / forms[form].small), forms[form].small_name);
    return out;
}

const char *number_text_age(double seconds, char out[NUMBER_TEXT_MAX])
{
    static const struct {
        double below, unit;
        char name;
    } forms[] = { { 1000, 1, 's' }, { 60000, 60, 'm' }, { 3600000, 3600, 'h' }, { 8e8, 86400, 'd' } };
    size_t form = 0;
    while (form + 1 < ARRAY_LENGTH(forms) && seconds >= forms[form].below) {
        form++;
    }
    double value = seconds < 0 ? 0 : (seconds < forms[form].below ? seconds : forms[form].below) / forms[form].unit;
    snprintf(out, NUMBER_TEXT_MAX, form == 0 && value < 9.95 ? "%.1f%c" : "%.0f%c", value, forms[form].name);
    return out;
}
