// Looks for a file of the host through the root of every other process, as fast as it can and
// until its input ends. It prints what it found, and at the end how often it was refused.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "processes.h"

static const char* wanted;
static long refused;

static void reach(const char* pid) {
  char path[4096], text[64];
  snprintf(path, sizeof path, "/proc/%s/root%s", pid, wanted);
  const int fd = open(path, O_RDONLY);
  if (fd < 0) {
    if (errno == EACCES || errno == EPERM) refused++;
    return;
  }
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size < 0) return;
  text[size] = 0;
  printf("reached %s\n", text);
}

int main(int count, char** arguments) {
  if (count != 2 || write(1, "on\n", 3) != 3) return 1;
  wanted = arguments[1];
  while (goesOn()) {
    if (eachOther(reach) < 0) return 1;
  }
  printf("refused %ld\n", refused);
  return 0;
}
