/* Stands in for glibc's header of this name, which musl lacks, while libelf is built. elfutils mentions these in two
   files of its folder `lib`, of which nothing is linked into our programs. */
#ifndef ARGP_H
#define ARGP_H
#include <stdio.h>

#define ARGP_ERR_UNKNOWN 7
#define ARGP_HELP_SEE 4
#define ARGP_HELP_EXIT_ERR 0x100
#define OPTION_HIDDEN 2

typedef int error_t;
struct argp_state;
struct argp_option {
  const char *name;
  int key;
  const char *arg;
  int flags;
  const char *doc;
  int group;
};
struct argp {
  const struct argp_option *options;
  error_t (*parser)(int, char *, struct argp_state *);
  const char *args_doc;
  const char *doc;
  const void *children;
  char *(*help_filter)(int, const char *, void *);
  const char *argp_domain;
};
struct argp_state {
  const struct argp *root_argp;
  int argc;
  char **argv;
  int next;
  void *input;
  char *name;
};
void argp_error(const struct argp_state *, const char *, ...);
void argp_help(const struct argp *, FILE *, unsigned, char *);

#endif
