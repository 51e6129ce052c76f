/* Turns the place of an event in the order of sending into its number. */
#include "numbers.h"

static uint64_t distance(const struct numbers *numbers)
{
    if (numbers->limit == 0 || numbers->limit >= 1000000) {
        return 100000;
    }
    uint64_t tenth = numbers->limit / 10 / NUMBERS_ROUND * NUMBERS_ROUND;
    return tenth == 0 ? NUMBERS_ROUND : tenth;
}

/* The first `repeat` places of a round repeat numbers from the others of an earlier round, which are new in every round. */
uint64_t numbers_at(const struct numbers *numbers, uint64_t sequence)
{
    uint64_t place = sequence % NUMBERS_ROUND;
    if (place >= numbers->repeat) {
        return numbers->start + sequence;
    }
    uint64_t back = distance(numbers);
    if (sequence < back) {
        return numbers->start + sequence;
    }
    uint64_t earlier = numbers->repeat + place % (NUMBERS_ROUND - numbers->repeat);
    return numbers->start + sequence - back - place + earlier;
}
