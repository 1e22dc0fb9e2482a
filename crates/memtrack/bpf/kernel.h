/* What the program needs of the kernel: types, helper functions by number, and the few fields that it reads.
 *
 * Kernel headers are not needed to build. Offsets of fields are found when the program is loaded (CO-RE, from the BTF
 * of the running kernel); numbers of helpers and flags are part of the kernel's stable interface
 * (include/uapi/linux/bpf.h); so are the registers of a task (arch .../include/asm/ptrace.h). */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef _Bool bool;
enum { false, true };

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline
#define KSYM __attribute__((section(".ksyms"), weak))
#define CORE __attribute__((preserve_access_index))

/* A map's definition in BTF: `FIELD(max_entries, 5)` makes a member whose type carries the number. */
#define FIELD(name, value) int(*name)[value]
#define TYPED(name, value) typeof(value) *name

enum {
  MAP_HASH = 1,
  MAP_RINGBUF = 27,
  MAP_TASK_STORAGE = 29,
};

enum {
  ANY = 0,             /* BPF_ANY */
  LAZY = 1,            /* BPF_F_NO_PREALLOC */
  CREATE = 1,          /* BPF_LOCAL_STORAGE_GET_F_CREATE */
  NO_WAKEUP = 1,       /* BPF_RB_NO_WAKEUP */
  AVAILABLE = 0,       /* BPF_RB_AVAIL_DATA */
  USER_STACK = 1 << 8, /* BPF_F_USER_STACK */
  SIGCONT = 18,
  SIGSTOP = 19,
  NOT_THERE = -2, /* -ENOENT */
  SIGNAL_IGNORED = 1, /* TRACE_SIGNAL_IGNORED, include/trace/events/signal.h */
};

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static u64 (*const ktime_get_ns)(void) = (void *)5;
static u64 (*const get_current_pid_tgid)(void) = (void *)14;
static struct task_struct *(*const get_current_task)(void) = (void *)35;
static long (*const get_stack)(void *ctx, void *into, u32 size, u64 flags) = (void *)67;
static long (*const probe_read_user)(void *into, u32 size, const void *from) = (void *)112;
static long (*const probe_read_kernel)(void *into, u32 size, const void *from) = (void *)113;
static long (*const probe_read_user_str)(void *into, u32 size, const void *from) = (void *)114;
static long (*const send_signal_thread)(u32 signal) = (void *)117;
struct pid_namespace_ids {
  u32 pid;
  u32 tgid;
};
static long (*const get_namespace_pid_tgid)(u64 dev, u64 ino, struct pid_namespace_ids *into,
                                            u32 size) = (void *)120;
static void *(*const ring_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const ring_submit)(void *record, u64 flags) = (void *)132;
static u64 (*const ring_query)(void *ring, u64 what) = (void *)134;
static void *(*const task_storage_get)(void *map, struct task_struct *task, void *value, u64 flags) = (void *)156;
static struct task_struct *(*const get_current_task_btf)(void) = (void *)158;
static u64 (*const get_attach_cookie)(void *ctx) = (void *)174;

/* From Linux 6.13 on, without an argument; from 7.0 on with the context. What follows the three underscores is not part
 * of the name: the one whose type is that of the running kernel is there, the other one is not. */
extern bool bpf_session_is_return___plain(void) KSYM;
extern u64 *bpf_session_cookie___plain(void) KSYM;
extern bool bpf_session_is_return___with(void *ctx) KSYM;
extern u64 *bpf_session_cookie___with(void *ctx) KSYM;

INLINE bool session_is_return(void *ctx) {
  return bpf_session_is_return___with ? bpf_session_is_return___with(ctx) : bpf_session_is_return___plain();
}
INLINE u64 *session_cookie(void *ctx) {
  return bpf_session_cookie___with ? bpf_session_cookie___with(ctx) : bpf_session_cookie___plain();
}

/* From Linux 6.10 on: the processor is ours for a while. */
extern void bpf_preempt_disable(void) KSYM;
extern void bpf_preempt_enable(void) KSYM;

INLINE void keep_processor(void) {
  if (bpf_preempt_disable)
    bpf_preempt_disable();
}
INLINE void release_processor(void) {
  if (bpf_preempt_enable)
    bpf_preempt_enable();
}

/* The registers of a task must be read at offsets that are known when the program is checked, so all are read, and the
 * compiler must not make one read of it. */
#define READ_NOW(value) asm volatile("" : "+r"(value))
INLINE u64 one_of(u64 first, u64 second, u64 third, u64 fourth, u32 index) {
  READ_NOW(first);
  READ_NOW(second);
  READ_NOW(third);
  READ_NOW(fourth);
  return index == 0 ? first : index == 1 ? second : index == 2 ? third : fourth;
}

/* Arguments of functions and system calls are in registers in the order of the platform's calling convention. */
#if defined(TARGET_X86_64)
struct pt_regs {
  u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
INLINE u64 argument(const struct pt_regs *regs, u32 index) {
  if (__builtin_constant_p(index == 0) && index == 0)
    return regs->di;
  return one_of(regs->di, regs->si, regs->dx, regs->cx, index);
}
INLINE u64 returned(const struct pt_regs *regs) { return regs->ax; }
INLINE u64 stack_pointer(const struct pt_regs *regs) { return regs->sp; }
INLINE u64 frame_pointer(const struct pt_regs *regs) { return regs->bp; }
INLINE u64 next_instruction(const struct pt_regs *regs) { return regs->ip; }
/* The call has pushed the return address, the return has taken it. */
enum { POPPED = 8 };
/* Whether a call that is followed still waits on the stack. The return address is replaced by that of the kernel's page
 * (`xol_area` in kernel/events/uprobes.c); what isn't the beginning of a page was written there by somebody else. */
INLINE bool is_waiting(u64 sp, u64 *back) {
  return probe_read_user(back, sizeof *back, (void *)sp) || *back % 4096 == 0;
}
enum { SYSCALL_MMAP = 9, SYSCALL_MUNMAP = 11 };
/* System calls take their fourth argument elsewhere. */
INLINE const u64 *syscall_argument(const struct pt_regs *regs, u32 index) {
  const u64 *places[] = {&regs->di, &regs->si, &regs->dx, &regs->r10};
  return places[index];
}
#elif defined(TARGET_AARCH64)
struct pt_regs {
  u64 regs[31], sp, pc, pstate;
};
INLINE u64 argument(const struct pt_regs *regs, u32 index) {
  if (__builtin_constant_p(index == 0) && index == 0)
    return regs->regs[0];
  return one_of(regs->regs[0], regs->regs[1], regs->regs[2], regs->regs[3], index);
}
INLINE u64 returned(const struct pt_regs *regs) { return regs->regs[0]; }
INLINE u64 stack_pointer(const struct pt_regs *regs) { return regs->sp; }
INLINE u64 frame_pointer(const struct pt_regs *regs) { return regs->regs[29]; }
INLINE u64 next_instruction(const struct pt_regs *regs) { return regs->pc; }
enum { POPPED = 0 };
/* The return address is in a register, and leaves no sign. */
INLINE bool is_waiting(u64 sp, u64 *back) { return true; }
enum { SYSCALL_MMAP = 222, SYSCALL_MUNMAP = 215 };
INLINE const u64 *syscall_argument(const struct pt_regs *regs, u32 index) { return &regs->regs[index]; }
#else
#error "the tracer knows x86_64 and aarch64"
#endif

typedef struct {
  int counter;
} atomic_t;

struct rlimit {
  u64 rlim_cur;
} CORE;

enum { LIMIT_DATA = 2, LIMIT_ADDRESSES = 9, LIMITS = 16 }; /* include/uapi/asm-generic/resource.h */

struct signal_struct {
  atomic_t live;
  struct rlimit rlim[LIMITS];
} CORE;

struct mm_struct {
  u64 start_stack;
} CORE;

/* With the address of what belongs to the thread alone, which C libraries put at the end of its stack. */
#if defined(TARGET_X86_64)
struct thread_struct {
  u64 fsbase;
} CORE;
#define THREAD_MEMORY thread.fsbase
#elif defined(TARGET_AARCH64)
struct thread_struct {
  struct {
    u64 tp_value;
  } uw;
} CORE;
#define THREAD_MEMORY thread.uw.tp_value
#endif

struct task_struct {
  s32 pid;
  s32 tgid;
  u32 ptrace;
  u64 self_exec_id;
  struct task_struct *real_parent;
  struct signal_struct *signal;
  struct mm_struct *mm;
  struct thread_struct thread;
} CORE;

/* Reads an argument of a system call. */
#define SYSCALL_ARGUMENT(regs, index)                                           \
  ({                                                                            \
    u64 value_ = 0;                                                             \
    probe_read_kernel(&value_, sizeof value_, syscall_argument((regs), index)); \
    value_;                                                                     \
  })

/* Reads a field through a pointer that the verifier doesn't trust. */
#define READ_FIELD(pointer, field)                                                                 \
  ({                                                                                               \
    typeof((pointer)->field) value_ = 0;                                                           \
    probe_read_kernel(&value_, sizeof value_, __builtin_preserve_access_index(&(pointer)->field)); \
    value_;                                                                                        \
  })
