// Unix sockets of others, by path. A path over 107 bytes is reached through its directory.
#pragma once

#include <string>

namespace tsrun {

// A connected stream socket, or a negated errno: -EAGAIN where the backlog is full.
long connectUnix(const std::string& path);

// One datagram, with one descriptor in SCM_RIGHTS where `fd` is not -1: 0, or a negated errno.
// A path that begins with `@` is an abstract name.
long sendUnixDatagram(const std::string& path, const std::string& message, int fd);

}  // namespace tsrun
