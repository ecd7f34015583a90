# overparam_browser_test(<name> PAGE <file> FIXTURE <fixture> [CHARTS <number>]
#                        [SURFACES <number>])
#
# Opens a report that the fixture writes in Chromium; screenshots go to tests/browser/<name>/ of the
# build folder. Skipped, with a reason, where Chromium or npm is missing.
function(overparam_browser_test name)
  cmake_parse_arguments(PARSE_ARGV 1 BROWSER "" "PAGE;FIXTURE;CHARTS;SURFACES" "")
  set(options --screenshot "${PROJECT_BINARY_DIR}/tests/browser/${name}")
  if(DEFINED BROWSER_CHARTS)
    list(APPEND options --charts ${BROWSER_CHARTS})
  endif()
  if(DEFINED BROWSER_SURFACES)
    list(APPEND options --surfaces ${BROWSER_SURFACES})
  endif()
  add_test(NAME ${name} COMMAND sh "${PROJECT_SOURCE_DIR}/tests/browser/run.sh"
                                "${PROJECT_BINARY_DIR}/tests/browser/driver" "${BROWSER_PAGE}" ${options})
  set_tests_properties(
    ${name}
    PROPERTIES LABELS fast
               SKIP_RETURN_CODE 77
               FIXTURES_REQUIRED ${BROWSER_FIXTURE}
               RESOURCE_LOCK browser)
  overparam_time_limit(${name} 300)
endfunction()
