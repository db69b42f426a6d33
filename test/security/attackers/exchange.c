// The attacker: exchanges dK and eK in a directory, for K below N, as fast as it
// can and until it is killed (renameat2(2) with RENAME_EXCHANGE).
//
// Usage: exchange DIRECTORY N, or exchange DIRECTORY A B for these two names
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4 || chdir(argv[1]) != 0) return 1;
  const int count = argc == 4 ? 1 : atoi(argv[2]);
  char(*names)[2][16] = calloc((size_t)count, sizeof *names);
  if (names == NULL) return 1;
  for (int i = 0; i < count; i++) {
    snprintf(names[i][0], sizeof names[i][0], "d%d", i);
    snprintf(names[i][1], sizeof names[i][1], "e%d", i);
  }
  if (argc == 4) {
    snprintf(names[0][0], sizeof names[0][0], "%s", argv[2]);
    snprintf(names[0][1], sizeof names[0][1], "%s", argv[3]);
  }
  for (long round = 0;; round++) {
    for (int i = 0; i < count; i++) {
      if (renameat2(AT_FDCWD, names[i][0], AT_FDCWD, names[i][1], RENAME_EXCHANGE) != 0) {
        perror("renameat2");
        return 1;
      }
    }
    // Told once the race is on.
    if (round == 0 && write(1, "on\n", 3) != 3) return 1;
  }
}
