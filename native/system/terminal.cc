#include "terminal.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace tsrun {

long getWindowSize(int fd, unsigned short& columns, unsigned short& rows) {
  winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
  columns = size.ws_col;
  rows = size.ws_row;
  return 0;
}

long setWindowSize(int fd, unsigned short columns, unsigned short rows) {
  winsize size = {};
  size.ws_col = columns;
  size.ws_row = rows;
  return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

long makeRaw(int fd, termios& before) {
  if (tcgetattr(fd, &before) < 0) return -errno;
  termios raw = before;
  cfmakeraw(&raw);
  // The container's terminal writes bare newlines, which this one has to complete.
  raw.c_oflag |= OPOST;
  return tcsetattr(fd, TCSANOW, &raw) < 0 ? -errno : 0;
}

long restoreTerminal(int fd, const char* settings, size_t size) {
  termios before;
  if (size != sizeof before) return -EINVAL;
  memcpy(&before, settings, sizeof before);
  return tcsetattr(fd, TCSANOW, &before) < 0 ? -errno : 0;
}

}  // namespace tsrun
