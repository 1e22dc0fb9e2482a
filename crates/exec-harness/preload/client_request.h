/*
 * Valgrind client requests, written from the documented encoding: a sequence of
 * rotations that changes nothing, followed by an exchange that changes nothing.
 * Only Valgrind sees a meaning in it; natively the fallback is returned.
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#define CALLGRIND(number) ((((unsigned long)'C') << 24) + (((unsigned long)'T') << 16) + (number))

#define RUNNING_ON_VALGRIND() client_request(0x1001, 0)
#define ZERO_STATS() ((void)client_request(CALLGRIND(1), 0))
#define DUMP_STATS_AT(label) ((void)client_request(CALLGRIND(3), (unsigned long)(label)))
#define START_INSTRUMENTATION() ((void)client_request(CALLGRIND(4), 0))
#define STOP_INSTRUMENTATION() ((void)client_request(CALLGRIND(5), 0))

/* Inlined, so that no frame of ours is on the stack of what is measured. */
static inline __attribute__((always_inline)) unsigned long
client_request(unsigned long code, unsigned long argument)
{
    volatile unsigned long words[6] = {code, argument, 0, 0, 0, 0};
#if defined(__x86_64__)
    unsigned long result = 0;
    __asm__ volatile("rolq $3, %%rdi\n\t"
                     "rolq $13, %%rdi\n\t"
                     "rolq $61, %%rdi\n\t"
                     "rolq $51, %%rdi\n\t"
                     "xchgq %%rbx, %%rbx"
                     : "+d"(result)
                     : "a"(&words[0])
                     : "cc", "memory");
    return result;
#elif defined(__aarch64__)
    register unsigned long result __asm__("x3") = 0;
    register volatile unsigned long *request __asm__("x4") = &words[0];
    __asm__ volatile("ror x12, x12, #3\n\t"
                     "ror x12, x12, #13\n\t"
                     "ror x12, x12, #51\n\t"
                     "ror x12, x12, #61\n\t"
                     "orr x10, x10, x10"
                     : "+r"(result)
                     : "r"(request)
                     : "cc", "memory");
    return result;
#else
    (void)words;
    return 0; /* Simulation mode needs one of the two above. */
#endif
}

#endif
