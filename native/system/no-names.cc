// Name services that libsystemd refers to and that none of our calls comes to.
// In the static executable glibc's would look for shared libraries of exactly
// its own version; these stand in their place, in the addon for its copy of
// libsystemd alone (they are hidden).

#include <dlfcn.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include <cerrno>

extern "C" {

int getaddrinfo(const char* /*node*/, const char* /*service*/, const addrinfo* /*hints*/,
                addrinfo** /*result*/) {
  return EAI_FAIL;
}
void freeaddrinfo(addrinfo* /*list*/) {}

passwd* getpwnam(const char* /*name*/) {
  errno = ENOSYS;
  return nullptr;
}
passwd* getpwuid(uid_t /*uid*/) {
  errno = ENOSYS;
  return nullptr;
}
int getpwnam_r(const char* /*name*/, passwd* /*entry*/, char* /*buffer*/, size_t /*size*/,
               passwd** result) {
  *result = nullptr;
  return ENOSYS;
}
int getpwuid_r(uid_t /*uid*/, passwd* /*entry*/, char* /*buffer*/, size_t /*size*/,
               passwd** result) {
  *result = nullptr;
  return ENOSYS;
}

group* getgrnam(const char* /*name*/) {
  errno = ENOSYS;
  return nullptr;
}
group* getgrgid(gid_t /*gid*/) {
  errno = ENOSYS;
  return nullptr;
}
int getgrnam_r(const char* /*name*/, group* /*entry*/, char* /*buffer*/, size_t /*size*/,
               group** result) {
  *result = nullptr;
  return ENOSYS;
}
int getgrgid_r(gid_t /*gid*/, group* /*entry*/, char* /*buffer*/, size_t /*size*/, group** result) {
  *result = nullptr;
  return ENOSYS;
}

}  // extern "C"
