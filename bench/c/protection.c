/*
 * What the protection of the executable costs (SECURITY.md: nothing of the
 * runtime can be overwritten through /proc/PID/exe).
 *
 *   protection HELPER ROUNDS
 *
 * Prints, for each round, nanoseconds of
 *   the sealed memory file with the helper: memfd_create, write, seals
 *   a child that shares the memory and executes that file, until it has ended
 *   a child that is a copy (fork) and ends at once: what there would be without
 * HELPER is native/build/helper/tsrun-helper, which ends when it gets no plan.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

static long must(long result, const char* what) {
  if (result < 0) {
    fprintf(stderr, "protection: %s: %s\n", what, strerror(errno));
    exit(1);
  }
  return result;
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int wait1(pid_t pid) {
  int status;
  must(waitpid(pid, &status, 0), "waitpid");
  return status;
}

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  static char helper[1 << 20];
  const int file = (int)must(open(argv[1], O_RDONLY), argv[1]);
  const long size = must(read(file, helper, sizeof helper), "read");
  for (int round = atoi(argv[2]); round > 0; round--) {
    const long long begin = now();
    const int fd =
        (int)must(memfd_create("tsrun", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC), "memfd");
    must(write(fd, helper, (size_t)size), "write");
    fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC);
    must(lseek(fd, 0, SEEK_SET), "lseek");
    must(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "seal");
    const long long sealed = now();
    char* const arguments[] = {"tsrun", NULL};
    char* const environment[] = {NULL};
    pid_t pid = vfork();
    if (pid == 0) {
      fexecve(fd, arguments, environment);
      _exit(127);
    }
    const int status = wait1(pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127) {
      fprintf(stderr, "protection: the helper ended with status %#x\n", (unsigned)status);
      return 1;
    }
    const long long executed = now();
    pid = fork();
    if (pid == 0) _exit(0);
    wait1(pid);
    const long long forked = now();
    close(fd);
    printf("%lld %lld %lld\n", sealed - begin, executed - sealed, forked - executed);
  }
  return 0;
}
