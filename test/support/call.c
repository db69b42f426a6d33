// Makes one system call: call NUMBER [ARGUMENT...]; prints its result, or the
// errno as -N. With i386 first: through the entry of 32-bit programs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char** text) {
  int narrow = count > 1 && strcmp(text[1], "i386") == 0;
  long number = 0;
  unsigned long argument[6] = {0};
  for (int i = 1 + narrow, at = -1; i < count && at < 6; i++, at++) {
    unsigned long value = strtoul(text[i], NULL, 0);
    if (at < 0) {
      number = (long)value;
    } else {
      argument[at] = value;
    }
  }
  long result;
#ifdef __x86_64__
  if (narrow) {
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(argument[0]), "c"(argument[1]), "d"(argument[2])
                     : "memory", "r8", "r9", "r10", "r11");
    result = (int)result;
  } else {
    register long r10 __asm__("r10") = (long)argument[3];
    register long r8 __asm__("r8") = (long)argument[4];
    register long r9 __asm__("r9") = (long)argument[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(argument[0]), "S"(argument[1]), "d"(argument[2]), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
  }
#else
#error "the tests of filters know x86-64 only"
#endif
  printf("%ld\n", result);
  return 0;
}
