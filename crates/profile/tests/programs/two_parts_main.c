unsigned first_part(unsigned);
unsigned second_part(unsigned);

int main(int argc, char **argv) {
  (void)argv;
  unsigned x = (unsigned)argc;
  for (int i = 0; i < 40; i++) x = second_part(first_part(x) + 1) + 1;
  return x == 42;
}
