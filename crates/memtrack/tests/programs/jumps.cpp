// Leaves calls by other ways than their return, and runs on other stacks, also from inside of a call; 500 bytes are what
// is counted, 6 * 100. Two kinds of requests fail: those beyond all limits, and those beyond ours.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <new>
#include <sys/resource.h>
#include <ucontext.h>

extern "C" {
#include "mark.h"
}

static jmp_buf back;
static ucontext_t caller, other;
static char signal_stack[65536], other_stack[65536];

static void pair()
{
    void *volatile block = malloc(500);
    free(block);
}

// Deeper than the call that was left.
static __attribute__((noinline)) void deep(int depth)
{
    volatile char room[64];
    room[0] = 0;
    if (depth > 0) {
        deep(depth - 1);
    } else {
        pair();
    }
    room[1] = room[0];
}

static void handler(int)
{
    pair();
}

static void elsewhere()
{
    for (;;) {
        pair();
        swapcontext(&other, &caller);
    }
}

static void leave()
{
    longjmp(back, 1);
}

static void wander()
{
    swapcontext(&caller, &other);
    longjmp(back, 1);
}

static void refuse()
{
    throw 5;
}

int main()
{
    volatile std::size_t huge = static_cast<std::size_t>(1) << 62, large = static_cast<std::size_t>(1) << 36;
    rlimit room = {large / 2, large / 2};
    setrlimit(RLIMIT_AS, &room);
    int thrown = 0;
    stack_t stack = {signal_stack, 0, sizeof signal_stack};
    sigaltstack(&stack, nullptr);
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, nullptr);
    getcontext(&other);
    other.uc_stack = {other_stack, 0, sizeof other_stack};
    makecontext(&other, elsewhere, 0);
    for (int round = 0; round < 100; round++) {
        raise(SIGUSR1);
        swapcontext(&caller, &other);
        std::set_new_handler(leave);
        if (setjmp(back) == 0) {
            delete[] new (std::nothrow) char[large];
        }
        deep(20);
        std::set_new_handler(wander);
        if (setjmp(back) == 0) {
            delete[] new (std::nothrow) char[large];
        }
        deep(20);
        std::set_new_handler(refuse);
        for (std::size_t size : {huge, large}) {
            try {
                delete[] new char[size];
            } catch (int number) {
                thrown += number;
            }
        }
        deep(20);
    }
    std::printf("%d\n", thrown);
}
