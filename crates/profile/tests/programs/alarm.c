/* Works in main and, about half of the time, in a handler of a signal, which comes by processor time: a busy machine
 * changes nothing. */
#include <signal.h>
#include <sys/time.h>

static volatile double sink;
static volatile int left;

__attribute__((noinline)) static void burn(int turns) {
    double x = 1;
    for (int i = 0; i < turns; i++) x = x * 1.0000001 + 0.5 / (x + i);
    sink = x;
}

__attribute__((noinline)) static void on_alarm(int number) {
    (void)number;
    burn(250000);
    left--;
}

__attribute__((noinline)) static void inner(void) {
    burn(3000);
    sink += 1;
}

int main(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 4000}, {0, 4000}};
    left = 16;
    sigaction(SIGPROF, &action, 0);
    setitimer(ITIMER_PROF, &often, 0);
    while (left > 0) {
        inner();
        sink += 1;
    }
    return 0;
}
