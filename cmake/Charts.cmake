# overparam_chart_library(<variable> <variable for surfaces>)
#
# Sets both to scripts that are built together with the library: the chart library that reports
# carry, without and with what draws surfaces; or empty files where OVERPARAM_PLOTLY is off or npm
# cannot fetch it. Empty ones are tried again after the next configuration.
function(overparam_chart_library variable variable_3d)
  set(folder "${PROJECT_BINARY_DIR}/web")
  if(NOT OVERPARAM_PLOTLY)
    string(APPEND folder "/none")
    file(WRITE "${folder}/charts.js" "")
    file(WRITE "${folder}/charts_3d.js" "")
  endif()
  set(bundles "${folder}/charts.js" "${folder}/charts_3d.js")
  set(${variable} "${folder}/charts.js" PARENT_SCOPE)
  set(${variable_3d} "${folder}/charts_3d.js" PARENT_SCOPE)
  if(NOT OVERPARAM_PLOTLY)
    return()
  endif()

  foreach(bundle IN LISTS bundles)
    if(EXISTS "${bundle}")
      file(SIZE "${bundle}" size)
      if(size EQUAL 0)
        file(REMOVE ${bundles})
        break()
      endif()
    endif()
  endforeach()
  set(sources "")
  foreach(name IN ITEMS package.json package-lock.json bundle.js bundle_3d.js build.mjs)
    list(APPEND sources "${PROJECT_SOURCE_DIR}/web/${name}")
  endforeach()
  add_custom_command(
    OUTPUT ${bundles}
    COMMAND ${CMAKE_COMMAND} -DSOURCES=${PROJECT_SOURCE_DIR}/web -DFOLDER=${folder} -P
            ${PROJECT_SOURCE_DIR}/cmake/bundle_charts.cmake
    DEPENDS ${sources} "${PROJECT_SOURCE_DIR}/cmake/bundle_charts.cmake"
    COMMENT "Bundling the chart library of the reports (npm)"
    VERBATIM)
endfunction()
