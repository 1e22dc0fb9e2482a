// A library with code in two segments, as BOLT leaves one.
__attribute__((noinline)) unsigned first_part(unsigned x) { for (int i = 0; i < 5000000; i++) x = x * 1103515245u + 12345u; return x; }
__attribute__((noinline, section(".second"))) unsigned second_part(unsigned x) { for (int i = 0; i < 5000000; i++) x = x * 1103515245u + 12345u; return x; }
