// The poller on Node: one thread that waits, and wakes the environment's.

#include "poller.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

namespace tsrun {

namespace {

// Ids are 32 bits, so this is none of them.
constexpr uint64_t kWakeUp = UINT64_MAX;

int64_t nowMs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000;
}

class ThreadPoller : public Poller {
 public:
  explicit ThreadPoller(std::function<void()> ready);
  ~ThreadPoller() override;

  long add(uint32_t id, int fd, uint32_t events, int64_t timeoutMs) override;
  void cancel(uint32_t id) override;
  std::vector<std::pair<uint32_t, int>> take() override;

 private:
  struct Wait {
    int fd;            // a duplicate of the caller's, -1 for none
    int64_t deadline;  // CLOCK_MONOTONIC in ms, -1 for none
  };

  long start();
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

ThreadPoller::ThreadPoller(std::function<void()> ready) : ready_(std::move(ready)) {}

// With the first wait, which can tell that there are no descriptors or no thread to be had.
long ThreadPoller::start() {
  if (thread_.joinable()) return 0;
  if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  if (event_ < 0) {
    const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0) return -errno;
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = kWakeUp;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, made, &event) < 0) {
      const int error = errno;
      close(made);
      return -error;
    }
    event_ = made;
  }
  // Signals are the program's other threads' business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  long result = 0;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    result = -error.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

ThreadPoller::~ThreadPoller() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  for (auto& [id, wait] : waits_) {
    if (wait.fd >= 0) close(wait.fd);
  }
  if (epoll_ >= 0) close(epoll_);
  if (event_ >= 0) close(event_);
}

void ThreadPoller::wake() const {
  const uint64_t one = 1;
  // A full counter is readable all the same.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

long ThreadPoller::add(uint32_t id, int fd, uint32_t events, int64_t timeoutMs) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const long started = start();
  if (started < 0) return started;
  Wait wait = {-1, timeoutMs < 0 ? -1 : nowMs() + timeoutMs};
  if (fd >= 0) {
    wait.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (wait.fd < 0) return -errno;
    epoll_event event = {};
    event.events = events | EPOLLONESHOT;
    event.data.u64 = id;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wait.fd, &event) < 0) {
      const int error = errno;
      close(wait.fd);
      if (error != EPERM) return -error;
      // A regular file is always ready.
      wait.fd = -1;
      waits_.emplace(id, wait);
      finish(id, static_cast<int>(events & (POLLIN | POLLOUT)));
      ready_();
      return 0;
    }
  }
  waits_.emplace(id, wait);
  if (timeoutMs >= 0) wake();
  return 0;
}

void ThreadPoller::cancel(uint32_t id) {
  const std::lock_guard<std::mutex> guard(mutex_);
  const auto found = waits_.find(id);
  if (found == waits_.end()) return;
  if (found->second.fd >= 0) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.fd, nullptr);
    close(found->second.fd);
  }
  waits_.erase(found);
}

std::vector<std::pair<uint32_t, int>> ThreadPoller::take() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return std::exchange(done_, {});
}

void ThreadPoller::finish(uint32_t id, int events) {
  const auto found = waits_.find(id);
  if (found == waits_.end()) return;
  if (found->second.fd >= 0) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second.fd, nullptr);
    close(found->second.fd);
  }
  waits_.erase(found);
  done_.emplace_back(id, events);
}

int ThreadPoller::nextTimeout(int64_t now) const {
  int64_t next = -1;
  for (const auto& [id, wait] : waits_) {
    if (wait.deadline >= 0 && (next < 0 || wait.deadline < next)) next = wait.deadline;
  }
  if (next < 0) return -1;
  if (next <= now) return 0;
  return next - now > INT_MAX ? INT_MAX : static_cast<int>(next - now);
}

void ThreadPoller::finishAll(const epoll_event* events, int count) {
  for (int i = 0; i < count; i++) {
    if (events[i].data.u64 == kWakeUp) continue;
    finish(static_cast<uint32_t>(events[i].data.u64), static_cast<int>(events[i].events & 0x1f));
  }
  const int64_t now = nowMs();
  std::vector<uint32_t> late;
  for (const auto& [id, wait] : waits_) {
    if (wait.deadline >= 0 && wait.deadline <= now) late.push_back(id);
  }
  for (const uint32_t id : late) finish(id, 0);
}

void ThreadPoller::run() {
  while (true) {
    int timeout;
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (stop_) return;
      timeout = nextTimeout(nowMs());
    }
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, timeout);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 != kWakeUp) continue;
      uint64_t value = 0;
      [[maybe_unused]] const ssize_t got = read(event_, &value, sizeof value);
    }
    bool some;
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      finishAll(events, count);
      some = !done_.empty();
    }
    if (some) ready_();
  }
}

}  // namespace

std::unique_ptr<Poller> makePoller(std::function<void()> ready) {
  return std::make_unique<ThreadPoller>(std::move(ready));
}

}  // namespace tsrun
