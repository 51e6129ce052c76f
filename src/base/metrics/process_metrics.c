/* Asks the system about this process, under the names that Prometheus' own libraries use (process_…). Source: proc(5). */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of /proc/self/stat, from behind the name of the program, which may hold anything. */
struct process_stat {
    unsigned long user_ticks, system_ticks;
    long threads;
    unsigned long long start_ticks; /* since the machine booted */
    unsigned long virtual_bytes;
    long resident_pages;
};

static bool read_stat(struct process_stat *stat)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *behind_name = strrchr(text, ')');
    return behind_name != NULL && sscanf(behind_name + 1,
                                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d "
                                         "%llu %lu %ld",
                                         &stat->user_ticks, &stat->system_ticks, &stat->threads, &stat->start_ticks,
                                         &stat->virtual_bytes, &stat->resident_pages) == 6;
}

/* Kernels since 6.2 tell the number as the folder's size; before, its entries are counted. -1: it cannot be read. */
static double count_files(void)
{
    struct stat folder;
    if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
        return (double)folder.st_size;
    }
    DIR *listing = opendir("/proc/self/fd");
    if (listing == NULL) {
        return -1;
    }
    double count = -1; /* that of the listing itself */
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        count += entry->d_name[0] != '.';
    }
    closedir(listing);
    return count;
}

/* When the machine booted, in seconds since 1970; 0: not known. */
static double boot_seconds(void)
{
    char line[256];
    unsigned long long seconds = 0;
    FILE *file = fopen("/proc/stat", "re");
    while (file != NULL && seconds == 0 && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "btime %llu", &seconds) != 1) {
            seconds = 0;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (double)seconds;
}

static void set_files(struct metrics *metrics)
{
    struct rlimit limit;
    double count = count_files();
    if (count >= 0) {
        metric_set(metrics, METRIC_PROCESS_OPEN_FDS, 0, count);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metric_set(metrics, METRIC_PROCESS_MAX_FDS, 0,
                   limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur);
    }
}

void metrics_set_process(struct metrics *metrics)
{
    struct process_stat stat;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    ASSERT(ticks > 0);
    set_files(metrics);
    if (!read_stat(&stat)) {
        return;
    }
    if (metrics->booted_s == 0) {
        metrics->booted_s = boot_seconds(); /* it moves with the clock, and the start must not */
    }
    metric_set(metrics, METRIC_PROCESS_CPU, 0, (double)(stat.user_ticks + stat.system_ticks) / ticks);
    metric_set(metrics, METRIC_PROCESS_THREADS, 0, (double)stat.threads);
    metric_set(metrics, METRIC_PROCESS_START, 0, metrics->booted_s + (double)stat.start_ticks / ticks);
    metric_set(metrics, METRIC_PROCESS_VIRTUAL, 0, (double)stat.virtual_bytes);
    metric_set(metrics, METRIC_PROCESS_RESIDENT, 0, (double)stat.resident_pages * (double)sysconf(_SC_PAGESIZE));
}
