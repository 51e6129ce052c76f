/* Turns what the parts say of themselves into a board that pages read. */
#include "base/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/plain_text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct status_part {
    struct status_board *board;
    struct status_view view;
    struct status_part *next;
};

/* Parts are appended and never removed: a list in order of registration. */
struct status_board {
    pthread_mutex_t mutex;
    struct status_part *first;
    struct status_part **end;
};

struct status_board *status_board_new(void)
{
    struct status_board *board = calloc(1, sizeof *board);
    if (board != NULL) {
        pthread_mutex_init(&board->mutex, NULL);
        board->end = &board->first;
    }
    return board;
}

void status_board_free(struct status_board *board)
{
    if (board == NULL) {
        return;
    }
    while (board->first != NULL) {
        struct status_part *part = board->first;
        board->first = part->next;
        free(part);
    }
    pthread_mutex_destroy(&board->mutex);
    free(board);
}

struct status_part *status_add(struct status_board *board, const char *name)
{
    struct status_part *part = calloc(1, sizeof *part);
    if (part == NULL) {
        return NULL;
    }
    part->board = board;
    part->view.since_wall_ns = clock_wall_ns();
    snprintf(part->view.name, sizeof part->view.name, "%s", name);
    pthread_mutex_lock(&board->mutex);
    *board->end = part;
    board->end = &part->next;
    pthread_mutex_unlock(&board->mutex);
    return part;
}

static void log_change(const struct status_view *view)
{
    static const enum log_level levels[] = { LOG_INFO, LOG_WARN, LOG_WARN };
    static const char *const words[] = { "ok", "degraded", "down" };
    LOG(levels[view->level], "status", "part=%s state=%s %s", view->name, words[view->level], view->reason);
}

void status_set(struct status_part *part, enum status_level level, const char *reason, ...)
{
    if (part == NULL) {
        return;
    }
    char text[sizeof part->view.reason];
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(text, sizeof text, reason, arguments);
    va_end(arguments);
    plain_text_clean(text, sizeof text);

    pthread_mutex_lock(&part->board->mutex);
    bool changed = part->view.level != level;
    if (changed) {
        part->view.level = level;
        part->view.since_wall_ns = clock_wall_ns();
    }
    memcpy(part->view.reason, text, sizeof text);
    struct status_view view = part->view;
    pthread_mutex_unlock(&part->board->mutex);
    if (changed) {
        log_change(&view);
    }
}

size_t status_read(struct status_board *board, struct status_view *views, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&board->mutex);
    for (struct status_part *part = board->first; part != NULL; part = part->next) {
        if (count < max) {
            views[count] = part->view;
        }
        count++;
    }
    pthread_mutex_unlock(&board->mutex);
    return count < max ? count : max;
}
