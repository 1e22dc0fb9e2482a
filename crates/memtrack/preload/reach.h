/*
 * Keeps the library and the segment in reach of processes that get another view of the files (chroot, mount
 * namespaces): before that happens both are opened, and programs that can't open them by their paths get descriptors.
 */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>
#include <stddef.h>

/* What a program that is about to be executed will find. */
enum reach {
    REACH_ALL,
    /* Its environment lacks our variables. */
    REACH_NO_VARIABLES,
    /* Our variables lead nowhere from there. */
    REACH_NOWHERE,
};

/* Room for an environment with our variables changed. */
struct reach_room {
    char library[1024];
    char segment[64];
    char held[64];
};

/* Variables that are added at most, and the end of the list. */
#define REACH_MORE 2

/* Whether this process, or one that has started it, may see other files than at the beginning. */
bool reach_has_moved(char *const *environment);
/* What our variables lead to. */
enum reach reach_of(char *const *environment);
/*
 * The environment with which a program finds us, as far as possible: the one given, or `changed`, which has room for as
 * many variables and REACH_MORE.
 */
char *const *reach_environment(char *const *environment, char **changed, struct reach_room *room, enum reach *reach);
/* Before the view of the files changes. */
void reach_hold(void);
/* Number of variables. */
size_t reach_count(char *const *environment);
/* The descriptor that a path like /proc/self/fd/9 means; -1 for another path. */
int reach_descriptor(const char *path);

#endif
