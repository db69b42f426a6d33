// Files by a directory's descriptor and a name or path below it. Every function gives a negated
// errno where it fails.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tsrun {

// openat2(2) with RESOLVE_* as `resolve`: a descriptor.
long openResolved(int dir, const std::string& path, int flags, uint64_t resolve);

// One read(2) of at most `max` bytes.
long readSome(int fd, size_t max, std::string& out);
// One write(2): how many bytes it took.
long writeSome(int fd, const char* at, size_t size);
// 0 when everything is written; -EAGAIN only when nothing was.
long writeAll(int fd, const char* at, size_t size);

// A whole regular file; -EFBIG when it is longer than `max`, -ESPIPE for what is not a file,
// without waiting. With O_NOFOLLOW among the flags, -ELOOP for a link at any component of the path.
long readFile(int dir, const std::string& path, int flags, int64_t max, std::string& content);
// Its last line alone, with the newline at its end.
long readLastLine(int dir, const std::string& path, int64_t max, std::string& content);
// Opens for writing, writes once, closes: as the kernel's files want it.
long writeFile(int dir, const std::string& path, const std::string& content);

// With exactly this mode, whatever the umask is. An error means that nothing was made.
long makeDirectory(int dir, const char* name, mode_t mode);
long makeFifo(int dir, const char* name, mode_t mode);

long readLink(int dir, const char* path, std::string& target);

// Names without `.` and `..`, unsorted.
enum class Wanted : uint8_t { All, Directories };
long listDirectory(const char* path, Wanted wanted, std::vector<std::string>& names);
// Without another descriptor, of which there may be none left: opendir would need one.
long listOpenDirectory(int fd, std::vector<std::string>& names);

// flock(2), which never waits here.
long lockFile(int fd, int operation);
long setNonblocking(int fd, bool on);

}  // namespace tsrun
