# The `tsrun` executable (npm run build:executable): the addon's sources and the
# bytecode of the TypeScript in one static file. Not part of what an npm
# install builds.

find_path(QUICKJS_INCLUDE quickjs.h PATH_SUFFIXES quickjs)
find_library(QUICKJS_LIBRARY libquickjs.a PATH_SUFFIXES quickjs)
if(NOT QUICKJS_INCLUDE OR NOT QUICKJS_LIBRARY)
  add_custom_target(executable
    COMMAND ${CMAKE_COMMAND} -E echo "quickjs.h and libquickjs.a are missing (Debian: libquickjs)"
    COMMAND ${CMAKE_COMMAND} -E false)
  return()
endif()

# The bytecode. The compiler must be linked with the engine that runs it.
add_executable(tsrun-compile EXCLUDE_FROM_ALL native/quickjs/compile.cc)
target_compile_options(tsrun-compile PRIVATE ${TSRUN_WARNINGS})
target_include_directories(tsrun-compile SYSTEM PRIVATE ${QUICKJS_INCLUDE})
target_link_libraries(tsrun-compile PRIVATE ${QUICKJS_LIBRARY} m)

set(TSRUN_CHUNKS ${CMAKE_BINARY_DIR}/chunks/chunks.bin)
set(TSRUN_COMMANDS ${CMAKE_BINARY_DIR}/chunks/training.bin)
file(GLOB_RECURSE TSRUN_TYPESCRIPT CONFIGURE_DEPENDS src/*.ts test/fakes/*.ts spec/generated/*.js)
# What --version says of the commit is in dist/, where there is one.
set(TSRUN_VERSION ${CMAKE_SOURCE_DIR}/dist/version.js)
if(NOT EXISTS ${TSRUN_VERSION})
  set(TSRUN_VERSION)
endif()
add_custom_command(
  OUTPUT ${TSRUN_CHUNKS} ${TSRUN_COMMANDS}
  COMMAND node ${CMAKE_SOURCE_DIR}/scripts/bundle-executable.mjs
    $<TARGET_FILE:tsrun-compile> src/cli/main-quickjs.ts ${CMAKE_BINARY_DIR}/chunks
    test/fakes/training.ts
  DEPENDS tsrun-compile ${TSRUN_TYPESCRIPT} ${CMAKE_SOURCE_DIR}/scripts/bundle-executable.mjs
    ${CMAKE_SOURCE_DIR}/package.json ${TSRUN_VERSION}
  VERBATIM)

# All but main().
file(GLOB TSRUN_NAPI_SOURCES CONFIGURE_DEPENDS native/quickjs/napi/*.cc)
add_library(tsrun-quickjs OBJECT EXCLUDE_FROM_ALL
  ${TSRUN_NAPI_SOURCES} native/quickjs/chunks.cc native/quickjs/host.cc native/quickjs/program.cc
  native/quickjs/prepare-process.cc
  ${TSRUN_BINDING_SOURCES})
# As for the addon: without Node-API.
add_library(tsrun-quickjs-system OBJECT EXCLUDE_FROM_ALL
  ${TSRUN_SYSTEM_SOURCES} native/system/poller-loop.cc)

# Exactly the functions of Node-API that the addon wants.
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/napi-symbols
  COMMAND sh ${CMAKE_SOURCE_DIR}/native/quickjs/check-napi.sh ${CMAKE_NM}
    $<TARGET_OBJECTS:tsrun-quickjs>
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/napi-symbols
  DEPENDS tsrun-quickjs $<TARGET_OBJECTS:tsrun-quickjs>
    ${CMAKE_SOURCE_DIR}/native/quickjs/check-napi.sh
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(tsrun-napi-symbols DEPENDS ${CMAKE_BINARY_DIR}/napi-symbols)

set(TSRUN_HOST $<TARGET_OBJECTS:tsrun-quickjs> $<TARGET_OBJECTS:tsrun-quickjs-system>
  $<TARGET_OBJECTS:tsrun-clone-child> native/embed.S)

function(tsrun_host_options target)
  target_include_directories(${target} SYSTEM PRIVATE ${SECCOMP_INCLUDE})
  target_compile_definitions(${target} PRIVATE TSRUN_EXECUTABLE _GNU_SOURCE)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${TSRUN_WARNINGS}
    -O2 -fno-rtti -fno-exceptions -ffunction-sections -fdata-sections ${TSRUN_HARDENING}
    -fno-pie>)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF LINKER_LANGUAGE CXX)
  if(TSRUN_SANITIZE)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined
      -fno-sanitize-recover=undefined -g -O1 -fno-omit-frame-pointer>)
  endif()
endfunction()
function(tsrun_host target)
  tsrun_host_options(${target})
  target_include_directories(${target} SYSTEM PRIVATE
    ${QUICKJS_INCLUDE} ${CMAKE_JS_INC} ${NODE_ADDON_API_DIR})
  target_compile_definitions(${target} PRIVATE NAPI_VERSION=8
    NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS)
endfunction()
tsrun_host(tsrun-quickjs)
tsrun_host_options(tsrun-quickjs-system)

# Linked dynamically, without an image: for sanitizers and valgrind.
add_executable(tsrun-plain EXCLUDE_FROM_ALL ${TSRUN_HOST} native/quickjs/main-plain.cc)
tsrun_host(tsrun-plain)
add_dependencies(tsrun-plain tsrun-helper)
add_custom_target(tsrun-chunks DEPENDS ${TSRUN_CHUNKS})
add_dependencies(tsrun-plain tsrun-chunks)
target_link_options(tsrun-plain PRIVATE -no-pie)
target_link_libraries(tsrun-plain PRIVATE ${QUICKJS_LIBRARY} ${TSRUN_LIBRARIES} m)
if(TSRUN_SANITIZE)
  target_link_options(tsrun-plain PRIVATE -fsanitize=address,undefined)
  return()
endif()

# The executable is linked twice: without an image to make that, and with it
# (image.h). Static, and at a fixed address: the dynamic loader costs 0.8 ms at
# each start, relocating itself 0.07 ms, and the image needs it. The start files
# are those of an ordinary program, since the ones for -static register unwind
# tables at start, and there are none (arena.ld).
separate_arguments(TSRUN_FLAGS UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
# Another C library than the compiler's, for the links alone (npm run relink -- --libc DIRECTORY).
set(TSRUN_LIBC_DIRECTORY "" CACHE PATH "Directory of libc.a and the start files")
if(TSRUN_LIBC_DIRECTORY)
  list(APPEND TSRUN_FLAGS -B${TSRUN_LIBC_DIRECTORY}/)
endif()
foreach(file crt1.o crti.o crtbegin.o crtend.o crtn.o)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${TSRUN_FLAGS} -print-file-name=${file}
    OUTPUT_VARIABLE TSRUN_${file} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endforeach()
# Where the linker can (binutils 2.43), with what every command uses of libraries put together.
include(CheckLinkerFlag)
set(TSRUN_ORDER -Wl,--section-ordering-file=${CMAKE_SOURCE_DIR}/native/quickjs/order.ld)
check_linker_flag(CXX ${TSRUN_ORDER} TSRUN_CAN_ORDER)
if(NOT TSRUN_CAN_ORDER)
  set(TSRUN_ORDER)
endif()
function(tsrun_link target arena start)
  add_executable(${target} EXCLUDE_FROM_ALL ${TSRUN_HOST} native/quickjs/main.cc
    native/quickjs/image.cc native/quickjs/training.cc native/quickjs/arena.cc
    native/quickjs/no-trigonometry.cc ${arena} ${start})
  tsrun_host(${target})
  add_dependencies(${target} tsrun-helper tsrun-start tsrun-clone-child-symbols tsrun-napi-symbols)
  if(TSRUN_LIBC_DIRECTORY)
    target_link_options(${target} PRIVATE -B${TSRUN_LIBC_DIRECTORY}/)
  endif()
  target_link_options(${target} PRIVATE
    -static -no-pie -nostartfiles ${TSRUN_crt1.o} ${TSRUN_crti.o} ${TSRUN_crtbegin.o}
    -s -Wl,--fatal-warnings -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro,-z,now
    -Wl,-z,noexecstack -Wl,-T,${CMAKE_SOURCE_DIR}/native/quickjs/arena.ld ${TSRUN_ORDER})
  target_link_libraries(${target} PRIVATE ${QUICKJS_LIBRARY} ${TSRUN_LIBRARIES} m ${TSRUN_crtend.o} ${TSRUN_crtn.o})
  set_property(TARGET ${target} PROPERTY LINK_DEPENDS
    ${CMAKE_SOURCE_DIR}/native/quickjs/arena.ld ${CMAKE_SOURCE_DIR}/native/quickjs/order.ld)
endfunction()

set_property(SOURCE native/quickjs/blank.S PROPERTY OBJECT_DEPENDS
  ${CMAKE_SOURCE_DIR}/native/quickjs/image.S)

# tsrun_executable(TARGET BLANK IMAGE START): the file is executable/TARGET.
function(tsrun_executable target blank image start)
  tsrun_link(${blank} native/quickjs/blank.S "${start}")
  add_custom_command(
    OUTPUT ${image}
    COMMAND ${blank} ${TSRUN_CHUNKS} ${image} ${TSRUN_COMMANDS}
    DEPENDS ${blank} ${TSRUN_CHUNKS} ${TSRUN_COMMANDS}
    VERBATIM)
  # A source of its own for each image.
  set(source ${CMAKE_BINARY_DIR}/chunks/${target}.S)
  file(CONFIGURE OUTPUT ${source} CONTENT "#define TSRUN_IMAGE \"${image}\"\n#include \"${CMAKE_SOURCE_DIR}/native/quickjs/image.S\"\n")
  set_property(SOURCE ${source} PROPERTY OBJECT_DEPENDS
    ${image} ${CMAKE_SOURCE_DIR}/native/quickjs/image.S)
  tsrun_link(${target}-executable ${source} "${start}")
  set_target_properties(${target}-executable PROPERTIES
    OUTPUT_NAME ${target}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/executable)
  # The executable checks that its image belongs to it: here, and not at the user's.
  add_custom_command(TARGET ${target}-executable POST_BUILD
    COMMAND $<TARGET_FILE:${target}-executable> --version VERBATIM)
endfunction()

include(native/start/start.cmake)
tsrun_executable(tsrun tsrun-blank ${CMAKE_BINARY_DIR}/chunks/image.bin "${TSRUN_START}")
# The same as where the C library's start is taken, for the tests.
tsrun_executable(tsrun-glibc-start tsrun-blank-glibc-start
  ${CMAKE_BINARY_DIR}/chunks/image-glibc-start.bin "")

# What npm run build:executable makes: also the host that the tests of the binding run on.
add_custom_target(executable DEPENDS tsrun-executable tsrun-plain)
