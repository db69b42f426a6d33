// keyring: prints the serial number of its session keyring.
// keyring NAME: joins the session keyring of that name, which is made where there is none, lets
// anybody join it, prints its number, and ends with its standard input.
#define _GNU_SOURCE
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
  long serial = argc > 1
                    ? syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, argv[1])
                    : syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  if (serial < 0) {
    perror("keyctl");
    return 1;
  }
  // As its possessor; of somebody else's that was joined it may not be allowed.
  if (argc > 1) syscall(SYS_keyctl, KEYCTL_SETPERM, serial, 0x3f3f3f3f);
  printf("%ld\n", serial);
  fflush(stdout);
  char byte;
  return argc > 1 && read(0, &byte, 1) < 0 ? 1 : 0;
}
