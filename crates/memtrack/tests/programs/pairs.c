/*
 * pairs N [threads]: each thread makes N pairs of malloc and free over 64 slots, with sizes from 16 to 1023 bytes.
 * Prints nanoseconds per pair, as a thread sees it, and the number of pairs.
 */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "mark.h"

static long pairs;

static void *work(void *argument)
{
    void *slots[64] = {0};
    uint64_t random = 88172645463325252ull + (uintptr_t)argument;
    for (long done = 0; done < pairs; done++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned slot = random % 64;
        free(slots[slot]);
        slots[slot] = malloc(16 + (random >> 32) % 1008);
    }
    for (int slot = 0; slot < 64; slot++) {
        free(slots[slot]);
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    pairs = argc > 1 ? atol(argv[1]) : 1000000;
    long threads = argc > 2 ? atol(argv[2]) : 1;
    pthread_t ids[256];
    if (threads < 1 || threads > 256) {
        return 2;
    }
    mark(MARK_BEGIN);
    double begin = now();
    if (threads == 1) {
        work(NULL);
    } else {
        for (long thread = 0; thread < threads; thread++) {
            pthread_create(&ids[thread], NULL, work, (void *)thread);
        }
        for (long thread = 0; thread < threads; thread++) {
            pthread_join(ids[thread], NULL);
        }
    }
    double end = now();
    mark(MARK_END);
    printf("%.1f ns/pair, %ld pairs\n", (end - begin) / (double)pairs, pairs * threads);
    return 0;
}
