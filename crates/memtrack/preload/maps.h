/*
 * Which files are where in the memory of the process, for the names of functions in stacks.
 */
#ifndef MAPS_H
#define MAPS_H

/* Says it for the image of the process that begins. */
void maps_tell(void);
/* Says what has changed since, if something has; from outside, at any time. */
void maps_look(void);

#endif
