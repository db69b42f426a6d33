/* Ends its main thread and goes on in another one. */
#include <pthread.h>
#include <unistd.h>

static void *goOn(void *nothing) {
  for (;;) pause();
  return nothing;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, 0, goOn, 0) != 0) return 1;
  pthread_exit(0);
}
