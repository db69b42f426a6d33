# Whether the executable can have its own start (start.cc): where it would take the place
# of the libc-start.o that it was written after, beside the objects that it calls. Sets
# TSRUN_START to its source, or to nothing.

option(TSRUN_GLIBC_START "Start the executable as the C library does, with its CPUIDs" OFF)
set(TSRUN_START)

# SHA-256 of these, one after the other, as they are in libc.a.
set(TSRUN_START_OBJECTS libc-start.o dl-support.o dl-tunables.o libc-tls.o libc_early_init.o
  init-first.o check_fds.o cleanup.o dl-origin.o)
set(TSRUN_START_KNOWN
  ae87837838284b655bed9ebdf5ff4f504200228f010e0dd999c3f93b8b28a8c2 # Debian 13, libc6-dev 2.41-12+deb13u5
)

execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${TSRUN_FLAGS} -print-file-name=libc.a
  OUTPUT_VARIABLE TSRUN_LIBC OUTPUT_STRIP_TRAILING_WHITESPACE)
if(EXISTS ${TSRUN_LIBC})
  # Another one is looked at before anything is linked with it.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${TSRUN_LIBC})
endif()
set(TSRUN_START_FOUND ${CMAKE_BINARY_DIR}/start-objects)
execute_process(COMMAND ${CMAKE_AR} p ${TSRUN_LIBC} ${TSRUN_START_OBJECTS}
  OUTPUT_FILE ${TSRUN_START_FOUND} ERROR_QUIET)
file(SHA256 ${TSRUN_START_FOUND} TSRUN_START_HASH)
file(REMOVE ${TSRUN_START_FOUND})
# Options that may have the linker find another libc.a than the compiler tells of.
string(REGEX MATCH "(^|[ ,])(-L|--library-path)[^ ]*" TSRUN_START_ELSEWHERE
  "${CMAKE_CXX_FLAGS} ${CMAKE_EXE_LINKER_FLAGS}")
if(NOT TSRUN_START_ELSEWHERE)
  string(REGEX MATCH "(^| )(-B|--?sysroot|--?specs)[^ ]*" TSRUN_START_ELSEWHERE
    "${CMAKE_EXE_LINKER_FLAGS}")
endif()
if(TSRUN_GLIBC_START)
  message(STATUS "The executable starts as the C library does (TSRUN_GLIBC_START)")
elseif(TSRUN_START_ELSEWHERE)
  string(STRIP "${TSRUN_START_ELSEWHERE}" TSRUN_START_ELSEWHERE)
  message(STATUS "The executable starts as the C library does, slower: "
    "with ${TSRUN_START_ELSEWHERE} it may be linked with another libc.a")
elseif(TSRUN_START_HASH IN_LIST TSRUN_START_KNOWN)
  message(STATUS "The executable has a start of its own, without CPUID")
  set(TSRUN_START native/quickjs/start.cc)
else()
  # Nobody has asked for it: an update of libc6-dev makes it so, and a look at it and this hash above undo it.
  message(NOTICE "The executable starts as the C library does, slower: "
    "start.cmake does not know this libc.a (${TSRUN_START_HASH})")
endif()
