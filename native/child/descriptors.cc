#include <linux/errno.h>

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

}  // namespace tsrun::child
