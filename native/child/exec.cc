// The program: its directory, its file, the gate before it, and execve(2).
#include <linux/elf.h>
#include <linux/errno.h>
#include <string.h>
#include <sys/stat.h>

#include "helper.h"

namespace tsrun::child {

// A directory that is reachable but not inside the root (through a descriptor
// that leaked) has no path; the kernel says so by "(unreachable)" (security.md row 3).
static long checkInside(const char* path) {
  static char current[kPathSize];
  const long count = sys::call(__NR_getcwd, sys::arg(current), sizeof current);
  // ENOENT is a directory that was removed, which has no path either.
  if (count < 0) {
    return fail(count, path, count == -ENOENT ? wire::Code::OutsideRoot : wire::Code::None);
  }
  if (current[0] != '/') return fail(-ENOENT, path, wire::Code::OutsideRoot);
  return 0;
}

// First with root's rights, since the user may lack the right to pass a
// directory above; where even root has none (a squashed network file system),
// again as the user.
long operations::cwd(const wire::Step& step) {
  const char* path = TEXT(step, cwd, path);
  const bool late = NUMBER(step, cwd, late) != 0;
  if (late && !self.cwdDenied) return checkInside(path);
  const long result = sys::call(__NR_chdir, sys::arg(path));
  if (!late && (result == -EACCES || result == -EPERM)) {
    self.cwdDenied = true;
    return 0;
  }
  if (result < 0) return fail(result, path);
  return checkInside(path);
}

long operations::hostCwd(const wire::Step& step) {
  const char* path = TEXT(step, hostCwd, path);
  const long result = sys::call(__NR_chdir, sys::arg(path));
  return result < 0 ? fail(result, path) : 0;
}

// What keeps a file from being run, as execve would answer later.
static long checkProgram(const char* path, wire::Code* code) {
  struct stat info = {};
  long result = sys::call(__NR_newfstatat, AT_FDCWD, sys::arg(path), sys::arg(&info), 0);
  if (result < 0) return result;
  if (S_ISDIR(info.st_mode)) {
    *code = wire::Code::IsDirectory;
    return -EACCES;
  }
#ifdef __NR_faccessat2
  result = sys::call(__NR_faccessat2, AT_FDCWD, sys::arg(path), 1 /* X_OK */, AT_EACCESS);
#endif
  // Whatever else is answered may be a filter's, which does not know the call: execve will tell.
  if (result != -EACCES) return 0;
  *code = wire::Code::NotExecutable;
  return result;
}

static bool hasSlash(const char* file) {
  for (; *file != 0; file++) {
    if (*file == '/') return true;
  }
  return false;
}

// Says of a directory that the file is not there, as execvp(3) takes it. Any other error keeps the
// answer from being known.
static bool isAbsent(long result) {
  return result == -ENOENT || result == -ENOTDIR || result == -ENODEV || result == -ESTALE ||
         result == -ETIMEDOUT || result == -ELOOP || result == -ENAMETOOLONG || result == -EACCES;
}

long operations::find(const wire::Step& step) {
  const char* file = TEXT(step, find, file);
  wire::Code code = wire::Code::None;
  if (hasSlash(file)) {
    self.program[0] = 0;
    if (!append(self.program, sizeof self.program, file)) return fail(-ENAMETOOLONG, file);
    const long result = checkProgram(file, &code);
    return result < 0 ? fail(result, file, code) : 0;
  }
  // As execvp(3): a file that may not be run does not end the search, but is
  // the answer when nothing better comes.
  long denied = 0;
  wire::Code deniedCode = wire::Code::None;
  for (char** directory = TEXTS(step, find, directories); *directory != nullptr; directory++) {
    self.program[0] = 0;
    const char* where = (*directory)[0] == 0 ? "." : *directory;
    if (!append(self.program, sizeof self.program, where) ||
        !append(self.program, sizeof self.program, "/") ||
        !append(self.program, sizeof self.program, file)) {
      continue;
    }
    code = wire::Code::None;
    const long result = checkProgram(self.program, &code);
    if (result >= 0) return 0;
    if (result == -EACCES && code == wire::Code::NotExecutable) {
      denied = result;
      deniedCode = code;
    }
    if (!isAbsent(result)) return fail(result, self.program);
  }
  if (denied != 0) return fail(denied, file, deniedCode);
  return fail(-ENOENT, file, wire::Code::NotInPath);
}

// The two bytes of each of 32 `start`s, of which 31 were killed.
static constexpr size_t kMostBytes = 64;

static long readBytes(int fifo, size_t most) {
  char bytes[kMostBytes];
  long got;
  do {
    got = sys::read(fifo, bytes, most);
  } while (got == -EINTR);
  if (got == 0) got = -EPIPE;
  return got < 0 ? fail(got, "exec.fifo") : 0;
}

// `start` writes two bytes into the fifo. The first one opens the gate. Both fifos came open: to
// open the report behind the gate would take a descriptor of the state directory, or a procfs. They
// stay open until execve, so that `start` learns how that went. `run` has pipes, whose end is its
// own. The socket, which nothing is told by any more, is closed.
long operations::gate(const wire::Step& step) {
  const long fifo = slot(NUMBER(step, gate, fifo));
  if (fifo < 0) return fifo;
  const long report = slot(NUMBER(step, gate, report));
  if (report < 0) return report;
  self.fifo = static_cast<int>(fifo);
  self.gate = static_cast<int>(report);
  // How the parent, if it still listens, learns that a filter is loaded.
  sys::close(self.socket);
  const long got = readBytes(self.fifo, 1);
  if (got < 0) dieAtGate(got);
  return got;
}

static long readAt(int fd, uint64_t offset, void* data, size_t size) {
  return sys::call(__NR_pread64, fd, sys::arg(data), static_cast<long>(size),
                   static_cast<long>(offset));
}

// The loader that an ELF program names, into `out`.
static bool elfInterpreter(int fd, const char* start, long count, char* out, size_t size) {
  if (count < static_cast<long>(sizeof(Elf64_Ehdr)) || !startsWith(start,
                                                                   "\x7f"
                                                                   "ELF")) {
    return false;
  }
  Elf64_Ehdr header;
  memcpy(&header, start, sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return false;
  for (unsigned i = 0; i < header.e_phnum && i < 64; i++) {
    Elf64_Phdr segment = {};
    const uint64_t at = header.e_phoff + uint64_t{i} * header.e_phentsize;
    if (readAt(fd, at, &segment, sizeof segment) != static_cast<long>(sizeof segment)) return false;
    if (segment.p_type != PT_INTERP) continue;
    const size_t wanted = segment.p_filesz < size - 1 ? segment.p_filesz : size - 1;
    const long got = readAt(fd, segment.p_offset, out, wanted);
    if (got <= 0) return false;
    out[got] = 0;
    return true;
  }
  return false;
}

static bool scriptInterpreter(const char* start, long count, char* out, size_t size) {
  if (count < 3 || start[0] != '#' || start[1] != '!') return false;
  long at = 2;
  while (at < count && (start[at] == ' ' || start[at] == '\t')) at++;
  size_t used = 0;
  while (at < count && start[at] > ' ' && used + 1 < size) out[used++] = start[at++];
  out[used] = 0;
  return used > 0;
}

// execve says ENOENT for a program that is there when what would load it is not.
static long explainExec(long result) {
  if (result == -ENOEXEC) return fail(result, self.program, wire::Code::BadFormat);
  if (result == -EACCES) {
    wire::Code code = wire::Code::None;
    checkProgram(self.program, &code);
    return fail(result, self.program, code);
  }
  if (result != -ENOENT) return fail(result, self.program);
  const long fd = sys::openat(AT_FDCWD, self.program, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return fail(result, self.program);
  static char start[512];
  static char interpreter[256];
  const long count = sys::read(static_cast<int>(fd), start, sizeof start - 1);
  const bool found =
      count > 0 &&
      (scriptInterpreter(start, count, interpreter, sizeof interpreter) ||
       elfInterpreter(static_cast<int>(fd), start, count, interpreter, sizeof interpreter));
  sys::close(static_cast<int>(fd));
  return found ? fail(result, interpreter, wire::Code::MissingInterpreter)
               : fail(result, self.program);
}

// The second byte of `start` is read last of all, with those of any `start` that was killed. One
// that is left in the fifo tells it, by no further system call that a filter would have to allow,
// that the program was not executed.
long operations::exec(const wire::Step& step) {
  if (self.fifo >= 0) {
    const long got = readBytes(self.fifo, kMostBytes);
    if (got < 0) return got;
  }
  const long result =
      sys::call(__NR_execve, sys::arg(self.program), sys::arg(TEXTS(step, exec, args)),
                sys::arg(TEXTS(step, exec, env)));
  return explainExec(result);
}

}  // namespace tsrun::child
