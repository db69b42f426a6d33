// The asynchronous part on Node: one thread that waits for descriptors.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tsrun {

class Poller {
 public:
  // `ready` is called from the thread whenever take() has something to give.
  explicit Poller(std::function<void()> ready);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // One wait: 0 or a negated errno. fd -1 waits for the timeout alone.
  long add(uint32_t id, int fd, uint32_t events, int timeoutMs);
  void cancel(uint32_t id);
  // Ids and events of the waits that ended since the last call.
  std::vector<std::pair<uint32_t, int>> take();

 private:
  struct Wait {
    int fd;            // a duplicate of the caller's, -1 for none
    int64_t deadline;  // CLOCK_MONOTONIC in ms, -1 for none
  };

  void run();
  void finishAll(const epoll_event* events, int count);
  void finish(uint32_t id, int events);
  int nextTimeout(int64_t now) const;
  void wake() const;

  std::function<void()> ready_;
  int epoll_ = -1;
  int event_ = -1;
  bool stop_ = false;
  std::mutex mutex_;
  std::map<uint32_t, Wait> waits_;
  std::vector<std::pair<uint32_t, int>> done_;
  std::thread thread_;
};

}  // namespace tsrun
