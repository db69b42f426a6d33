#include <linux/errno.h>

#include <initializer_list>

#include "helper.h"

namespace tsrun::child {

long slot(int64_t index) {
  if (index < 0 || index >= self.slotCount || self.slots[index] < 0) return -EBADF;
  return self.slots[index];
}

long setSlot(int64_t index, int fd) {
  if (index < 0 || index >= self.slotCount) return -EBADF;
  if (self.slots[index] >= 0) sys::close(self.slots[index]);
  self.slots[index] = fd;
  return 0;
}

// What set-up needed is worth stealing: an unmasked procfs, the root before the
// masks. A process that the container can look into has none of it.
long operations::forget(const wire::Step& step) {
  const wire::List keep = LIST(step, forget, keep);
  for (uint32_t index = 0; index < self.slotCount; index++) {
    bool kept = false;
    for (uint32_t i = 0; i < keep.count; i++) kept = kept || numbersOf(keep)[i] == index;
    if (kept || self.slots[index] < 0) continue;
    sys::close(self.slots[index]);
    self.slots[index] = -1;
  }
  for (int* fd :
       {&self.root, &self.proc, &self.onProc, &self.onSys, &self.onDev, &self.maskDirectory}) {
    if (*fd >= 0) sys::close(*fd);
    *fd = -1;
  }
  return 0;
}

}  // namespace tsrun::child
