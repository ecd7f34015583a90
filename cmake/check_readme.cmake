# Run as: cmake -DROOT=<source folder> -P check_readme.cmake
# Fails where the README shows another program than the one the package test builds and runs.
file(READ "${ROOT}/README.md" readme)
file(READ "${ROOT}/tests/consumer/train.cpp" program)
string(FIND "${program}" "#include" start)
string(SUBSTRING "${program}" ${start} -1 program)
string(FIND "${readme}" "${program}" place)
if(place EQUAL -1)
  message(FATAL_ERROR "README.md does not hold the program of tests/consumer/train.cpp")
endif()
