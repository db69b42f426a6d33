// Node only: the children of an environment that it has not reaped yet. That of a
// worker thread may end before they do and before the program does, and nobody
// else would reap them: each would keep its container's pid namespace alive.
#pragma once

#include <set>

namespace tsrun {

class Children {
 public:
  Children() = default;
  // Hands those that are left to a thread of the program's, which reaps them as they end. Not where
  // it is the program's first thread that ends: the program ends with it, and they get another
  // parent.
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  void add(int pidfd) { pidfds_.insert(pidfd); }
  // Reaped, or closed.
  void remove(int pidfd) { pidfds_.erase(pidfd); }

 private:
  std::set<int> pidfds_;
};

}  // namespace tsrun
