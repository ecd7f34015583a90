# overparam_tests(<room> [LABEL <label>] [TIMEOUT <seconds>] SOURCES <file>... [LIBRARIES <target>...])
#
# One executable for a room's tests; each file becomes one CTest entry, `<room>.<file>`, because a
# process that loads LibTorch costs 0.7 s to start. The suites of a file are read from its source,
# so nothing is listed twice.
include(GoogleTest)
find_package(GTest 1.12 REQUIRED)

set(OVERPARAM_TIME_LIMIT_FACTOR 1 CACHE STRING "Multiplies the tests' time limits, for slow builds")

# overparam_time_limit(<test> <seconds>)
function(overparam_time_limit test seconds)
  math(EXPR limit "${seconds} * ${OVERPARAM_TIME_LIMIT_FACTOR}")
  set_tests_properties(${test} PROPERTIES TIMEOUT ${limit})
endfunction()

function(overparam_tests room)
  cmake_parse_arguments(PARSE_ARGV 1 TESTS "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES")
  if(NOT TESTS_LABEL)
    set(TESTS_LABEL fast)
  endif()
  if(NOT TESTS_TIMEOUT)
    set(TESTS_TIMEOUT 300)
  endif()

  set(target ${room}_tests)
  add_executable(${target} ${TESTS_SOURCES})
  target_link_libraries(${target} PRIVATE overparam_test_support ${TESTS_LIBRARIES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  overparam_compile_options(${target})
  overparam_use_tensor_header(${target})
  # Nothing in a test is hot: a quarter less to compile.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)

  foreach(source IN LISTS TESTS_SOURCES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    file(STRINGS "${source}" lines REGEX "^(TYPED_)?TEST(_F|_P)?\\(")
    set(filter "")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^(TYPED_)?TEST(_F|_P)?\\(([A-Za-z0-9]+).*" "\\3" suite "${line}")
      list(APPEND filter "${suite}.*" "*/${suite}.*" "${suite}/*")
    endforeach()
    if(NOT filter)
      continue() # a helper without tests
    endif()
    list(REMOVE_DUPLICATES filter)
    list(JOIN filter ":" filter)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_test$" "" stem "${stem}")
    add_test(NAME ${room}.${stem} COMMAND ${target} --gtest_filter=${filter} --gtest_brief=1)
    set_tests_properties(
      ${room}.${stem} PROPERTIES LABELS ${TESTS_LABEL} SKIP_REGULAR_EXPRESSION
                                                       "all tests of this file skipped")
    overparam_time_limit(${room}.${stem} ${TESTS_TIMEOUT})
  endforeach()
endfunction()
