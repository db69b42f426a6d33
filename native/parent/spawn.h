// Starts a helper process on a plan.
#pragma once

#include <string>
#include <vector>

namespace tsrun {

struct SpawnRequest {
  unsigned long cloneFlags = 0;
  int cgroup = -1;
  int stdio[3] = {-1, -1, -1};
  std::vector<int> preserve;
  std::vector<int> slots;
  std::string plan;
};

struct Spawned {
  int pid = -1;
  int pidfd = -1;
  int socket = -1;
};

// 0, or a negated errno with nothing left behind.
long spawnHelper(const SpawnRequest& request, Spawned& spawned);

// A sealed memory file with these contents: its descriptor or a negated errno.
long sealedFile(const char* name, const void* data, size_t size, bool executable);

}  // namespace tsrun
