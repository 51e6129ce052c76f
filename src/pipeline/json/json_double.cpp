/* Turns the text of a number into the double nearest to it: for simdjson, too, whose own way with more than 19 digits takes
 * 16 µs a number (1.23456789012345678903e300), 150 times as long. */
#include <charconv>
#include <cstdint>
#include <limits>

extern "C" {
#include "pipeline/json/json_number.h"
}

/* No exponent that a text of 2^33 bytes could make up for. */
static constexpr int64_t most_exponent = int64_t{ 1 } << 40;

static int64_t read_exponent(struct slice text)
{
    bool negative = text.len != 0 && text.data[0] == '-';
    int64_t exponent = 0;
    for (size_t i = 0; i < text.len && exponent < most_exponent; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';
        exponent = digit ? exponent * 10 + (text.data[i] - '0') : exponent;
    }
    return negative ? -exponent : exponent;
}

/* Is a number, which is not 0, 1 or more without its sign? */
static bool is_one_or_more(struct slice number)
{
    int64_t point = 0; /* digits before it; less than 0: zeros behind it */
    bool fraction = false, started = false;
    size_t i = 0;
    for (; i < number.len && (number.data[i] | 0x20) != 'e'; i++) {
        char c = number.data[i];
        fraction = fraction || c == '.';
        started = started || (c >= '1' && c <= '9');
        bool digit = c >= '0' && c <= '9';
        point += digit && started && !fraction ? 1 : digit && !started && fraction ? -1 : 0;
    }
    int64_t exponent = i < number.len ? read_exponent(slice_after(number, i + 1)) : 0;
    return point + exponent > 0;
}

double json_number_double(struct slice number)
{
    double value = 0;
    if (std::from_chars(number.data, number.data + number.len, value).ec != std::errc::result_out_of_range) {
        return value;
    }
    value = is_one_or_more(number) ? std::numeric_limits<double>::infinity() : 0;
    return number.data[0] == '-' ? -value : value;
}

namespace simdjson::internal
{

double from_chars(const char *first) noexcept;

/* Takes the place of the function of libsimdjson.so that it calls for what its fast way cannot do: of two global symbols of
 * one name the dynamic linker takes the program's, for the library as well. json_test says so if a library ever binds its
 * own calls. `first` is the front of a number whose form was checked. */
double from_chars(const char *first) noexcept
{
    size_t len = 0;
    for (char c = first[0]; (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || (c | 0x20) == 'e';) {
        c = first[++len];
    }
    return json_number_double(slice_make(first, len));
}

} // namespace simdjson::internal
