# Run as: cmake -DROOT=<source folder> -DBUILD=<build folder> -P check_package.cmake
# Installs the build, moves it elsewhere, and lets an outside project find it, build and run.
cmake_minimum_required(VERSION 3.25)

set(work "${BUILD}/tests/package")
set(prefix "${work}/prefix")
file(REMOVE_RECURSE "${work}")

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect pattern)
  if(NOT output MATCHES "${pattern}")
    message(FATAL_ERROR "expected \"${pattern}\", found:\n${output}")
  endif()
  message(STATUS "${CMAKE_MATCH_0}")
endfunction()

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/elsewhere")
file(RENAME "${work}/elsewhere" "${prefix}")

file(GLOB_RECURSE public RELATIVE "${ROOT}/include" "${ROOT}/include/*")
file(GLOB_RECURSE installed RELATIVE "${prefix}/include" "${prefix}/include/*")
list(REMOVE_ITEM public ${installed})
if(public)
  message(FATAL_ERROR "not installed: ${public}")
endif()

file(GLOB_RECURSE exported "${prefix}/*.cmake")
foreach(file IN LISTS exported)
  file(STRINGS "${file}" lines)
  foreach(folder IN ITEMS "${ROOT}" "${BUILD}")
    string(FIND "${lines}" "${folder}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} names a folder of the build machine, ${folder}")
    endif()
  endforeach()
endforeach()

if(EXISTS "${prefix}/bin/overparam")
  run("${prefix}/bin/overparam" --version)
  expect("overparam [0-9.]+")
endif()

run("${CMAKE_COMMAND}" -S "${ROOT}/tests/consumer" -B "${work}/consumer"
    "-DCMAKE_PREFIX_PATH=${prefix}")
run("${CMAKE_COMMAND}" --build "${work}/consumer")
run("${work}/consumer/net_only")
expect("outputs 8 x 2")
run("${work}/consumer/train")
expect("objective [0-9.]+e-0[7-9] after [0-9]+ steps")
