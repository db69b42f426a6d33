// Settings of a terminal. 0, or a negated errno.
#pragma once

#include <termios.h>

#include <cstddef>

namespace tsrun {

long getWindowSize(int fd, unsigned short& columns, unsigned short& rows);
long setWindowSize(int fd, unsigned short columns, unsigned short rows);

// `before` is what it was.
long makeRaw(int fd, termios& before);
// -EINVAL for what is not the bytes of a termios.
long restoreTerminal(int fd, const char* settings, size_t size);

}  // namespace tsrun
