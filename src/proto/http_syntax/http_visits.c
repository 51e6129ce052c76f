/* Turns a request into whether somebody is behind it. */
#include "proto/http_syntax/http_visits.h"

#include "proto/http_syntax/http_parse.h"

/* Parts of User-Agent by which programs that look at links name themselves. Gmail's and Apple's proxies of images are not among
 * them: they ask when somebody reads. */
static const char *const scanners[] = {
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "twitterbot",
    "linkedinbot",
    "slackbot",
    "slack-imgproxy",
    "discordbot",
    "telegrambot",
    "whatsapp",
    "skypeuripreview",
    "pinterestbot",
    "redditbot",
    "googlebot",
    "google-safety",
    "bingbot",
    "bingpreview",
    "yandexbot",
    "baiduspider",
    "duckduckbot",
    "applebot",
    "petalbot",
    "semrushbot",
    "ahrefsbot",
    "mj12bot",
    "embedly",
    "iframely",
    "bitlybot",
    "vkshare",
    "viber",
    "mimecast",
    "barracuda",
    "proofpoint",
    "cloudmark",
    "trendmicro",
    "fortinet",
    "zscaler",
    "symantec",
    "urlscan",
    "virustotal",
};

/* Fields by which browsers say that they ask ahead, and the word that their values begin with. */
static const struct {
    struct slice name;
    struct slice word;
} ahead[] = {
    { { "sec-purpose", 11 }, { "prefetch", 8 } },
    { { "purpose", 7 }, { "prefetch", 8 } },
    { { "x-purpose", 9 }, { "preview", 7 } },
    { { "x-moz", 5 }, { "prefetch", 8 } },
};

static bool begins_with(struct slice text, struct slice word)
{
    return text.len >= word.len && slice_equal_nocase(slice_make(text.data, word.len), word);
}

static bool is_ahead(struct slice fields)
{
    struct slice name, value;
    while (http_next_field(&fields, &name, &value)) {
        for (size_t i = 0; i < ARRAY_LENGTH(ahead); i++) {
            if (slice_equal_nocase(name, ahead[i].name) && begins_with(value, ahead[i].word)) {
                return true;
            }
        }
    }
    return false;
}

/* A name begins where a word does: "my-viberant" is not viber's. */
static bool holds_word(struct slice text, struct slice word)
{
    bool inside = false;
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (!inside && slice_equal_nocase(slice_make(text.data + i, word.len), word)) {
            return true;
        }
        char c = text.data[i];
        inside = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return false;
}

static bool is_scanner(struct slice user_agent)
{
    for (size_t i = 0; i < ARRAY_LENGTH(scanners); i++) {
        if (holds_word(user_agent, slice_from_string(scanners[i]))) {
            return true;
        }
    }
    return false;
}

bool http_visits_are_nobodys(const struct http_request *request)
{
    if (request->method == HTTP_HEAD) {
        return true;
    }
    return request->method == HTTP_GET && (is_ahead(request->fields) || is_scanner(request->user_agent));
}
