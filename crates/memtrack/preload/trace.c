/*
 * Attaches a process to the segment of its tracer, and finds a block for each thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "mapping.h"
#include "maps.h"
#include "others.h"
#include "reach.h"
#include "sandbox.h"
#include "trace.h"

/* How long a thread waits at most until it looks for a free block again, and until it asks after the tracer. */
#define WAIT_NS 5000000
#define WAITS_UNTIL_DOUBT 40
/* A tracer that can't be asked after, and has not looked for so long, is gone. */
#define SILENCE_NS 10000000000u

extern char **environ;

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

void trace_lost(void)
{
    if (segment != &starting && atomic_load(&segment->enabled)) {
        atomic_fetch_add_explicit(&segment->lost, 1, memory_order_relaxed);
    }
}

static void pause_processor(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void give_up(void)
{
    atomic_store(&segment->closed, 1);
    atomic_store(&segment->enabled, 0);
}

/* The tracer holds a lock on the segment, which the kernel takes from it when it dies. */
static bool tracer_lives(void)
{
    /* A sandbox can forbid it; and a process with another root or user needn't find the segment. */
    int file = sandbox_is_near() || reach_descriptor(mapping_path) >= 0 ? -1
                                                                                  : open(mapping_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        uint64_t now = trace_now();
        uint64_t looked = atomic_load(&segment->looked);
        return now < looked || now - looked < SILENCE_NS;
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

static struct block *try_claim(uint32_t from, uint32_t to, _Atomic uint32_t *used, uint64_t me)
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
        self.number = number;
        return block;
    }
    return NULL;
}

/* Until blocks are given back or added, or for a short time. */
static void wait_for_blocks(uint32_t freed)
{
    if (sandbox_is_near()) {
        uint64_t until = trace_now() + WAIT_NS;
        while (atomic_load(&segment->freed) == freed && trace_now() < until) {
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
static struct block *look_for_block(uint64_t me, bool *sure)
{
    struct block *own = self.block;
    if (own == NULL) {
        /* Who has none must not wait for those who have: they may wait for this thread. */
        uint32_t end = mapping_first_end();
        uint32_t backed = smaller(atomic_load(&segment->backed_first), end);
        struct block *block = try_claim(segment->shared, backed, &segment->used_first, me);
        *sure = backed >= end || atomic_load(&segment->exhausted);
        return block;
    }
    uint32_t backed = smaller(atomic_load(&segment->backed_shared), mapping_shared_end());
    struct block *block = try_claim(0, backed, &segment->used_shared, me);
    if (block != NULL) {
        return block;
    }
    /* The one that it had comes back as soon as it is read. */
    uint32_t number = self.number;
    _Atomic uint32_t *used = number < segment->shared ? &segment->used_shared : &segment->used_first;
    return try_claim(number, number + 1, used, me);
}

/* A free block, for which the thread waits if need be, so that nothing is lost. */
static struct block *claim(int32_t pid, int32_t tid)
{
    uint64_t me = (uint64_t)(uint32_t)pid << 32 | (uint32_t)tid;
    bool sure = false;
    for (unsigned waits = 0; !atomic_load(&segment->closed) && !sure; waits++) {
        uint32_t freed = atomic_load(&segment->freed);
        struct block *block = look_for_block(me, &sure);
        if (block != NULL) {
            return block;
        }
        if (waits % WAITS_UNTIL_DOUBT == WAITS_UNTIL_DOUBT - 1 && !tracer_lives()) {
            trace_lost();
            give_up();
            break;
        }
        if (!sure) {
            wait_for_blocks(freed);
        }
    }
    return NULL;
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
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    /* Linux 4.14. Handlers of `fork` would be no help to those who don't call it, and other C libraries lack ours. */
    bool has_handler = sandbox_is_near() && &__register_atfork != NULL
                       && __register_atfork(NULL, NULL, begin_copy, NULL) == 0;
    if (!has_handler && madvise(page, 4096, MADV_WIPEONFORK) != 0) {
        munmap(page, 4096);
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
    struct block *block = claim(pid, tid);
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
        if (segment->frames > 0 && !sandbox_is_near()) {
            maps_tell();
        }
    }
    return true;
}

/* The slow path of `trace_begin`: makes room for so many words. Allocating is no cancellation point, but what this does
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
            calls_introduce();
            others_attach();
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
    if ((size_t)(self.end - self.at) >= 2 + MAX_TEXT / 8 || next_block(self.block->pid, self.block->tid)) {
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
        }
        pthread_attr_destroy(&attributes);
    }
    errno = before;
}

/* Return addresses, innermost first, by frame pointers; the first one is always there. */
size_t trace_walk(uintptr_t frame, uint64_t *into, size_t most)
{
    if (self.stack_high == 0) {
        find_stack();
    }
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

/* A program that never allocates, or did so before its environment was there, is known all the same. */
static __attribute__((constructor)) void begin(void)
{
    if (segment == &starting && !self.busy) {
        self.busy = true;
        trace_take(0);
        COMPILER_BARRIER();
        self.busy = false;
    }
}
