// The poller of the executable: its only thread waits when it has nothing else to do.

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "poller.h"

namespace tsrun {

namespace {

int64_t nowMs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000;
}

class LoopPoller : public Poller {
 public:
  explicit LoopPoller(std::function<void()> ready);
  ~LoopPoller() override;

  long add(uint32_t id, int fd, uint32_t events, int64_t timeoutMs) override;
  void cancel(uint32_t id) override;
  std::vector<std::pair<uint32_t, int>> take() override;
  bool turn();

 private:
  struct Wait {
    uint32_t id;
    int64_t deadline;  // CLOCK_MONOTONIC in ms, -1 for none
  };

  int timeout() const;

  std::function<void()> ready_;
  // Element for element: poll(2) wants its own in one row and passes over -1.
  std::vector<Wait> waits_;
  std::vector<pollfd> polled_;
  std::vector<std::pair<uint32_t, int>> done_;
};

LoopPoller* only = nullptr;

LoopPoller::LoopPoller(std::function<void()> ready) : ready_(std::move(ready)) { only = this; }

LoopPoller::~LoopPoller() {
  for (const pollfd& entry : polled_) {
    if (entry.fd >= 0) close(entry.fd);
  }
  only = nullptr;
}

long LoopPoller::add(uint32_t id, int fd, uint32_t events, int64_t timeoutMs) {
  int own = -1;
  if (fd >= 0) {
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return -errno;
  }
  waits_.push_back({id, timeoutMs < 0 ? -1 : nowMs() + timeoutMs});
  polled_.push_back({own, static_cast<short>(events), 0});
  return 0;
}

void LoopPoller::cancel(uint32_t id) {
  for (size_t i = 0; i < waits_.size(); i++) {
    if (waits_[i].id != id) continue;
    if (polled_[i].fd >= 0) close(polled_[i].fd);
    waits_.erase(waits_.begin() + static_cast<ptrdiff_t>(i));
    polled_.erase(polled_.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
  std::erase_if(done_, [id](const auto& ended) { return ended.first == id; });
}

std::vector<std::pair<uint32_t, int>> LoopPoller::take() { return std::exchange(done_, {}); }

int LoopPoller::timeout() const {
  int64_t next = -1;
  for (const Wait& wait : waits_) {
    if (wait.deadline >= 0 && (next < 0 || wait.deadline < next)) next = wait.deadline;
  }
  if (next < 0) return -1;
  const int64_t now = nowMs();
  if (next <= now) return 0;
  return next - now > INT_MAX ? INT_MAX : static_cast<int>(next - now);
}

bool LoopPoller::turn() {
  if (waits_.empty()) return false;
  const int wanted = timeout();
  const int count = poll(polled_.data(), polled_.size(), wanted);
  if (count < 0) {
    // A signal: its handler has written to a pipe, which the next turn sees.
    if (errno == EINTR) return true;
    // No memory: nothing is known of the descriptors, but timeouts still end.
    for (pollfd& entry : polled_) entry.revents = 0;
    constexpr timespec kPause = {0, 1000000};
    nanosleep(&kPause, nullptr);
  }
  const int64_t now = wanted < 0 ? 0 : nowMs();
  size_t kept = 0;
  for (size_t i = 0; i < waits_.size(); i++) {
    const int events = polled_[i].revents & 0x1f;
    const bool late = waits_[i].deadline >= 0 && waits_[i].deadline <= now;
    if (events != 0 || late) {
      if (polled_[i].fd >= 0) close(polled_[i].fd);
      done_.emplace_back(waits_[i].id, events);
      continue;
    }
    waits_[kept] = waits_[i];
    polled_[kept] = polled_[i];
    kept++;
  }
  waits_.resize(kept);
  polled_.resize(kept);
  if (!done_.empty()) ready_();
  return true;
}

}  // namespace

std::unique_ptr<Poller> makePoller(std::function<void()> ready) {
  return std::make_unique<LoopPoller>(std::move(ready));
}

bool pollOnce() { return only != nullptr && only->turn(); }

}  // namespace tsrun
