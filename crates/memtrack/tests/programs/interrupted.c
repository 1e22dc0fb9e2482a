/*
 * interrupted: ends while a signal comes again and again, whose handler lets interrupted system calls fail; another thread
 * never ends by itself.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static void nothing(int number)
{
    (void)number;
}

static void *waits(void *unused)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        pause();
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, waits, NULL) != 0) {
        return 2;
    }
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {.it_interval = {.tv_usec = 20}, .it_value = {.tv_usec = 20}};
    setitimer(ITIMER_REAL, &often, NULL);
    void *volatile block = malloc(1234);
    free(block);
    _exit(0);
}
