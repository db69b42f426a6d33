// A kernel that answers the helper out of the fuzzer's bytes. It makes nothing
// and changes nothing: no system call is run.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace tsrun::fuzz {

// The helper has ended.
struct Ended {
  int status;
};

// The thread that hands over a listener has ended.
struct ThreadEnded {};

class Kernel {
 public:
  // The descriptors that a helper starts with: `base` is its socket.
  Kernel(FuzzedDataProvider& data, const std::string& plan, int base, uint32_t slots);

  long call(long number, long a, long b, long c, long d, long e);
  long startThread(void (*run)());

 private:
  FuzzedDataProvider& data_;
  int base_;
  std::vector<char> plan_;
  std::vector<std::unique_ptr<char[]>> mapped_;
  std::set<int> open_;
  // Those that lead into the container's tree, which others rename in.
  std::set<int> tree_;
  void (*thread_)() = nullptr;
  long calls_ = 0;
  int64_t clock_ = 0;

  bool done() const { return data_.remaining_bytes() == 0; }
  bool fails();
  long error(int likely = 0);
  int newDescriptor();
  long descriptorOrError(int likely = 0);
  long treeDescriptor(bool inTree, int likely = 0);
  bool isInTree(long fd) const;
  void checkName(long dir, long path) const;
  std::string known();
  bool isOpen(long fd) const;
  long fill(long to, size_t most);
  long readFrom(long fd, long to, size_t most);
  long taken(long from, size_t size);
  long directory(char* to, size_t most);
  long status(long to);
  long controlDescriptor(long fd, long command);
  long controlFile(long fd, long request, long value);
  long newProcess(int* pidfd);
  long readsPaths(long number, long a, long b, long c, long d, long e);
};

}  // namespace tsrun::fuzz
