/*
 * The way of a record into the segment. Nothing here allocates, and nothing calls the system but for a new block.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common.h"
#include "segment.h"

#define FRAME ((uintptr_t)__builtin_frame_address(0))
/* The barrier that keeps the compiler from moving memory accesses. */
#define COMPILER_BARRIER() atomic_signal_fence(memory_order_seq_cst)

/* The stack between a call and one that it makes itself, at most. */
#define NESTING 65536

/* The call that is recorded: its frame, 0 for none, and where it returns to. */
struct outermost {
    uintptr_t frame;
    uintptr_t back;
};

struct thread {
    struct outermost inside;
    /* This code itself is at work: whatever allocates now is a signal handler, or done for us. */
    bool busy;
    /* The process image whose thread this is; see `image`. */
    uint32_t image;
    uint64_t *at;
    uint64_t *end;
    struct block *block;
    /* Of the block. */
    uint32_t number;
    uint64_t stream;
    uint64_t sequence;
    uintptr_t stack_low;
    uintptr_t stack_high;
};

extern _Thread_local struct thread self __attribute__((tls_model("initial-exec")));
extern struct header *segment;
/* A number in a page that is zero again in a copy of the process. */
extern _Atomic uint32_t *image;

/* What those do that know more than how to record; `start.c` has them. */
struct trace_hooks {
    /* The process image, or a copy of one, has a thread with a block. */
    void (*image_begins)(void);
    /* The same, but not for copies of a process. */
    void (*program_begins)(void);
};
extern const struct trace_hooks trace_hooks;

/* The slow path of `trace_begin`: makes room for so many words. */
bool trace_take(size_t words);
void trace_lost(void);
/* While this code is at work already. */
void trace_text(enum kind kind, uint32_t extra, const char *text);
void trace_mapped(const struct mapped *mapped, const char *path);
/* From outside, at any time. */
/* With so many bytes before the text. */
void trace_say(enum kind kind, uint32_t extra, const void *before, size_t bytes, const char *text);
/* Several things that are said while this code is at work. */
void trace_say_all(void (*say)(void));
/* Whether addresses are recorded, and the system may be asked what they are. */
bool trace_wants_names(void);
/* The time, as records have it; 0 where there is no tracer. */
uint64_t trace_stamp(void);
/* This process is about to get by with so much memory. */
void trace_shrink(uint64_t limit);
/* The number of this process, also of one that shares the memory of another (`vfork`). */
int32_t trace_pid(void);
/* The stack of a call, by the frame of our function: the words that it takes at most, and the stack itself with its
 * part of the first word. */
size_t trace_stack_room(uintptr_t frame);
size_t trace_stack(uintptr_t frame, uint64_t *into, size_t room, uint64_t *first);

INLINE uintptr_t trace_back(uintptr_t frame)
{
    return ((const uintptr_t *)frame)[1];
}

/* Whether a call with this frame is one that the program makes, and now to be recorded. */
INLINE bool trace_enter(uintptr_t frame, struct outermost *before)
{
    if (!atomic_load_explicit(&segment->enabled, memory_order_relaxed)) {
        return false;
    }
    struct outermost inside = self.inside;
    if (UNLIKELY(inside.frame != 0)) {
        /* A call that was left by a jump still stands there, but its frame was written over by another one. */
        if (inside.frame - frame - 1 < NESTING && trace_back(inside.frame) == inside.back) {
            return false;
        }
        /* Far away is another stack: that call goes on later. */
        if (inside.frame - frame + 16 * NESTING < 32 * NESTING) {
            inside.frame = 0;
        }
    }
    if (UNLIKELY(self.busy)) {
        return false;
    }
    *before = inside;
    self.inside.frame = frame;
    self.inside.back = trace_back(frame);
    return true;
}

INLINE void trace_leave(struct outermost before)
{
    COMPILER_BARRIER();
    self.inside = before;
}

/* Room for a record; from here to `trace_commit` the tracer waits for us. NULL when there is none. */
INLINE uint64_t *trace_begin(size_t words)
{
    self.busy = true;
    COMPILER_BARRIER();
    if (UNLIKELY(self.image != atomic_load_explicit(image, memory_order_relaxed)
                 || (size_t)(self.end - self.at) < words)
        && !trace_take(words)) {
        self.busy = false;
        return NULL;
    }
    uint64_t done = (uint64_t)(self.at - self.block->words);
    atomic_store_explicit(&self.block->state, done << STATE_SHIFT | STATE_READY | STATE_IN_FLIGHT,
                          memory_order_relaxed);
    COMPILER_BARRIER();
    return self.at;
}

INLINE void trace_commit(size_t words)
{
    self.at += words;
    uint64_t done = (uint64_t)(self.at - self.block->words);
    atomic_store_explicit(&self.block->state, done << STATE_SHIFT | STATE_READY, memory_order_release);
    COMPILER_BARRIER();
    self.busy = false;
}

INLINE uint64_t trace_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - segment->epoch;
}

INLINE uint64_t trace_first_word(uint64_t stamp, size_t frames, enum kind kind)
{
    return stamp << RECORD_SHIFT | (uint64_t)frames << FRAMES_SHIFT | (uint64_t)kind;
}

/* An allocation that has succeeded, stamped now. */
INLINE void trace_allocation(enum kind kind, uintptr_t frame, void *address, size_t size, void *old)
{
    size_t words = kind == KIND_REALLOC ? 4 : 3;
    size_t room = UNLIKELY((segment->frames | segment->copied) != 0) ? trace_stack_room(frame) : 0;
    uint64_t *record = trace_begin(words + room);
    if (UNLIKELY(record == NULL)) {
        trace_lost();
        return;
    }
    uint64_t stamp = trace_now();
    record[1] = (uintptr_t)address;
    record[2] = size;
    if (kind == KIND_REALLOC) {
        record[3] = (uintptr_t)old;
    }
    record[0] = trace_first_word(stamp, 0, kind);
    if (UNLIKELY(room > 0)) {
        words += trace_stack(frame, record + words, room, record);
    }
    trace_commit(words);
}

/* A free that is about to happen. */
INLINE void trace_free(void *address)
{
    uint64_t *record = trace_begin(2);
    if (UNLIKELY(record == NULL)) {
        trace_lost();
        return;
    }
    record[0] = trace_first_word(trace_now(), 0, KIND_FREE);
    record[1] = (uintptr_t)address;
    trace_commit(2);
}

#endif
