#define _GNU_SOURCE
#include "blocks.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mapping.h"
#include "reach.h"
#include "sandbox.h"

/* How long a thread waits at most until it looks for a free block again, and until it asks after the tracer. */
#define WAIT_NS 5000000
#define WAITS_UNTIL_DOUBT 40
/* A tracer that can't be asked after, and has not looked for so long, is gone. */
#define SILENCE_NS 10000000000u

static void pause_processor(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t now(const struct header *segment)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - segment->epoch;
}

/* What the thread wanted to record is lost. */
static void give_up(struct header *segment)
{
    if (atomic_load(&segment->enabled)) {
        atomic_fetch_add_explicit(&segment->lost, 1, memory_order_relaxed);
    }
    atomic_store(&segment->closed, 1);
    atomic_store(&segment->enabled, 0);
}

/* The tracer holds a lock on the segment, which the kernel takes from it when it dies. */
static bool tracer_lives(struct header *segment)
{
    /* A sandbox can forbid it; and a process with another root or user needn't find the segment. */
    bool asks = !sandbox_is_near() && reach_descriptor(mapping_path) < 0;
    int file = asks ? open(mapping_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (file < 0) {
        uint64_t stamp = now(segment);
        uint64_t looked = atomic_load(&segment->looked);
        return stamp < looked || stamp - looked < SILENCE_NS;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    bool lives = fcntl(file, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
    close(file);
    return lives;
}

static uint32_t smaller(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

/* Sets `claimed` to the number of the block. */
static struct block *try_claim(uint32_t from, uint32_t to, _Atomic uint32_t *used, uint64_t me, uint32_t *claimed)
{
    for (uint32_t number = from; number < to; number++) {
        uint64_t nobody_yet = 0;
        if (atomic_load_explicit(&mapping_owners[number], memory_order_relaxed) != 0
            || !atomic_compare_exchange_strong(&mapping_owners[number], &nobody_yet, me)) {
            continue;
        }
        struct block *block = mapping_block(number);
        if (block == NULL) {
            atomic_store(&mapping_owners[number], 0);
            return NULL;
        }
        uint32_t seen = atomic_load(used);
        while (seen <= number && !atomic_compare_exchange_weak(used, &seen, number + 1)) {
        }
        *claimed = number;
        return block;
    }
    return NULL;
}

/* Until blocks are given back or added, or for a short time. */
static void wait_for_blocks(struct header *segment, uint32_t freed)
{
    if (sandbox_is_near()) {
        uint64_t until = now(segment) + WAIT_NS;
        while (atomic_load(&segment->freed) == freed && now(segment) < until) {
            pause_processor();
        }
        return;
    }
    struct timespec most = {.tv_nsec = WAIT_NS};
    atomic_fetch_add(&segment->waiters, 1);
    sandbox_syscall(SYS_futex, (long)&segment->freed, FUTEX_WAIT, freed, (long)&most);
    atomic_fetch_sub(&segment->waiters, 1);
}

/* A block with memory that a thread may take now; `sure` is set when there will be none. */
static struct block *look_for_block(struct header *segment, uint64_t me, const struct block *own, uint32_t *number,
                                    bool *sure)
{
    if (own == NULL) {
        /* Who has none must not wait for those who have: they may wait for this thread. */
        uint32_t end = mapping_first_end();
        uint32_t backed = smaller(atomic_load(&segment->backed_first), end);
        struct block *block = try_claim(segment->shared, backed, &segment->used_first, me, number);
        *sure = backed >= end || atomic_load(&segment->exhausted);
        return block;
    }
    uint32_t backed = smaller(atomic_load(&segment->backed_shared), mapping_shared_end());
    struct block *block = try_claim(0, backed, &segment->used_shared, me, number);
    if (block != NULL) {
        return block;
    }
    /* The one that it had comes back as soon as it is read. */
    _Atomic uint32_t *used = *number < segment->shared ? &segment->used_shared : &segment->used_first;
    return try_claim(*number, *number + 1, used, me, number);
}

struct block *blocks_claim(struct header *segment, uint64_t me, const struct block *own, uint32_t *number)
{
    bool sure = false;
    for (unsigned waits = 0; !atomic_load(&segment->closed) && !sure; waits++) {
        uint32_t freed = atomic_load(&segment->freed);
        struct block *block = look_for_block(segment, me, own, number, &sure);
        if (block != NULL) {
            return block;
        }
        if (waits % WAITS_UNTIL_DOUBT == WAITS_UNTIL_DOUBT - 1 && !tracer_lives(segment)) {
            give_up(segment);
            break;
        }
        if (!sure) {
            wait_for_blocks(segment, freed);
        }
    }
    return NULL;
}
