/* Follows the calls of allocators from their entry to their return. */
#pragma once
#include "classes.h"
#include "record.h"

/* A call that takes longer between two free functions is another call. */
enum { CHAIN_NS = 50000 };
/* What lies between a call and one that it makes itself, at most; much further away is another stack. */
enum { NESTING = 65536, SAME_STACK = 16 * NESTING };
/* A request this large fails, and so does one that is larger than what the process may have; see `call_throws`. Smaller
 * ones than this aren't compared with that. */
#define HOPELESS (1ull << 40)
#define MODEST (1ull << 20)

/* ---- what a probe's cookie says; `src/discovery/cookie.rs` makes it ---- */

INLINE u32 call_class(u64 cookie) { return cookie & 0xf; }
INLINE u32 call_size(u64 cookie) { return (cookie >> 4) & 0xf; }
INLINE u32 call_times(u64 cookie) { return (cookie >> 8) & 0xf; } /* 0xf: not an array */
INLINE u32 call_block(u64 cookie) { return (cookie >> 12) & 0xf; }
/* Never calls another function that is probed. */
INLINE bool call_is_leaf(u64 cookie) { return cookie >> 16 & 1; }
/* May end by an exception, which can't pass a return probe. */
INLINE bool call_throws(u64 cookie) { return cookie >> 17 & 1; }
/* Other free functions of the object may be called inside, or call this one. */
INLINE bool call_chains(u64 cookie) { return cookie >> 18 & 1; }
INLINE u64 call_bit(u64 cookie) { return 1ull << (cookie >> 24 & 0x3f); }

/* ---- calls ---- */

/* Whether the thread is inside of another call already. One that was left by a jump is forgotten: those further up the
 * stack are run over by others sooner or later. Afterwards there is no call, or it is on another stack. */
INLINE bool is_nested(struct thread *thread, u64 sp) {
  u64 outer = thread->call.sp;
  if (!outer)
    return false;
  if (outer - sp < NESTING && is_waiting(outer, &thread->read))
    return true;
  if (outer - sp + SAME_STACK < 2 * SAME_STACK)
    thread->call.sp = 0;
  return false;
}

/* Whether this is the same free as the one that was seen last: same block, further up the stack, in a function that has
 * not been seen for it. */
INLINE bool continues_free(struct thread *thread, u64 cookie, u64 addr, u64 sp, u64 at) {
  u64 bit = call_bit(cookie);
  if (thread->freed.addr == addr && sp <= thread->freed.sp && !(thread->freed.seen & bit) &&
      at - thread->freed.at < CHAIN_NS) {
    thread->freed.seen |= bit;
    thread->freed.sp = sp;
    return true;
  }
  thread->freed.addr = addr;
  thread->freed.sp = sp;
  thread->freed.seen = bit;
  thread->freed.at = at;
  return false;
}

/* A block that was given out again may be freed again, by another function and from the same place. */
INLINE void end_chain(struct thread *thread, u64 cookie, u64 addr) {
  if (call_chains(cookie) && thread->freed.addr == addr)
    thread->freed.addr = 0;
}

INLINE bool is_hopeless(u64 size) {
  if (size < MODEST || size >= HOPELESS)
    return size >= HOPELESS;
  struct signal_struct *signal = READ_FIELD((struct task_struct *)get_current_task(), signal);
  return size > READ_FIELD(signal, rlim[LIMIT_ADDRESSES].rlim_cur) || size > READ_FIELD(signal, rlim[LIMIT_DATA].rlim_cur);
}

/* The beginning of a call. Returns whether its return is to be followed. What the return of a leaf needs to know, which
 * isn't kept, goes along with the session. */
INLINE bool enter(struct pt_regs *ctx, u64 cookie, bool leaf) {
  if (!*(volatile u32 *)&control.recording)
    return false;
  struct thread *thread = running_thread();
  if (!thread || is_nested(thread, stack_pointer(ctx)))
    return false;
  if (call_class(cookie) == CLASS_FREE) {
    u64 at = ktime_get_ns();
    u64 block = argument(ctx, call_block(cookie));
    if (block && !(call_chains(cookie) && continues_free(thread, cookie, block, stack_pointer(ctx), at)))
      emit(0, thread, FREE, at, block, 0, 0);
    return false;
  }
  u64 size = argument(ctx, call_size(cookie));
  if (call_times(cookie) != 0xf)
    size *= argument(ctx, call_times(cookie));
  if (call_throws(cookie) && is_hopeless(size)) {
    __sync_fetch_and_add(&counters.unfollowed, 1);
    return false;
  }
  if (leaf) {
    *session_cookie(ctx) = size;
    return true;
  }
  if (thread->call.sp)
    thread->hidden = thread->call;
  thread->call.entered = ktime_get_ns();
  thread->call.sp = stack_pointer(ctx);
  thread->call.size = size;
  thread->call.old = argument(ctx, call_block(cookie));
  thread->call.cookie = cookie;
  return true;
}

/* The size of a text with its end. One that is longer than MOST_TEXT counts as so long. */
static __attribute__((noinline)) u64 text_size(struct thread *thread, u64 from) {
  u64 at = 0;
  while (at < MOST_TEXT) {
    long size = probe_read_user_str(thread->text, TEXT_STEP, (void *)(from + at));
    if (size < TEXT_STEP)
      return size < 0 ? at : at + size;
    /* Cut, with an end put in place of its last byte. */
    at += TEXT_STEP - 1;
  }
  return at;
}

/* Writes what the end of a call amounts to. */
INLINE void tell(struct pt_regs *ctx, struct thread *thread, const struct call *call) {
  u64 addr = returned(ctx);
  u64 old = 0;
  u32 class = call_class(call->cookie);
  u32 kind = MALLOC;
  if (class == CLASS_OUT) {
    /* 0 or an error number; the block is where the first argument points. */
    if ((u32)addr != 0 || probe_read_user(&thread->read, sizeof thread->read, (void *)call->old))
      return;
    addr = thread->read;
    kind = ALIGNED;
  } else if (class == CLASS_REALLOC) {
    old = call->old;
    kind = old ? REALLOC : MALLOC;
    if (!addr) {
      if (old && !call->size)
        emit(0, thread, FREE, call->entered, old, 0, 0);
      return;
    }
  } else if (class == CLASS_CALLOC) {
    kind = CALLOC;
  } else if (class == CLASS_ALIGNED) {
    kind = ALIGNED;
  }
  if (!addr)
    return;
  if (class == CLASS_TEXT)
    thread->call.size = text_size(thread, addr);
  end_chain(thread, call->cookie, addr);
  emit(ctx, thread, kind, NOW, addr, call->size, old);
}

/* The end of a call that `enter` wanted to follow. */
INLINE void leave_call(struct pt_regs *ctx) {
  struct thread *thread = running_thread();
  /* The return of an inner call. An inner one that was jumped to returns together with the outer one; whichever comes
   * first speaks for it. */
  if (!thread || !thread->call.sp || stack_pointer(ctx) != thread->call.sp + POPPED)
    return;
  tell(ctx, thread, &thread->call);
  thread->call = thread->hidden;
  thread->hidden.sp = 0;
}

/* Whether a record of an allocation can be written without looking the thread up: nothing is kept of it, its stack is
 * not wanted, and its numbers are the kernel's own. */
INLINE bool shown_as_they_are(u64 cookie) {
  bool plain = call_class(cookie) == CLASS_MALLOC || call_class(cookie) == CLASS_CALLOC;
  return plain && !call_chains(cookie) && !settings.stacks && !settings.namespace_dev && !settings.namespace_ino;
}

/* The end of a leaf. */
INLINE void leave_leaf(struct pt_regs *ctx, u64 cookie) {
  if (__builtin_constant_p(cookie) && shown_as_they_are(cookie)) {
    u64 addr = returned(ctx);
    if (addr)
      emit(0, 0, call_class(cookie) == CLASS_MALLOC ? MALLOC : CALLOC, NOW, addr, *session_cookie(ctx), 0);
    return;
  }
  struct thread *thread = running_thread();
  if (!thread)
    return;
  thread->leaf.cookie = cookie;
  thread->leaf.size = *session_cookie(ctx);
  tell(ctx, thread, &thread->leaf);
}
