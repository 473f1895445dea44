# One static library a floor. Headers are included as <uwaga/FLOOR/file.h> through a tree of links in the build folder.

set(UWAGA_FLOORS ir autodiff codegen models runtime)

function(uwaga_header_tree)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/uwaga)
  foreach(floor ${UWAGA_FLOORS})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${floor} ${PROJECT_BINARY_DIR}/include/uwaga/${floor} SYMBOLIC)
  endforeach()
endfunction()

# The public headers of the floors, as paths from the source folder. A header is public unless a folder above it is
# named internal or detail (ours alone), llvm or cuda (an emitter or a driver, optional in a build).
function(uwaga_public_headers result)
  set(all "")
  foreach(floor ${UWAGA_FLOORS})
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${floor}/*.h)
    list(FILTER headers EXCLUDE REGEX "/(internal|detail|llvm|cuda)/")
    list(SORT headers)
    list(APPEND all ${headers})
  endforeach()
  set(${result} ${all} PARENT_SCOPE)
endfunction()

# <uwaga/uwaga.h>: what programs are written with, lowest floor first: every public header but those of codegen/ and of the
# runtime's rooms, which who looks at kernels or files includes one by one, and but what graphs consist of, which who looks
# into them includes with ir/graph.h, or who rewrites them with ir/rewrite.h. Rewritten only when the list changes.
function(uwaga_umbrella)
  uwaga_public_headers(headers)
  list(FILTER headers EXCLUDE REGEX "^(codegen/|runtime/(host|inspect|io|cuda)/|ir/(interpreter/|passes/|attributes[.]h|fields[.]h|graph[.]h|graph_data[.]h|map_bodies[.]h|rewrite[.]h))")
  list(INSERT headers 0 ir/passes/precision.h)  # the pass that models are trained with
  list(TRANSFORM headers REPLACE "(.+)" "#include <uwaga/\\1>\n")
  list(JOIN headers "" includes)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/include/uwaga/uwaga.h @ONLY CONTENT
"// What programs are written with, lowest floor first. Made by CMake (cmake/UwagaFloor.cmake).
#pragma once

@includes@")
endfunction()

# Flags of every target we compile ourselves. -ffp-contract=off: a rounding is never added or dropped behind our back.
function(uwaga_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -ffp-contract=off)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # g++ 12 warns of `"text" + string` (its bug 105651)
  endif()
  if(UWAGA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${UWAGA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${UWAGA_SANITIZE})
    # clang's check of function types reads what lies before a function: before a kernel compiled at run time lies nothing.
    if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
      target_compile_options(${target} PRIVATE -fno-sanitize=function)
    endif()
  endif()
endfunction()

# uwaga_floor(DIR LINK public libraries PRIVATE private libraries HEADERS header-only libraries EXCLUDE subfolders)
# Header-only libraries are needed to build the floor, not to use it, so the installed package does not name them.
function(uwaga_floor dir)
  cmake_parse_arguments(arg "" "" "LINK;PRIVATE;HEADERS;EXCLUDE" ${ARGN})
  string(REPLACE "/" "_" name ${dir})
  set(target uwaga_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${dir}/*.cpp)
  foreach(folder ${arg_EXCLUDE})
    list(FILTER sources EXCLUDE REGEX "^${PROJECT_SOURCE_DIR}/${dir}/${folder}/")
  endforeach()
  if(NOT sources)  # a floor of headers only is a library all the same
    set(sources ${PROJECT_BINARY_DIR}/empty.cpp)
    file(CONFIGURE OUTPUT ${sources} CONTENT "")
  endif()
  list(TRANSFORM arg_HEADERS REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
  add_library(${target} STATIC ${sources})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_link_libraries(${target} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE} ${arg_HEADERS})
  uwaga_flags(${target})
  install(TARGETS ${target} EXPORT uwagaTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# LLVM's headers stay out of sight of the warnings, and of every floor but this one.
function(uwaga_link_llvm target)
  target_include_directories(${target} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
  separate_arguments(definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
  target_compile_options(${target} PRIVATE ${definitions})
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE -fno-rtti)
  endif()
  if(TARGET LLVM)  # the one shared library, where the distribution builds it
    target_link_libraries(${target} PRIVATE LLVM)
  else()
    llvm_map_components_to_libnames(libraries core orcjit native passes)
    target_link_libraries(${target} PRIVATE ${libraries})
  endif()
endfunction()

# What compiled kernels on disk depend on beside the kernel: the sources of their emitter, hashed by the build.
function(uwaga_emitter_build_id target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/codegen/llvm/*.cpp ${PROJECT_SOURCE_DIR}/codegen/llvm/*.h)
  file(GLOB_RECURSE kernel_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/codegen/kernel/*.cpp ${PROJECT_SOURCE_DIR}/codegen/kernel/*.h)
  list(APPEND sources ${kernel_sources})
  list(SORT sources)
  set(result ${PROJECT_BINARY_DIR}/emitter_build_id.cpp)
  add_custom_command(OUTPUT ${result} VERBATIM DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/UwagaBuildId.cmake
                     COMMAND ${CMAKE_COMMAND} "-DSOURCES=${sources}" -DRESULT=${result} -P ${PROJECT_SOURCE_DIR}/cmake/UwagaBuildId.cmake)
  target_sources(${target} PRIVATE ${result})
endfunction()
