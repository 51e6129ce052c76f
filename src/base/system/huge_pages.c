/* Turns address space into memory that is there. */
#include "base/system/huge_pages.h"

#include "base/assert.h"
#include "base/thread.h"

#include <stdlib.h>
#include <sys/mman.h>

#define READY 4 /* huge pages */

/* Whole huge pages begin where one may lie: kernels before 6.7 do not see to it. */
static void *map_aligned(size_t bytes)
{
    size_t spare = bytes < HUGE_PAGE ? 0 : HUGE_PAGE;
    char *memory = mmap(NULL, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    size_t before = spare == 0 ? 0 : (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
    ASSERT_AT_MOST(before, spare);
    if (before != 0) {
        munmap(memory, before);
    }
    if (before != spare) {
        munmap(memory + before + bytes, spare - before);
    }
    return memory + before;
}

/* In pieces, for the kernel locks the process's memory meanwhile, and a thread that needs memory, UDP's above all, would
 * stand still. */
void *huge_pages_map(size_t bytes)
{
    char *memory = map_aligned(bytes);
    if (memory == NULL) {
        return NULL;
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += HUGE_PAGE) {
        size_t piece = bytes - at < HUGE_PAGE ? bytes - at : HUGE_PAGE;
        madvise(memory + at, piece, MADV_POPULATE_WRITE); /* kernels before 5.14 do without */
    }
    return memory;
}

void huge_pages_unmap(void *memory, size_t bytes)
{
    if (memory != NULL) {
        munmap(memory, bytes);
    }
}

struct huge_page_supply {
    struct thread thread;
    struct wakeup wakeup;
    bool wanted, stopping;
    size_t count;
    void *ready[READY];
};

/* Under the lock, which it lets go of to ask the kernel. False: memory is short. */
static bool add_one(struct huge_page_supply *supply)
{
    wakeup_unlock(&supply->wakeup);
    void *page = huge_pages_map(HUGE_PAGE);
    wakeup_lock(&supply->wakeup);
    if (page != NULL) {
        supply->ready[supply->count++] = page;
        ASSERT_AT_MOST(supply->count, READY);
    }
    return page != NULL;
}

static void run(void *opaque)
{
    struct huge_page_supply *supply = opaque;
    wakeup_lock(&supply->wakeup);
    while (!supply->stopping) {
        supply->wanted = supply->wanted && supply->count < READY && add_one(supply);
        while (!supply->wanted && !supply->stopping) {
            wakeup_wait(&supply->wakeup, INT64_MAX);
        }
    }
    wakeup_unlock(&supply->wakeup);
}

struct huge_page_supply *huge_page_supply_new(void)
{
    struct huge_page_supply *supply = calloc(1, sizeof *supply);
    if (supply == NULL) {
        return NULL;
    }
    wakeup_init(&supply->wakeup);
    if (thread_start(&supply->thread, "pages", run, supply) != OK) {
        wakeup_release(&supply->wakeup);
        free(supply);
        return NULL;
    }
    return supply;
}

void huge_page_supply_free(struct huge_page_supply *supply)
{
    if (supply == NULL) {
        return;
    }
    wakeup_lock(&supply->wakeup);
    supply->stopping = true;
    wakeup_one(&supply->wakeup);
    wakeup_unlock(&supply->wakeup);
    thread_join(&supply->thread);
    while (supply->count != 0) {
        huge_pages_unmap(supply->ready[--supply->count], HUGE_PAGE);
    }
    wakeup_release(&supply->wakeup);
    free(supply);
}

void *huge_page_supply_take(struct huge_page_supply *supply)
{
    wakeup_lock(&supply->wakeup);
    void *page = supply->count == 0 ? NULL : supply->ready[--supply->count];
    supply->wanted = true;
    wakeup_one(&supply->wakeup);
    wakeup_unlock(&supply->wakeup);
    return page;
}
