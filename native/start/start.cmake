# The executable's start without CPUID, where it does what the C library's does (README.md): accept.mjs
# compiles start.cc to this file, or an empty object and the reason beside it.

option(TSRUN_GLIBC_START "Start the executable as the C library does, with its CPUIDs" OFF)
set(TSRUN_START ${CMAKE_BINARY_DIR}/start/start.o)
set(TSRUN_START_SOURCE ${CMAKE_SOURCE_DIR}/native/start/start.cc)
if(TSRUN_GLIBC_START)
  set(TSRUN_START_SOURCE none)
endif()
separate_arguments(TSRUN_START_FLAGS UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_EXE_LINKER_FLAGS}")
if(TSRUN_LIBC_DIRECTORY)
  list(APPEND TSRUN_START_FLAGS -B${TSRUN_LIBC_DIRECTORY}/)
endif()
execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${TSRUN_START_FLAGS} -print-file-name=libc.a
  OUTPUT_VARIABLE TSRUN_LIBC OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT EXISTS ${TSRUN_LIBC})
  set(TSRUN_LIBC)
endif()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/start)
add_custom_command(
  OUTPUT ${TSRUN_START}
  COMMAND node ${CMAKE_SOURCE_DIR}/native/start/accept.mjs ${TSRUN_START} ${TSRUN_START_SOURCE}
    -- ${CMAKE_CXX_COMPILER} ${TSRUN_START_FLAGS}
  DEPENDS native/start/start.cc native/start/probe.c native/start/accept.mjs native/child/sys.h
    ${TSRUN_LIBC}
  VERBATIM)
# A target, so that the two links do not make it twice at once.
add_custom_target(tsrun-start DEPENDS ${TSRUN_START})
# For clang-tidy, which reads compile_commands.json.
add_library(tsrun-start-source OBJECT EXCLUDE_FROM_ALL native/start/start.cc)
tsrun_host(tsrun-start-source)
