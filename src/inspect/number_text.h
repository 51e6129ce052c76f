/* Numbers as people read them. Pure. */
#pragma once

#define NUMBER_TEXT_MAX 32

/* "0", "1,234", "99,999", "123k", "1.23M", "4.56G"; below 100 with one digit behind the point, if it is not 0. */
const char *number_text(double value, char out[NUMBER_TEXT_MAX]);

/* "512 B", "1.2 MiB". */
const char *number_text_bytes(double bytes, char out[NUMBER_TEXT_MAX]);

/* "0.2 s", "12 s", "3 min 4 s", "2 h 5 min", "3 d 4 h". */
const char *number_text_seconds(double seconds, char out[NUMBER_TEXT_MAX]);

/* The same in at most 5 characters: "0.2s", "123s", "45m", "12h", "99d". */
const char *number_text_age(double seconds, char out[NUMBER_TEXT_MAX]);
