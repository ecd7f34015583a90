# Run as: cmake -DROOT=<source folder> -P check_walkthrough.cmake
# Fails where docs/adding.md shows other code than what tests/walkthrough builds and runs.
file(READ "${ROOT}/docs/adding.md" page)
foreach(source networks/two-ended.cpp losses/cauchy.cpp claims/mean-norm.cpp)
  file(READ "${ROOT}/tests/walkthrough/${source}" program)
  string(FIND "${page}" "${program}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "docs/adding.md does not hold tests/walkthrough/${source}")
  endif()
endforeach()
