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
  // Namespaces (CLONE_NEW*) that the helper makes before it has its plan.
  unsigned long early = 0;
};

struct Spawned {
  int pid = -1;
  int pidfd = -1;
  int socket = -1;
  // Where the plan is to be written.
  int plan = -1;
};

// Starts a helper, which waits for its plan. 0, or a negated errno with nothing left behind.
long spawnHelper(const SpawnRequest& request, Spawned& spawned);

// Gives it the plan. 0, or a negated errno: then it is gone, and nothing left behind.
long givePlan(Spawned& spawned, const std::string& plan);

// Ends it, which is still without a plan.
void abandon(Spawned& spawned);

// A sealed memory file with these contents: its descriptor or a negated errno.
long sealedFile(const char* name, const void* data, size_t size, bool executable);

}  // namespace tsrun
