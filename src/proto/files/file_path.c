/* Turns the path of a request into a verdict, and into the type of the file's bytes. */
#include "proto/files/file_path.h"

static const struct {
    struct slice ending;
    const char *type;
} types[] = {
#define X(ending, type) { { ending, sizeof(ending) - 1 }, type },
    X("html", "text/html; charset=utf-8") X("htm", "text/html; charset=utf-8") X("css", "text/css; charset=utf-8")
        X("js", "text/javascript; charset=utf-8") X("mjs", "text/javascript; charset=utf-8")
            X("json", "application/json") X("map", "application/json") X("webmanifest", "application/manifest+json")
                X("yaml", "application/yaml") X("yml", "application/yaml") X("xml", "application/xml")
                    X("txt", "text/plain; charset=utf-8") X("md", "text/markdown; charset=utf-8")
                        X("csv", "text/csv; charset=utf-8") X("ndjson", "application/x-ndjson")
                            X("svg", "image/svg+xml") X("png", "image/png") X("jpg", "image/jpeg")
                                X("jpeg", "image/jpeg") X("gif", "image/gif") X("webp", "image/webp")
                                    X("avif", "image/avif") X("ico", "image/x-icon") X("woff", "font/woff")
                                        X("woff2", "font/woff2") X("ttf", "font/ttf") X("otf", "font/otf")
                                            X("wasm", "application/wasm") X("pdf", "application/pdf")
                                                X("mp4", "video/mp4") X("webm", "video/webm") X("mp3", "audio/mpeg")
                                                    X("zip", "application/zip") X("gz", "application/gzip")
#undef X
};

static bool segment_fits(struct slice segment)
{
    if (segment.len == 0 || segment.data[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char c = (unsigned char)segment.data[i];
        if (c < ' ' || c == 0x7f || c == '\\') {
            return false;
        }
    }
    return true;
}

bool file_path_fits(struct slice path)
{
    if (path.len > FILE_PATH_MAX) {
        return false;
    }
    if (path.len != 0 && path.data[path.len - 1] == '/') {
        path.len--;
        if (path.len == 0) {
            return false;
        }
    }
    struct slice rest = path, segment;
    while (path.len != 0 && slice_split(&rest, '/', &segment)) {
        if (!segment_fits(segment)) {
            return false;
        }
    }
    return true;
}

const char *file_path_type(struct slice path)
{
    const char *dot = path.len == 0 ? NULL : memrchr(path.data, '.', path.len);
    struct slice ending = dot == NULL ? SLICE("") : slice_after(path, (size_t)(dot - path.data) + 1);
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (slice_equal_nocase(ending, types[i].ending)) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}
