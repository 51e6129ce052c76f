/* What gateway.c (start and stop) and gateway_reload.c share. */
#pragma once

#include "gateway_doors.h"
#include "gateway_limits.h"
#include "gateway_pages.h"
#include "gateway_routes.h"

#include "base/system/data_folder.h"
#include "config/options/options.h"
#include "gateway.h"

#include <pthread.h>

struct gateway {
    const struct config *start; /* the configuration of the start */
    struct config live;         /* what holds now: its sections begin as those of `start`, and a reload replaces them */
    const struct config *config; /* `live` */
    struct reloads *reloads;     /* what they leave behind */
    struct stream **streams;
    struct access *access; /* NULL: there are no keys */
    struct data_folder folder;
    struct status_board *board;
    struct status_part *status;
    struct store *store;
    struct metrics *metrics;
    struct gateway_gauges *gauges;
    struct pipeline *pipeline;
    struct rejects *rejects;
    struct query_service *query;
    struct lookups *lookups;
    struct sql_service *sql; /* NULL: the store is asked by itself, or nobody can listen */
    struct gateway_pages pages;
    struct gateway_routes routes;
    struct gateway_limits limits;
    struct gateway_doors doors;
    pthread_mutex_t ending; /* guards what follows */
    bool drained;           /* the pipeline may be gone */
    uint64_t left;          /* events that wait then */
};

/* Once metrics and status board are there. False: memory is short. */
MUST_CHECK bool gateway_reload_init(struct gateway *gateway);
void gateway_reload_release(struct gateway *gateway);
