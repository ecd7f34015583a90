# overparam_room(<name> [TENSORS] SOURCES <file>... [ROOMS <room>...] [LIBRARIES <target>...])
#
# One static library per room of the house. ROOMS are the only rooms it may include; the test
# `house.arrows` holds the `#include` lines against cmake/arrows.txt, which lists the same arrows.
# TENSORS: the room's sources use ATen, and share one precompiled header. OpenMP is what
# at::parallel_for runs on; without its flag the loops in our files would silently run on one core.
function(overparam_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "TENSORS" "" "SOURCES;ROOMS;LIBRARIES")

  set(target overparam_${name})
  add_library(${target} STATIC ${ROOM_SOURCES})
  add_library(overparam::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)

  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/overparam/${name}/*.hpp")
  target_sources(
    ${target}
    PUBLIC FILE_SET HEADERS
           BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
           FILES ${headers})
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")

  list(TRANSFORM ROOM_ROOMS PREPEND overparam::)
  target_link_libraries(${target} PUBLIC ${ROOM_ROOMS} ${ROOM_LIBRARIES})
  overparam_compile_options(${target})
  if(ROOM_TENSORS)
    target_link_libraries(${target} PUBLIC torch OpenMP::OpenMP_CXX)
    overparam_use_tensor_header(${target})
  endif()

  set_property(GLOBAL APPEND PROPERTY OVERPARAM_ROOMS ${target})
endfunction()

# Missing initialisers are how options with defaults are meant to be written.
function(overparam_compile_options target)
  target_compile_options(
    ${target}
    PRIVATE ${OVERPARAM_TORCH_FLAGS}
            $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-missing-field-initializers>
            $<$<BOOL:${OVERPARAM_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()

# ATen's headers cost 6 s a file; precompiled, 1.7 s. <ATen/core/ivalue.h> comes first because
# clang 14 rejects the other order in C++20.
function(overparam_use_tensor_header target)
  if(NOT TARGET overparam_tensor_header)
    file(WRITE "${PROJECT_BINARY_DIR}/tensor_header.cpp" "")
    add_library(overparam_tensor_header OBJECT "${PROJECT_BINARY_DIR}/tensor_header.cpp")
    target_compile_features(overparam_tensor_header PUBLIC cxx_std_20)
    target_link_libraries(overparam_tensor_header PRIVATE torch fmt::fmt OpenMP::OpenMP_CXX)
    overparam_compile_options(overparam_tensor_header)
    target_precompile_headers(
      overparam_tensor_header
      PRIVATE
      <ATen/core/ivalue.h>
      <ATen/ATen.h>
      <ATen/Parallel.h>
      <fmt/format.h>
      <algorithm>
      <cmath>
      <filesystem>
      <functional>
      <memory>
      <span>
      <string>
      <vector>)
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    # A precompiled header serves only the flag it was compiled with, -fPIC, not -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_precompile_headers(${target} REUSE_FROM overparam_tensor_header)
endfunction()
