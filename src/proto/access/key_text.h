/* The text of a key that Sluice makes:
 *
 *   slw_ 0123456789abcdefghjkmnpqrstvwxyz 012345     w: to write, r: to read, a: for operators
 *   |    |                                +-- 6 digits: the first 30 bits of the SHA-256 of what stands before
 *   |    +-- 32 digits: 160 random bits
 *   +-- by which scanners of secrets know it: /sl[wra]_[0-9a-hjkmnp-tv-z]{38}/
 *
 * Digits have 5 bits, highest first, as in Crockford's Base32 in lower case (no i, l, o, u). Pure, but for key_text_make. */
#pragma once

#include "base/bytes.h"

#define KEY_TEXT_LENGTH 42
#define KEY_TEXT_RANDOM 20 /* bytes */

/* What a client may show: a key may be a text of somebody else's making, too. */
#define KEY_TEXT_MAX 256

/* Of `random` bytes, with a NUL behind it. `scopes`: of enum access_scope, of which the widest is told. False: memory is short. */
MUST_CHECK bool key_text_of(unsigned scopes, const uint8_t random[KEY_TEXT_RANDOM], char text[KEY_TEXT_LENGTH + 1]);

/* Of random bytes of the kernel. Blocks until it has some. */
MUST_CHECK bool key_text_make(unsigned scopes, char text[KEY_TEXT_LENGTH + 1]);

/* Some key may have this text: 1 to KEY_TEXT_MAX visible characters of ASCII. */
bool key_text_is_fit(struct slice text);

/* It is a key that Sluice made: its checksum is right. */
bool key_text_is_whole(struct slice text);

/* It begins as such a key, and is none. */
bool key_text_is_damaged(struct slice text);
