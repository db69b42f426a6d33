# The `tsrun` executable (npm run build:executable): the addon's sources and the
# bytecode of the TypeScript in one static file. Not part of what an npm
# install builds.

find_path(QUICKJS_INCLUDE quickjs.h PATH_SUFFIXES quickjs)
find_library(QUICKJS_LIBRARY libquickjs.a PATH_SUFFIXES quickjs)
if(NOT QUICKJS_INCLUDE OR NOT QUICKJS_LIBRARY)
  add_custom_target(tsrun-executable
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
file(GLOB_RECURSE TSRUN_TYPESCRIPT CONFIGURE_DEPENDS src/*.ts spec/generated/*.js)
add_custom_command(
  OUTPUT ${TSRUN_CHUNKS}
  COMMAND node ${CMAKE_SOURCE_DIR}/scripts/bundle-executable.mjs
    $<TARGET_FILE:tsrun-compile> ${CMAKE_BINARY_DIR}/chunks
  DEPENDS tsrun-compile ${TSRUN_TYPESCRIPT} ${CMAKE_SOURCE_DIR}/scripts/bundle-executable.mjs
    ${CMAKE_SOURCE_DIR}/package.json
  VERBATIM)

# All but main(): also linked dynamically, with sanitizers, where these are asked for.
file(GLOB TSRUN_NAPI_SOURCES CONFIGURE_DEPENDS native/quickjs/napi/*.cc)
add_library(tsrun-quickjs OBJECT EXCLUDE_FROM_ALL
  ${TSRUN_NAPI_SOURCES} native/quickjs/host.cc native/quickjs/chunks.cc native/quickjs/main.cc
  native/addon.cc ${TSRUN_PARENT_SOURCES} native/parent/poller-loop.cc)
target_include_directories(tsrun-quickjs SYSTEM PRIVATE
  ${QUICKJS_INCLUDE} ${CMAKE_JS_INC} ${NODE_ADDON_API_DIR})
target_compile_definitions(tsrun-quickjs PRIVATE TSRUN_EXECUTABLE NAPI_VERSION=8
  NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS _GNU_SOURCE)
target_compile_options(tsrun-quickjs PRIVATE ${TSRUN_WARNINGS} -O2 -fno-rtti -fno-exceptions
  -ffunction-sections -fdata-sections -fstack-protector-strong -fno-pie)

set(TSRUN_EXECUTABLE_EMBEDDED native/embed.S native/quickjs/embed.S)
set_property(SOURCE native/quickjs/embed.S PROPERTY COMPILE_OPTIONS
  "-DTSRUN_CHUNKS=\"${TSRUN_CHUNKS}\"")
set_property(SOURCE native/quickjs/embed.S PROPERTY OBJECT_DEPENDS ${TSRUN_CHUNKS})

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

add_executable(tsrun-executable EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:tsrun-quickjs> $<TARGET_OBJECTS:tsrun-vfork> ${TSRUN_EXECUTABLE_EMBEDDED})
add_dependencies(tsrun-executable tsrun-helper tsrun-vfork-symbols tsrun-napi-symbols)
set_target_properties(tsrun-executable PROPERTIES
  OUTPUT_NAME tsrun
  POSITION_INDEPENDENT_CODE OFF
  LINKER_LANGUAGE CXX
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/executable)
if(TSRUN_SANITIZE)
  target_compile_definitions(tsrun-quickjs PRIVATE TSRUN_TEARDOWN)
  target_compile_options(tsrun-quickjs PRIVATE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -g -O1 -fno-omit-frame-pointer)
  target_link_options(tsrun-executable PRIVATE -no-pie -fsanitize=address,undefined)
  target_link_libraries(tsrun-executable PRIVATE ${QUICKJS_LIBRARY} m)
else()
  # Static, and at a fixed address: the dynamic loader costs 0.8 ms at each
  # start, relocating itself 0.07 ms. The start files are those of an ordinary
  # program, since the ones for -static register the unwind tables at start,
  # where --eh-frame-hdr finds them without.
  foreach(file crt1.o crti.o crtbegin.o crtend.o crtn.o)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${file}
      OUTPUT_VARIABLE TSRUN_${file} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  target_link_options(tsrun-executable PRIVATE
    -static -no-pie -nostartfiles ${TSRUN_crt1.o} ${TSRUN_crti.o} ${TSRUN_crtbegin.o}
    -s -Wl,--eh-frame-hdr -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro,-z,now
    -Wl,-z,noexecstack)
  target_link_libraries(tsrun-executable PRIVATE
    ${QUICKJS_LIBRARY} m ${TSRUN_crtend.o} ${TSRUN_crtn.o})
endif()
