// Whether a run has left descriptors open.
#pragma once

#include <fcntl.h>

#include <bitset>

#include "fuzz.h"

namespace tsrun::fuzz {

class Descriptors {
 public:
  void checkSame() const { HOLDS(open() == before_); }

 private:
  // As many as a run can have opened.
  using Set = std::bitset<48>;

  static Set open() {
    Set found;
    for (size_t fd = 0; fd < found.size(); fd++)
      found[fd] = fcntl(static_cast<int>(fd), F_GETFD) >= 0;
    return found;
  }

  const Set before_ = open();
};

}  // namespace tsrun::fuzz
