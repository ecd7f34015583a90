# Everything the library links to comes from the system's package manager; HACKING.md says what
# each package replaces. The package config repeats this list for whoever links to an installed copy.

find_package(Torch 1.13 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)

# Wheels carry their C++ ABI in TORCH_CXX_FLAGS; Debian's package leaves it empty.
separate_arguments(OVERPARAM_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
