// Work that is split 70/20/10 over three functions, in as many processes as the first argument says.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline __attribute__((always_inline)) unsigned turn(unsigned x) { return x * 1103515245u + 12345u; }

__attribute__((noinline)) static unsigned seventy(unsigned x) { for (int i = 0; i < 7000000; i++) x = turn(x); return x; }
__attribute__((noinline)) static unsigned twenty(unsigned x) { for (int i = 0; i < 2000000; i++) x = turn(x); return x; }
__attribute__((noinline)) static unsigned ten(unsigned x) { for (int i = 0; i < 1000000; i++) x = turn(x); return x; }

__attribute__((noinline)) unsigned __codspeed_root_frame__split(unsigned x) {
  x = seventy(x) + 1;
  x = twenty(x) + 1;
  return ten(x) + 1;
}

int main(int argc, char **argv) {
  int processes = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 60;
  unsigned x = (unsigned)argc;
  for (int process = 1; process < processes; process++) {
    pid_t child = fork();  // no exec: the child has the parent's code
    if (child == 0) {
      for (int i = 0; i < rounds; i++) x = __codspeed_root_frame__split(x);
      _exit(x == 42);
    }
    waitpid(child, 0, 0);
  }
  if (processes == 1)
    for (int i = 0; i < rounds; i++) x = __codspeed_root_frame__split(x);
  return x == 42;
}
