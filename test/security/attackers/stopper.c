// Stops every other process, as fast as it can.
#include <signal.h>
#include <stdlib.h>

#include "processes.h"

static void stop(const char* pid) { kill(atoi(pid), SIGSTOP); }

int main(void) {
  while (eachOther(stop) == 0) {
  }
  return 1;
}
