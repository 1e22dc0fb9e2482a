/* Writes records into the ring, and holds the program back when that is nearly full. */
#pragma once
#include "state.h"

/* ---- records: `src/backend/ebpf/record.rs` reads them ---- */

/* FORK: the address is the number of the new process in the initial namespace. */
enum kind { MALLOC = 1, CALLOC, REALLOC, ALIGNED, FREE, EXEC, EXIT, MMAP, MUNMAP, FORK };
enum { DEPTH = 32, NOW = 0 };
struct record {
  u64 timestamp;
  u32 pid;
  u32 tid;
  u64 addr;
  u64 size;
  u64 old;
  u32 kind;      /* with the thread group in the initial namespace, if it is known: kind | group << 8 */
  u16 addresses; /* return addresses that were found by frame pointers */
  u16 copied;    /* bytes of the stack */
};
/* A piece of the stack as it is when the call returns, with the registers that unwinding begins with. */
struct record_with_copy {
  struct record record;
  u64 ip;
  u64 sp;
  u64 fp;
  u8 copy[];
};
/* Enough to leave a library whose functions keep no frame pointers, as the operators of C++. */
enum { NEAR = 512 };
struct record_with_stack {
  struct record record;
  u64 ip;
  u64 sp;
  u64 fp;
  u8 copy[NEAR];
  u64 stack[DEPTH];
};
/* No more of a stack is copied; `MOST_COPIED` in `src/backend/mod.rs` is the same. */
enum { MOST_COPIED = 15360 };

/* ---- writing ---- */

/* Stops the process if the tracer can't keep up. The signal is aimed at the running thread: one that is aimed at the
 * process may be taken by a sleeping thread much later. The entry comes after the signal, so that the tracer, which
 * looks for entries, can't continue the process before it was stopped.
 *
 * With an entry the process is stopped already, or will be in a moment. But a thread that was delayed between looking
 * and signalling can make an entry just before the tracer's signal to go on, and then the process runs with it. So from
 * seven eighths on nobody relies on the entry.
 *
 * Whoever was stopped by others will be continued by others, and by nobody else: `signalled` keeps the books, and here
 * they are looked at again after our entry, in case that it came too late for `signalled`. */
INLINE void hold_back(struct thread *thread) {
  if (!settings.pause_at)
    return;
  u64 waiting = ring_query(&events, AVAILABLE);
  if (waiting < settings.pause_at)
    return;
  if (!thread)
    thread = running_thread();
  if (!thread)
    return;
  if (waiting < settings.pause_at / 6 * 7 && map_lookup(&paused, &thread->tgid))
    return;
  if (map_lookup(&stopped, &thread->tgid) || send_signal_thread(SIGSTOP))
    return;
  if (map_update(&paused, &thread->tgid, &thread->shown_tgid, ANY)) {
    /* Nobody would know that it is to be continued. */
    send_signal_thread(SIGCONT);
    __sync_fetch_and_add(&counters.unheld, 1);
  } else if (map_lookup(&stopped, &thread->tgid)) {
    map_delete(&paused, &thread->tgid);
  }
  /* The tracer looks for entries when this has changed, so it comes last. */
  __sync_fetch_and_add(&counters.held, 1);
}

/* Bytes between here and the end of the stack, at most MOST_COPIED. A stack ends where the program began, or at what
 * belongs to the thread alone; on any other stack that end is far away. */
INLINE u64 stack_above(u64 sp) {
  struct task_struct *task = get_current_task_btf();
  u64 bytes = task->mm->start_stack - sp;
  u64 of_thread = task->THREAD_MEMORY - sp;
  if (of_thread < bytes)
    bytes = of_thread;
  return bytes < MOST_COPIED ? bytes : MOST_COPIED;
}

/* Read anew each time: what is kept meanwhile would be on our stack. */
INLINE u64 stack_pointer_now(const struct pt_regs *ctx) {
  READ_NOW(ctx);
  return stack_pointer(ctx);
}

/* Copies `thread->read` bytes of the stack, at most so many; where a page isn't there, up to its beginning. */
INLINE u32 copy_stack(void *into, struct pt_regs *ctx, struct thread *thread, u32 most) {
  u64 bytes = thread->read;
  READ_NOW(bytes);
  if (bytes > most)
    bytes = most;
  if (!probe_read_user(into, bytes, (void *)stack_pointer_now(ctx)))
    return *(volatile u64 *)&thread->read < most ? thread->read : most;
  bytes = 4096 - stack_pointer_now(ctx) % 4096;
  READ_NOW(bytes);
  if (bytes > most)
    bytes = most;
  if (probe_read_user(into, bytes, (void *)stack_pointer_now(ctx)))
    return 0;
  bytes = 4096 - stack_pointer_now(ctx) % 4096;
  return bytes < most ? bytes : most;
}

/* Room for a copy of so many bytes, and the copy. */
INLINE struct record *reserve_copy(struct pt_regs *ctx, struct thread *thread, u32 most) {
  struct record_with_copy *record = ring_reserve(&events, sizeof *record + most, 0);
  if (!record)
    return 0;
  record->ip = next_instruction(ctx);
  record->sp = stack_pointer_now(ctx);
  record->fp = frame_pointer(ctx);
  record->record.addresses = 0;
  record->record.copied = copy_stack(record->copy, ctx, thread, most);
  return &record->record;
}

/* The kernel collects addresses in memory of the processor, which from Linux 6.0 on up to the time when this was mended
 * other threads could overwrite meanwhile. */
INLINE struct record *reserve_frames(struct pt_regs *ctx, struct thread *thread) {
  struct record_with_stack *record = ring_reserve(&events, sizeof *record, 0);
  if (!record)
    return 0;
  record->ip = next_instruction(ctx);
  record->sp = stack_pointer_now(ctx);
  record->fp = frame_pointer(ctx);
  record->record.copied = copy_stack(record->copy, ctx, thread, NEAR);
  keep_processor();
  long len = get_stack(ctx, record->stack, sizeof record->stack, USER_STACK);
  record->record.addresses = len > 0 ? (u64)len / 8 : 0;
  release_processor();
  return &record->record;
}

/* Room for a record with the stack of the program. The ring takes sizes only that are known beforehand. */
INLINE struct record *reserve_stack(struct pt_regs *ctx, struct thread *thread) {
  u64 bytes = stack_above(stack_pointer(ctx));
  thread->read = bytes;
  if (settings.stacks == BY_FRAMES)
    return reserve_frames(ctx, thread);
  if (bytes <= 512)
    return reserve_copy(ctx, thread, 512);
  if (bytes <= 1024)
    return reserve_copy(ctx, thread, 1024);
  if (bytes <= 2048)
    return reserve_copy(ctx, thread, 2048);
  if (bytes <= 4096)
    return reserve_copy(ctx, thread, 4096);
  if (bytes <= 8192)
    return reserve_copy(ctx, thread, 8192);
  return reserve_copy(ctx, thread, MOST_COPIED);
}

INLINE void fill(struct record *record, const struct thread *thread) {
  record->pid = thread->shown_tgid;
  record->tid = thread->shown_tid;
  record->addr = thread->addr;
  record->size = thread->size;
  record->old = thread->old;
  record->kind = thread->kind | thread->tgid << 8;
}

/* The rest of `emit` for a record with a stack: what it says is in `thread`, so that little is on ours. */
static __attribute__((noinline)) void emit_with_stack(struct pt_regs *ctx, struct thread *thread) {
  struct record *record = reserve_stack(ctx, thread);
  if (record) {
    record->timestamp = ktime_get_ns();
    fill(record, thread);
    ring_submit(record, NO_WAKEUP);
  } else {
    __sync_fetch_and_add(&counters.dropped, 1);
  }
}

/* Without a thread it is the running one; see `shown_as_they_are`. With a stack if there are registers; then the time is
 * NOW. */
INLINE void emit(void *ctx, struct thread *thread, u32 kind, u64 at, u64 addr, u64 size, u64 old) {
  struct record *record;
  if (thread) {
    thread->addr = addr;
    thread->size = size;
    thread->old = old;
    thread->kind = kind;
  }
  if (settings.stacks && ctx && thread) {
    emit_with_stack(ctx, thread);
    hold_back(thread);
    return;
  }
  record = ring_reserve(&events, sizeof(struct record), 0);
  if (!record) {
    __sync_fetch_and_add(&counters.dropped, 1);
    hold_back(thread);
    return;
  }
  record->timestamp = at == NOW ? ktime_get_ns() : at;
  if (thread) {
    fill(record, thread);
  } else {
    struct task_struct *task = get_current_task_btf();
    record->pid = task->tgid;
    record->tid = task->pid;
    record->addr = addr;
    record->size = size;
    record->old = old;
    record->kind = kind;
  }
  record->addresses = record->copied = 0;
  ring_submit(record, kind == EXEC || kind == EXIT ? 0 : NO_WAKEUP);
  hold_back(thread);
}
