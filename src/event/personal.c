/* Turns names and texts into whether they are likely to be personal. */
#include "event/personal.h"

#include <ctype.h>

#define LONGEST_WORD 24
#define SHORTEST_NUMBER 9 /* digits: phones, cards, accounts; a date has eight */

/* Words of names, whole and in small letters. */
static const char *const words[] = {
    "account",    "accounts",    "addr",       "address",     "advertising", "age",       "agent",    "anonymous",
    "auth",       "author",      "avatar",     "bearer",      "bic",         "bio",       "birth",    "birthday",
    "birthdate",  "card",        "cell",       "city",        "client",      "contact",   "contacts", "cookie",
    "cookies",    "coordinates", "credential", "credentials", "customer",    "customers", "cvc",      "cvv",
    "device",     "diagnosis",   "distinct",   "dob",         "email",       "emails",    "employee", "ethnicity",
    "fax",        "fingerprint", "gaid",       "gender",      "geo",         "guid",      "handle",   "iban",
    "idfa",       "idfv",        "imei",       "imsi",        "income",      "ip",        "ipv4",     "ipv6",
    "jwt",        "lat",         "latitude",   "license",     "licence",     "lng",       "location", "login",
    "lon",        "longitude",   "mac",        "mail",        "member",      "mobile",    "msisdn",   "nick",
    "nickname",   "owner",       "pan",        "pass",        "passphrase",  "passport",  "passwd",   "password",
    "patient",    "person",      "phone",      "phones",      "photo",       "picture",   "pin",      "postal",
    "postcode",   "profile",     "pwd",        "recipient",   "referer",     "referrer",  "religion", "remote",
    "salary",     "secret",      "sender",     "serial",      "session",     "sex",       "ssn",      "street",
    "subscriber", "surname",     "tax",        "tel",         "telephone",   "token",     "tokens",   "traits",
    "ua",         "uid",         "user",       "username",    "users",       "visitor",   "zip",
};

/* Words that are before "name" where it is a person's, and before "key" where it is a secret. */
static const char *const before_name[] = { "display", "family", "first",  "full", "given",
                                           "last",    "maiden", "middle", "real" };
static const char *const before_key[] = { "access", "api", "private", "write" };

/* Parts of names that are written without a border between words. */
static const char *const parts[] = { "email",  "passw",    "phone",  "secret",   "token",
                                     "userid", "username", "ipaddr", "useragent" };

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The next word in small letters: letters and digits up to a border, which is another character or where small letters become
 * large ones. Digits behind a word are left out. False: there is none. */
static bool next_word(struct slice *rest, char word[LONGEST_WORD + 1])
{
    size_t len = 0;
    while (rest->len != 0 && !isalnum((unsigned char)rest->data[0])) {
        *rest = slice_after(*rest, 1);
    }
    for (bool small = false; rest->len != 0 && isalnum((unsigned char)rest->data[0]); *rest = slice_after(*rest, 1)) {
        unsigned char c = (unsigned char)rest->data[0];
        if (small && isupper(c)) {
            break;
        }
        small = islower(c) || isdigit(c);
        if (len < LONGEST_WORD) {
            word[len++] = (char)tolower(c);
        }
    }
    bool found = len != 0;
    bool version = len == 4 && word[0] == 'i' && word[1] == 'p' && word[2] == 'v';
    while (!version && len > 1 && isdigit((unsigned char)word[len - 1])) {
        len--;
    }
    word[len] = '\0';
    return found;
}

static bool has_part(struct slice name)
{
    char small[128];
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < sizeof small - 1; i++) {
        if (isalnum((unsigned char)name.data[i])) {
            small[len++] = (char)tolower((unsigned char)name.data[i]);
        }
    }
    small[len] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        if (strstr(small, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

bool personal_name(struct slice name)
{
    char word[LONGEST_WORD + 1], before[LONGEST_WORD + 1] = "";
    for (struct slice rest = name; next_word(&rest, word);) {
        bool of_person = strcmp(word, "name") == 0 && is_one_of(before, before_name, ARRAY_LENGTH(before_name));
        bool secret = strcmp(word, "key") == 0 && is_one_of(before, before_key, ARRAY_LENGTH(before_key));
        if (of_person || secret || is_one_of(word, words, ARRAY_LENGTH(words))) {
            return true;
        }
        memcpy(before, word, sizeof before);
    }
    return has_part(name) || personal_text(name);
}

/* Something before an "@", and behind it something up to a dot with something behind that. */
static bool has_mail(struct slice text)
{
    for (size_t at = 1; at + 3 < text.len; at++) {
        if (text.data[at] != '@' || isspace((unsigned char)text.data[at - 1])) {
            continue;
        }
        for (size_t i = at + 2; i + 1 < text.len && !isspace((unsigned char)text.data[i]) && text.data[i] != '@'; i++) {
            if (text.data[i] == '.' && isalnum((unsigned char)text.data[i + 1])) {
                return true;
            }
        }
    }
    return false;
}

static bool is_address_byte(char c)
{
    return isxdigit((unsigned char)c) || c == ':' || c == '.';
}

/* A run of the characters that addresses are of. */
static bool is_address(struct slice run)
{
    size_t dots = 0, colons = 0, digits = 0, letters = 0;
    bool doubled = false;
    for (size_t i = 0; i < run.len; i++) {
        char c = run.data[i];
        dots += c == '.';
        colons += c == ':';
        digits += isdigit((unsigned char)c) != 0;
        letters += isalpha((unsigned char)c) != 0;
        doubled = doubled || (c == ':' && i + 1 < run.len && run.data[i + 1] == ':');
    }
    bool v4 = dots >= 3 && letters == 0 && digits >= 4;
    bool v6 = colons >= 2 && (colons >= 4 || doubled) && digits + letters != 0;
    return v4 || v6;
}

static bool has_ip(struct slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t from = i;
        while (i < text.len && is_address_byte(text.data[i])) {
            i++;
        }
        if (i - from >= 3 && is_address(slice_make(text.data + from, i - from))) {
            return true;
        }
        i += i == from;
    }
    return false;
}

static bool is_uuid(struct slice text)
{
    bool is = text.len == 36;
    for (size_t i = 0; is && i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        is = dash ? text.data[i] == '-' : isxdigit((unsigned char)text.data[i]) != 0;
    }
    return is;
}

/* A run of digits with what people write between them, as phones and cards are written. */
static bool has_long_number(struct slice text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (isdigit((unsigned char)text.data[i])) {
            if (++digits >= SHORTEST_NUMBER) {
                return true;
            }
        } else if (text.data[i] == '\0' || strchr(" -()/.", text.data[i]) == NULL) {
            digits = 0;
        }
    }
    return false;
}

static bool has_query(struct slice text)
{
    const char *scheme = memmem(text.data, text.len, "://", 3);
    return scheme != NULL && memchr(scheme, '?', text.len - (size_t)(scheme - text.data)) != NULL;
}

bool personal_address(struct slice text)
{
    return has_mail(text) || has_ip(text);
}

bool personal_text(struct slice text)
{
    bool token = slice_starts_with(text, SLICE("eyJ")) || slice_starts_with(text, SLICE("Bearer "));
    return token || personal_address(text) || (!is_uuid(text) && has_long_number(text)) ||
           (text.len != 0 && has_query(text));
}
