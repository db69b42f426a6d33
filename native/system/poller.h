// Waiting for descriptors and timeouts, many at once. There are two of these,
// and a build links one: poller-thread.cc for Node, which waits in a thread of
// its own, and poller-loop.cc for the executable, whose only thread waits when
// it has nothing else to do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace tsrun {

class Poller {
 public:
  Poller() = default;
  virtual ~Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // One wait: 0 or a negated errno. fd -1 waits for the timeout (milliseconds,
  // -1 for none) alone. The descriptor is the poller's own duplicate from here
  // on, so that one can be waited for twice, and closing the caller's cannot
  // make the wait one for another file.
  virtual long add(uint32_t id, int fd, uint32_t events, int64_t timeoutMs) = 0;
  // Forgets a wait, also one that has ended and was not taken yet.
  virtual void cancel(uint32_t id) = 0;
  // Ids and events of the waits that ended since the last call; 0 is the timeout.
  virtual std::vector<std::pair<uint32_t, int>> take() = 0;
};

// `ready` is called whenever take() has something to give: from the poller's
// thread, or from within pollOnce(), whichever is linked.
std::unique_ptr<Poller> makePoller(std::function<void()> ready);

// poller-loop.cc alone: waits until a wait of the one poller has ended, and
// calls its `ready`. False when there is nothing to wait for.
bool pollOnce();

}  // namespace tsrun
