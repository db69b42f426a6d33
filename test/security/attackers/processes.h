// What the attackers that look for other processes share.
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Until the input of the attacker ends.
static inline int goesOn(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) == 0;
}

// Calls `act` with the id of each process but this one. 0, or -1 without /proc.
static int eachOther(void (*act)(const char* pid)) {
  char self[32];
  snprintf(self, sizeof self, "%d", getpid());
  DIR* proc = opendir("/proc");
  if (proc == NULL) return -1;
  for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
    const char* name = entry->d_name;
    if (name[0] >= '0' && name[0] <= '9' && strcmp(name, self) != 0) act(name);
  }
  closedir(proc);
  return 0;
}
