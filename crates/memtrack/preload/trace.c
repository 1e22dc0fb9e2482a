/*
 * Attaches a process to the segment of its tracer, and gives each thread its stream of blocks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocks.h"
#include "mapping.h"
#include "sandbox.h"
#include "trace.h"

extern char **environ;

#define PAGE 4096

/* Before the first call: on, so that the first call comes along here. */
static struct header starting = {.enabled = 1};
/* No tracer. */
static struct header nobody;
static _Atomic uint32_t unborn = 1;

_Thread_local struct thread self __attribute__((tls_model("initial-exec")));
struct header *segment = &starting;
_Atomic uint32_t *image = &unborn;

static _Atomic bool attaching;
static _Atomic uint32_t last_image;
static pthread_key_t key;
static bool has_key;
/* The image has told which object its allocator is in; a copy of the process needn't. */
static _Atomic bool introduced;
/* The inode of the namespace that our process number belongs to. */
static uint64_t own_namespace;
/* That of the image. */
static int32_t own_pid;
/* Where the kernel has put the environment: the stack of the first thread ends below. */
static uintptr_t first_environment;

void trace_lost(void)
{
    if (segment != &starting && atomic_load(&segment->enabled)) {
        atomic_fetch_add_explicit(&segment->lost, 1, memory_order_relaxed);
    }
}

static void close_block(uint64_t flags)
{
    if (self.block != NULL) {
        uint64_t done = (uint64_t)(self.at - self.block->words);
        atomic_store_explicit(&self.block->state, done << STATE_SHIFT | STATE_READY | STATE_CLOSED | flags,
                              memory_order_release);
    }
    self.at = self.end = NULL;
}

/* Runs when the thread ends; calls after this begin another stream. */
static void end_thread(void *unused)
{
    (void)unused;
    bool busy = self.busy;
    self.busy = true;
    if (self.image == atomic_load(image)) {
        close_block(STATE_END);
    }
    self.block = NULL;
    self.image = 0;
    COMPILER_BARRIER();
    self.busy = busy;
}

/* Of glibc; `pthread_atfork` is nothing else. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *) __attribute__((weak));

static void begin_copy(void)
{
    atomic_store(image, 0);
}

/* The page that tells a copy of the process from the process. */
static bool make_image(void)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    /* Linux 4.14. Handlers of `fork` would be no help to those who don't call it, and other C libraries lack ours. */
    bool has_handler = sandbox_is_near() && &__register_atfork != NULL
                       && __register_atfork(NULL, NULL, begin_copy, NULL) == 0;
    if (!has_handler && madvise(page, PAGE, MADV_WIPEONFORK) != 0) {
        munmap(page, PAGE);
        return false;
    }
    image = page;
    return true;
}

/* Once per process image. */
static void attach(void)
{
    if (environ == NULL || atomic_exchange(&attaching, true)) {
        return;
    }
    sandbox_look();
    struct header *header = mapping_open();
    if (header == NULL || !make_image()) {
        segment = &nobody;
        return;
    }
    has_key = pthread_key_create(&key, end_thread) == 0;
    first_environment = (uintptr_t)environ;
    segment = header;
}

void trace_shrink(uint64_t limit)
{
    mapping_shrink(limit, own_pid);
}

/* The number of this thread, without a system call: the C library knows it, and the kernel tells it that of a copy. */
static int32_t known_tid(void)
{
    clockid_t clock;
    return pthread_getcpuclockid(pthread_self(), &clock) == 0 ? ~(clock >> 3) : 0;
}

static uint64_t namespace_of_processes(void)
{
    /* By what the loader calls, too: `stat` may be forbidden where these aren't. */
    int file = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    struct stat about;
    bool known = file >= 0 && fstat(file, &about) == 0;
    if (file >= 0) {
        close(file);
    }
    return known ? about.st_ino : 0;
}

static bool next_block(int32_t pid, int32_t tid)
{
    close_block(0);
    uint64_t me = (uint64_t)(uint32_t)pid << 32 | (uint32_t)tid;
    struct block *block = blocks_claim(segment, me, self.block, &self.number);
    if (block == NULL) {
        return false;
    }
    block->stream = self.stream;
    block->sequence = self.sequence++;
    block->pid = pid;
    block->tid = tid;
    block->namespace = own_namespace;
    atomic_store_explicit(&block->state, STATE_READY, memory_order_release);
    self.block = block;
    self.at = block->words;
    self.end = block->words + BLOCK_WORDS;
    return true;
}

/* A first stream for a thread of this process image. */
static bool begin_thread(void)
{
    uint32_t known = atomic_load(image);
    bool begins = false;
    if (known == 0) {
        /* A new image, or a copy: whoever is the first of its threads says so. */
        uint32_t number = atomic_load(&last_image) + 1;
        own_pid = sandbox_is_filtered() ? known_tid() : getpid();
        if (own_namespace == 0 || !sandbox_is_near()) {
            own_namespace = namespace_of_processes();
        }
        begins = atomic_compare_exchange_strong(image, &known, number);
        known = begins ? number : known;
        atomic_store(&last_image, known);
    }
    self.block = NULL;
    self.at = self.end = NULL;
    self.stream = atomic_fetch_add(&segment->next_stream, 1);
    self.sequence = 0;
    self.stack_low = self.stack_high = 0;
    if (!next_block(own_pid, sandbox_is_filtered() ? known_tid() : (int32_t)sandbox_syscall(SYS_gettid, 0, 0, 0, 0))) {
        return false;
    }
    self.image = known;
    if (has_key) {
        pthread_setspecific(key, &self);
    }
    if (begins) {
        self.at[0] = trace_first_word(trace_now(), 0, KIND_START);
        self.at += 1;
        uint64_t done = (uint64_t)(self.at - self.block->words);
        atomic_store_explicit(&self.block->state, done << STATE_SHIFT | STATE_READY, memory_order_release);
        if (trace_wants_names()) {
            trace_hooks.image_begins();
        }
    }
    return true;
}

/* Allocating is no cancellation point, but what this does
   may contain some (`open`, `close`): a thread that was cancelled meanwhile must not end in here. */
bool trace_take(size_t words)
{
    int before = errno;
    int cancel = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    if (segment == &starting) {
        attach();
    }
    bool room = segment != &starting && segment != &nobody;
    if (room && (self.image == 0 || self.image != atomic_load(image))) {
        room = begin_thread();
        if (room && !atomic_exchange(&introduced, true)) {
            trace_hooks.program_begins();
        }
    }
    if (room && (size_t)(self.end - self.at) < words) {
        room = next_block(self.block->pid, self.block->tid);
        if (!room) {
            /* What it had is given back to the tracer. */
            self.block = NULL;
            self.image = 0;
        }
    }
    pthread_setcancelstate(cancel, NULL);
    errno = before;
    /* The first call of an image comes here even when nothing is recorded. */
    return room && atomic_load_explicit(&segment->enabled, memory_order_relaxed);
}

/* Appends a record of a text, with so many bytes before it, if there is room; recorded even while calls aren't. */
static void append(enum kind kind, uint32_t extra, const void *before, size_t bytes, const char *text)
{
    size_t length = bytes + strnlen(text, MAX_TEXT - bytes);
    size_t words = 2 + (length + 7) / 8;
    if (self.block == NULL || self.image != atomic_load(image) || (size_t)(self.end - self.at) < words) {
        return;
    }
    self.at[words - 1] = 0;
    memcpy(self.at + 2, before, bytes);
    memcpy((char *)(self.at + 2) + bytes, text, length - bytes);
    self.at[1] = (uint64_t)extra << 32 | length;
    self.at[0] = trace_first_word(trace_now(), 0, kind);
    self.at += words;
    uint64_t done = (uint64_t)(self.at - self.block->words);
    atomic_store_explicit(&self.block->state, done << STATE_SHIFT | STATE_READY, memory_order_release);
}

/* For what is said outside of the calls. */
void trace_text(enum kind kind, uint32_t extra, const char *text)
{
    append(kind, extra, "", 0, text);
}

/* Where there is no room, in another block. */
void trace_mapped(const struct mapped *mapped, const char *path)
{
    bool room = (size_t)(self.end - self.at) >= 2 + MAX_TEXT / 8;
    if (room || (self.block != NULL && next_block(self.block->pid, self.block->tid))) {
        append(KIND_MAPPED, 0, mapped, sizeof *mapped, path);
    }
}

uint64_t trace_stamp(void)
{
    /* A copy of a process must have said that it begins: what it becomes begins after this stamp. */
    if (!self.busy) {
        self.busy = true;
        COMPILER_BARRIER();
        trace_take(0);
        COMPILER_BARRIER();
        self.busy = false;
    }
    return segment == &starting || segment == &nobody ? 0 : trace_now();
}

int32_t trace_pid(void)
{
    return sandbox_is_filtered() ? own_pid : getpid();
}

void trace_say(enum kind kind, uint32_t extra, const void *before, size_t bytes, const char *text)
{
    if (segment == &starting || segment == &nobody || self.busy || text == NULL) {
        return;
    }
    self.busy = true;
    COMPILER_BARRIER();
    /* Whether calls are recorded doesn't matter to it. */
    trace_take(2 + MAX_TEXT / 8);
    append(kind, extra, before, bytes, text);
    COMPILER_BARRIER();
    self.busy = false;
}

void trace_say_all(void (*say)(void))
{
    if (segment == &starting || segment == &nobody || self.busy) {
        return;
    }
    self.busy = true;
    COMPILER_BARRIER();
    trace_take(2 + MAX_TEXT / 8);
    if (self.block != NULL && self.image == atomic_load(image)) {
        say();
    }
    COMPILER_BARRIER();
    self.busy = false;
}

bool trace_wants_names(void)
{
    return (segment->frames | segment->copied) != 0 && !sandbox_is_near();
}

static uintptr_t lower(uintptr_t low, uintptr_t high, uintptr_t place)
{
    return low < place && place < high ? place : high;
}

/* Where the stack of this thread is; a thread that runs on another one shows its caller only. */
static void find_stack(void)
{
    int before = errno;
    pthread_attr_t attributes;
    self.stack_low = UINTPTR_MAX;
    self.stack_high = UINTPTR_MAX;
    /* The C library reads files for it. */
    if (sandbox_is_near()) {
        return;
    }
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *low;
        size_t size;
        if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
            self.stack_low = (uintptr_t)low;
            self.stack_high = (uintptr_t)low + size;
            /* What belongs to the thread alone lies at the end of its stack, and has no frames. */
            self.stack_high = lower(self.stack_low, self.stack_high, first_environment);
            self.stack_high = lower(self.stack_low, self.stack_high, (uintptr_t)&self);
        }
        pthread_attr_destroy(&attributes);
    }
    errno = before;
}

/* The place of the stack where our function has been called from, as it is when that returns. */
static uintptr_t caller_stack(uintptr_t frame)
{
    return frame + 2 * sizeof(uintptr_t);
}

/* Words that are copied. Of a stack that is not the thread's own, only the page that is in use must be there. */
static size_t copied_words(uintptr_t frame)
{
    uintptr_t from = caller_stack(frame);
    bool own = self.stack_low <= frame && from <= self.stack_high;
    uintptr_t end = own ? self.stack_high : (from + PAGE - 1) / PAGE * PAGE;
    size_t bytes = end - from;
    return (bytes < segment->copied ? bytes : segment->copied) / sizeof(uint64_t);
}

size_t trace_stack_room(uintptr_t frame)
{
    if (self.stack_high == 0) {
        bool busy = self.busy;
        self.busy = true;
        COMPILER_BARRIER();
        find_stack();
        COMPILER_BARRIER();
        self.busy = busy;
    }
    return (segment->copied > 0 ? 4 + copied_words(frame) : 0) + segment->frames;
}

/* Return addresses, innermost first, by frame pointers; the first one is always there. */
static size_t walk(uintptr_t frame, uint64_t *into, size_t most)
{
    size_t count = 0;
    while (count < most) {
        const uintptr_t *at = (const uintptr_t *)frame;
        if (at[1] == 0) {
            break;
        }
        into[count++] = at[1];
        uintptr_t up = at[0];
        if (up <= frame || up % sizeof(uintptr_t) != 0 || frame < self.stack_low
            || up > self.stack_high - 2 * sizeof(uintptr_t)) {
            break;
        }
        frame = up;
    }
    return count;
}

size_t trace_stack(uintptr_t frame, uint64_t *into, size_t room, uint64_t *first)
{
    size_t words = 0;
    /* In a copy of a process the thread may have begun anew meanwhile. */
    if (self.stack_high == 0) {
        find_stack();
    }
    size_t most = segment->frames < room ? segment->frames : room;
    if (room >= most + 4) {
        size_t copied = room - most - 4;
        into[0] = copied;
        into[1] = trace_back(frame);
        into[2] = caller_stack(frame);
        into[3] = *(const uintptr_t *)frame;
        memcpy(into + 4, (const void *)caller_stack(frame), copied * sizeof(uint64_t));
        *first |= COPIED;
        words = 4 + copied;
    }
    size_t frames = walk(frame, into + words, most);
    *first |= (uint64_t)frames << FRAMES_SHIFT;
    return words + frames;
}
