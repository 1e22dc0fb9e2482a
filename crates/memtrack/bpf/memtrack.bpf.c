/* Sees the calls of allocators in a process tree and writes one record per call that a program made itself.
 *
 * One program serves every function: the attach cookie of a probe (see `src/discovery/cookie.rs`, which makes it) says
 * what the function is and where its arguments are. `session` sees entry and return of a call; on kernels before 6.13
 * `entry` and `leave` do the same as two probes. */
#include "calls.h"
#include "kernel.h"
#include "record.h"
#include "state.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- programs at functions ---- */

/* The two halves for any function, each with a stack of its own. */
static __attribute__((noinline)) bool enter_any(struct pt_regs *ctx, u64 cookie, bool leaf) {
  return enter(ctx, cookie, leaf);
}
static __attribute__((noinline)) void leave_any(struct pt_regs *ctx, u64 cookie, bool leaf) {
  if (leaf)
    leave_leaf(ctx, cookie);
  else
    leave_call(ctx);
}

/* From Linux 6.13 on. */
SEC("uprobe.session")
int session(struct pt_regs *ctx) {
  u64 cookie = get_attach_cookie(ctx);
  bool leaf = call_is_leaf(cookie) && !settings.follow_leafs;
  if (call_class(cookie) != CLASS_FREE && session_is_return(ctx)) {
    leave_any(ctx, cookie, leaf);
    return 0;
  }
  return enter_any(ctx, cookie, leaf) ? 0 : 1;
}

/* Entry and return of a call. 1: the return is of no interest. */
INLINE int see_session(struct pt_regs *ctx, u64 cookie) {
  bool leaf = call_is_leaf(cookie) && !settings.follow_leafs;
  if (call_class(cookie) != CLASS_FREE && session_is_return(ctx)) {
    if (leaf)
      leave_leaf(ctx, cookie);
    else
      leave_call(ctx);
    return 0;
  }
  return enter(ctx, cookie, leaf) ? 0 : 1;
}

/* The same for the functions that nearly all calls go to, `malloc` and `free` of an allocator with one `free`: what the
 * cookie would say is known here, so that less is asked of the kernel. `OWN_PROGRAMS` in `link.rs` has the same numbers. */
SEC("uprobe.session")
int session_malloc(struct pt_regs *ctx) { return see_session(ctx, 0x10f01); }

SEC("uprobe.session")
int session_free(struct pt_regs *ctx) { return see_session(ctx, 0xf06); }

/* The same as two probes. A leaf is kept, too: nothing else connects the two. */
SEC("uprobe.multi")
int entry(struct pt_regs *ctx) {
  enter(ctx, get_attach_cookie(ctx), false);
  return 0;
}

SEC("uretprobe.multi")
int leave(struct pt_regs *ctx) {
  leave_call(ctx);
  return 0;
}

/* ---- programs at tracepoints ---- */

/* From Linux 7.0 on a program at a tracepoint may be interrupted by another thread, whose own event the kernel then
 * leaves out: a program isn't started twice on a processor (`recursion_misses`). So each is there twice: what the first
 * one misses because it is at work elsewhere, the second one sees. What both have seen counts once. */
#define TWICE(name, place)                           \
  SEC(place) int name(u64 *args) { return see_##name(args); } \
  SEC(place) int name##_again(u64 *args) { return see_##name(args); }

/* ---- mappings, on request ---- */

enum { MAP_PRIVATE = 0x02, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_STACK = 0x20000 };

/* The running thread, if it is one of the tree and makes a call of its own, outside of any allocator. */
INLINE struct thread *mapping_thread(void) {
  if (!*(volatile u32 *)&control.recording)
    return 0;
  struct thread *thread = running_thread();
  return thread && !thread->call.sp ? thread : 0;
}

/* All system calls of the machine come by here, so the number is looked at first. */
INLINE int see_enter_syscall(u64 *args) {
  u64 number = args[1];
  if (number != SYSCALL_MMAP && number != SYSCALL_MUNMAP)
    return 0;
  struct thread *thread = mapping_thread();
  struct pt_regs *regs = (void *)args[0];
  if (!thread)
    return 0;
  u64 length = SYSCALL_ARGUMENT(regs, 1);
  if (number == SYSCALL_MUNMAP) {
    if (!thread->unmaps)
      emit(0, thread, MUNMAP, NOW, SYSCALL_ARGUMENT(regs, 0), length, 0);
    thread->unmaps = true;
    return 0;
  }
  u64 flags = SYSCALL_ARGUMENT(regs, 3);
  /* Memory that can't be used yet, stacks of threads, and what replaces another mapping, is no arena. */
  bool usable = SYSCALL_ARGUMENT(regs, 2) != 0;
  if (usable && (flags & MAP_PRIVATE) && (flags & MAP_ANONYMOUS) && !(flags & (MAP_STACK | MAP_FIXED)))
    thread->mapping = length;
  return 0;
}
TWICE(enter_syscall, "raw_tp/sys_enter")

INLINE int see_leave_syscall(u64 *args) {
  struct thread *thread = mapping_thread();
  if (!thread)
    return 0;
  u64 length = thread->mapping;
  thread->mapping = 0;
  thread->unmaps = false;
  /* The last page of numbers are errors. */
  if (length && args[1] < -4095ull)
    emit(0, thread, MMAP, NOW, args[1], length, 0);
  return 0;
}
TWICE(leave_syscall, "raw_tp/sys_exit")

/* ---- processes ---- */

INLINE int see_forked(u64 *args) {
  u32 from = READ_FIELD((struct task_struct *)args[0], tgid);
  u32 to = READ_FIELD((struct task_struct *)args[1], tgid);
  u8 one = 1;
  if (from == to)
    return 0;
  if (from != *(volatile u32 *)&control.spawner && !map_lookup(&tracked, &from))
    return 0;
  if (map_lookup(&tracked, &to))
    return 0;
  if (map_update(&tracked, &to, &one, ANY))
    __sync_fetch_and_add(&counters.untracked, 1);
  if (!settings.stacks)
    return 0;
  /* The addresses of its stacks are those of its parent, until it becomes another program. */
  struct thread *thread = running_thread();
  if (thread)
    emit(0, thread, FORK, NOW, to, 0, 0);
  return 0;
}
TWICE(forked, "raw_tp/sched_process_fork")

INLINE int see_became(u64 *args) {
  struct thread *thread = running_thread();
  u64 image = get_current_task_btf()->self_exec_id;
  if (!thread || thread->image == image)
    return 0;
  identify(thread, thread->both);
  thread->image = image;
  emit(0, thread, EXEC, NOW, 0, 0, 0);
  return 0;
}
TWICE(became, "raw_tp/sched_process_exec")

INLINE int see_ended(u64 *args) {
  struct signal_struct *signal = READ_FIELD((struct task_struct *)args[0], signal);
  u64 both = get_current_pid_tgid();
  u32 key = both >> 32;
  if (!map_lookup(&tracked, &key))
    return 0;
  if (!READ_FIELD(signal, live.counter)) {
    struct thread *thread = running_thread();
    /* Of threads that end at the same time one speaks for all. */
    if (map_delete(&tracked, &key) != NOT_THERE && thread)
      emit(0, thread, EXIT, NOW, 0, 0, 0);
    map_delete(&paused, &key);
    map_delete(&stopped, &key);
  }
  key = both;
  map_delete(&strays, &key);
  return 0;
}
TWICE(ended, "raw_tp/sched_process_exit")

/* A signal is on its way; signals of one process come by here one after the other. What we send ourselves comes without
 * a sender: the pointer to it is 1, as for all that the kernel sends. For a process with a debugger the debugger decides
 * what becomes of a stop, so that it says nothing. */
SEC("raw_tp/signal_generate")
int signalled(u64 *args) {
  int signal = args[0];
  struct task_struct *task = (void *)args[2];
  u8 one = 1;
  if (signal != SIGSTOP && signal != SIGCONT)
    return 0;
  bool stops = signal == SIGSTOP;
  if (stops && (args[1] <= 1 || args[4] == SIGNAL_IGNORED || READ_FIELD(task, ptrace)))
    return 0;
  u32 tgid = READ_FIELD(task, tgid);
  if (!map_lookup(&tracked, &tgid))
    return 0;
  if (!stops)
    map_delete(&stopped, &tgid);
  else if (map_update(&stopped, &tgid, &one, ANY))
    __sync_fetch_and_add(&counters.unheld, 1);
  /* Either it runs, or it isn't held by us. */
  map_delete(&paused, &tgid);
  return 0;
}

/* Run by the tracer itself: makes the children that it starts from now on the roots of the tree. */
SEC("raw_tp")
int adopt(u64 *args) {
  *(volatile u32 *)&control.spawner = get_current_pid_tgid() >> 32;
  return 0;
}
