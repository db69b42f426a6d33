#include "errors.h"

#include <cerrno>

namespace tsrun {

namespace {

struct Entry {
  int error;
  const char* text;
};

constexpr Entry kTexts[] = {
    {EPERM, "operation not permitted"},
    {ENOENT, "no such file or directory"},
    {ESRCH, "no such process"},
    {EINTR, "interrupted system call"},
    {EIO, "input/output error"},
    {ENXIO, "no such device or address"},
    {E2BIG, "argument list too long"},
    {ENOEXEC, "exec format error"},
    {EBADF, "bad file descriptor"},
    {ECHILD, "no child processes"},
    {EAGAIN, "resource temporarily unavailable"},
    {ENOMEM, "cannot allocate memory"},
    {EACCES, "permission denied"},
    {EFAULT, "bad address"},
    {ENOTBLK, "block device required"},
    {EBUSY, "device or resource busy"},
    {EEXIST, "file exists"},
    {EXDEV, "invalid cross-device link"},
    {ENODEV, "no such device"},
    {ENOTDIR, "not a directory"},
    {EISDIR, "is a directory"},
    {EINVAL, "invalid argument"},
    {ENFILE, "too many open files in system"},
    {EMFILE, "too many open files"},
    {ENOTTY, "inappropriate ioctl for device"},
    {ETXTBSY, "text file busy"},
    {EFBIG, "file too large"},
    {ENOSPC, "no space left on device"},
    {ESPIPE, "illegal seek"},
    {EROFS, "read-only file system"},
    {EMLINK, "too many links"},
    {EPIPE, "broken pipe"},
    {EDOM, "numerical argument out of domain"},
    {ERANGE, "numerical result out of range"},
    {EDEADLK, "resource deadlock avoided"},
    {ENAMETOOLONG, "file name too long"},
    {ENOLCK, "no locks available"},
    {ENOSYS, "function not implemented"},
    {ENOTEMPTY, "directory not empty"},
    {ELOOP, "too many levels of symbolic links"},
    {EBADMSG, "bad message"},
    {EOVERFLOW, "value too large for defined data type"},
    {EUSERS, "too many users"},
    {ENOTSOCK, "socket operation on non-socket"},
    {EMSGSIZE, "message too long"},
    {EPROTOTYPE, "protocol wrong type for socket"},
    {EOPNOTSUPP, "operation not supported"},
    {EADDRINUSE, "address already in use"},
    {ENETDOWN, "network is down"},
    {ENETUNREACH, "network is unreachable"},
    {ENOBUFS, "no buffer space available"},
    {ECONNRESET, "connection reset by peer"},
    {ECONNREFUSED, "connection refused"},
    {ETIMEDOUT, "connection timed out"},
    {EALREADY, "operation already in progress"},
    {ESTALE, "stale file handle"},
    {EDQUOT, "disk quota exceeded"},
    {ECANCELED, "operation canceled"},
    {ENOKEY, "required key not available"},
};

}  // namespace

std::string errorText(int error) {
  for (const Entry& entry : kTexts) {
    if (entry.error == error) return entry.text;
  }
  return "error " + std::to_string(error);
}

}  // namespace tsrun
