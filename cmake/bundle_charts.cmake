# Run as: cmake -DSOURCES=<web folder> -DFOLDER=<folder of the scripts> -P bundle_charts.cmake
# Installs the packages of the lock file in FOLDER, bundles them into charts.js, which draws in a
# plane, and charts_3d.js, which draws surfaces too, and removes them again (they take 200 MB). Without
# npm, node or a network both are empty: a build must not fail for that.
cmake_minimum_required(VERSION 3.25)

set(work "${FOLDER}/npm")

function(give_up reason)
  message(NOTICE "Reports will carry static SVG charts only: ${reason}.")
  file(WRITE "${FOLDER}/charts.js" "")
  file(WRITE "${FOLDER}/charts_3d.js" "")
  file(REMOVE_RECURSE "${work}")
endfunction()

file(REMOVE_RECURSE "${work}")
file(MAKE_DIRECTORY "${work}")
foreach(name IN ITEMS package.json package-lock.json bundle.js bundle_3d.js build.mjs)
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

foreach(pair IN ITEMS bundle.js=charts.js bundle_3d.js=charts_3d.js)
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 entry)
  list(GET pair 1 script)
  execute_process(
    COMMAND "${NODE}" build.mjs ${entry} "${work}/${script}"
    WORKING_DIRECTORY "${work}"
    RESULT_VARIABLE status
    ERROR_VARIABLE problem)
  if(NOT status EQUAL 0)
    give_up("the bundler failed: ${problem}")
    return()
  endif()
endforeach()
file(RENAME "${work}/charts.js" "${FOLDER}/charts.js")
file(RENAME "${work}/charts_3d.js" "${FOLDER}/charts_3d.js")
file(REMOVE_RECURSE "${work}")
