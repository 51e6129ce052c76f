/* What must hold whatever a client, a server or a disk does. An assert that fails is a fault of ours: one line with the
 * place, the expression and its values goes to stderr, and the process aborts. That loses no
 * more than any crash: the journal has what was acknowledged, as far as its durability goes. To go on could lose it.
 *
 * On in all builds. Never on input: what a client can cause is an `enum error`. Expressions have no effect, and may be
 * read twice. */
#pragma once

#include <stdint.h>

#define ASSERT(expression)                                                                                             \
    (__builtin_expect(!!(expression), 1) ? (void)0 : assert_failed(__FILE__, __LINE__, #expression))

/* Say both values; integers. */
#define ASSERT_EQUAL(a, b) ASSERT_RELATION(a, ==, b)
#define ASSERT_AT_MOST(a, b) ASSERT_RELATION(a, <=, b)
#define ASSERT_BELOW(a, b) ASSERT_RELATION(a, <, b)

#define ASSERT_RELATION(a, relation, b)                                                                                \
    (__builtin_expect((a)relation(b), 1)                                                                               \
         ? (void)0                                                                                                     \
         : assert_failed_values(__FILE__, __LINE__, #a " " #relation " " #b, (intmax_t)(a), (intmax_t)(b)))

_Noreturn void assert_failed(const char *file, int line, const char *expression) __attribute__((cold));
_Noreturn void assert_failed_values(const char *file, int line, const char *expression, intmax_t left, intmax_t right)
    __attribute__((cold));
