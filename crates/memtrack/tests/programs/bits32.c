/*
 * A 32-bit program without a C library: allocators of its own, which nobody can watch, and an exit code. With an
 * argument it becomes that program, with what follows as its arguments.
 */
void *malloc(unsigned size)
{
    static char room[64];
    (void)size;
    return room;
}

void free(void *block)
{
    *(volatile char *)block = 0;
}

__attribute__((used)) static int begin(int *stack)
{
    int count = stack[0], result = 7;
    char **arguments = (char **)(stack + 1);
    for (int done = 0; done < 1000; done++) {
        free(malloc(1234567));
    }
    if (count > 1) {
        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(11), "b"(arguments[1]), "c"(arguments + 1), "d"(arguments + count + 1)
                         : "memory");
    }
    return result;
}

/* The kernel starts us with the arguments on the stack. */
__asm__(".globl _start\n"
        "_start:\n"
        "  movl %esp, %eax\n"
        "  pushl %eax\n"
        "  call begin\n"
        "  movl %eax, %ebx\n"
        "  movl $1, %eax\n"
        "  int $0x80\n");
