# Run as: cmake -DSOURCES=<web folder> -DOUTPUT=<script> -P bundle_charts.cmake
# Installs the packages of the lock file beside OUTPUT, bundles them into it, and removes them again
# (they take 200 MB). Without npm, node or a network OUTPUT is empty: a build must not fail for that.
cmake_minimum_required(VERSION 3.25)

function(give_up reason)
  message(NOTICE "Reports will carry static SVG charts only: ${reason}.")
  file(WRITE "${OUTPUT}" "")
  file(REMOVE_RECURSE "${work}")
endfunction()

get_filename_component(work "${OUTPUT}" DIRECTORY)
string(APPEND work "/npm")
file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
foreach(name IN ITEMS package.json package-lock.json bundle.js build.mjs)
  file(COPY "${SOURCES}/${name}" DESTINATION "${work}")
endforeach()

find_program(NPM npm)
find_program(NODE NAMES node nodejs)
if(NOT NPM OR NOT NODE)
  give_up("npm and node were not found")
  return()
endif()

# No package needs its install script; esbuild's platform package carries the program itself.
execute_process(
  COMMAND "${NPM}" ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1
  WORKING_DIRECTORY "${work}"
  TIMEOUT 900
  RESULT_VARIABLE status
  OUTPUT_QUIET
  ERROR_VARIABLE problem)
if(NOT status EQUAL 0)
  string(REGEX MATCH "npm (ERR!|error) code ([A-Z0-9_]+)" matched "${problem}")
  give_up("npm ci failed (${status}) ${CMAKE_MATCH_2}")
  return()
endif()

execute_process(
  COMMAND "${NODE}" build.mjs "${OUTPUT}.new"
  WORKING_DIRECTORY "${work}"
  RESULT_VARIABLE status
  ERROR_VARIABLE problem)
if(NOT status EQUAL 0)
  give_up("the bundler failed: ${problem}")
  return()
endif()
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
file(REMOVE_RECURSE "${work}")
