/*
 * Limits that a process sets itself.
 */
#ifndef LIMITS_H
#define LIMITS_H

struct rlimit;

/* Before this process changes a limit. */
void limits_change(int resource, const struct rlimit *limit);

#endif
