// A program of 32 bits without a C library: call32 FAMILY makes a socket of the
// family by socketcall(2) and by socket(2), and prints both results.

static int call(int number, int first, const void* second, int third) {
  int result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(first), "c"(second), "d"(third)
                   : "memory");
  return result;
}

static void print(const char* text) {
  int length = 0;
  while (text[length] != 0) length++;
  call(4, 1, text, length);  // write
}

static void printNumber(int number) {
  char text[16];
  int at = sizeof text - 1;
  unsigned left = number < 0 ? 0U - (unsigned)number : (unsigned)number;
  text[at] = 0;
  do {
    text[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (number < 0) text[--at] = '-';
  print(text + at);
}

static int numberOf(const char* text) {
  int number = 0;
  while (*text >= '0' && *text <= '9') number = number * 10 + (*text++ - '0');
  return number;
}

__attribute__((used)) static void run(int* stack) {
  char** text = (char**)(stack + 1);
  int family = stack[0] > 1 ? numberOf(text[1]) : 0;
  // SOCK_SEQPACKET for AF_ALG, SOCK_STREAM for others.
  int arguments[3] = {family, family == 38 ? 5 : 1, 0};
  print("socketcall ");
  printNumber(call(102, 1, arguments, 0));
  print(" socket ");
  printNumber(call(359, family, (const void*)arguments[1], 0));
  print("\n");
  call(1, 0, 0, 0);  // exit
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov %esp, %eax\n"
    "  and $-16, %esp\n"
    "  sub $12, %esp\n"
    "  push %eax\n"
    "  call run\n");
