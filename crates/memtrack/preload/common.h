/*
 * Words for the compiler, which every file uses.
 */
#ifndef COMMON_H
#define COMMON_H

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
