# overparam_chart_library(<variable>)
#
# Sets <variable> to a script that is built together with the library: the chart library that
# reports carry, or an empty file where OVERPARAM_PLOTLY is off or npm cannot fetch it. An empty one
# is tried again after the next configuration.
function(overparam_chart_library variable)
  set(bundle "${PROJECT_BINARY_DIR}/web/charts.js")
  set(${variable} "${bundle}" PARENT_SCOPE)
  if(NOT OVERPARAM_PLOTLY)
    file(WRITE "${PROJECT_BINARY_DIR}/web/none/charts.js" "")
    set(${variable} "${PROJECT_BINARY_DIR}/web/none/charts.js" PARENT_SCOPE)
    return()
  endif()

  if(EXISTS "${bundle}")
    file(SIZE "${bundle}" size)
    if(size EQUAL 0)
      file(REMOVE "${bundle}")
    endif()
  endif()
  set(sources "")
  foreach(name IN ITEMS package.json package-lock.json bundle.js build.mjs)
    list(APPEND sources "${PROJECT_SOURCE_DIR}/web/${name}")
  endforeach()
  add_custom_command(
    OUTPUT "${bundle}"
    COMMAND ${CMAKE_COMMAND} -DSOURCES=${PROJECT_SOURCE_DIR}/web -DOUTPUT=${bundle} -P
            ${PROJECT_SOURCE_DIR}/cmake/bundle_charts.cmake
    DEPENDS ${sources} "${PROJECT_SOURCE_DIR}/cmake/bundle_charts.cmake"
    COMMENT "Bundling the chart library of the reports (npm)"
    VERBATIM)
endfunction()
