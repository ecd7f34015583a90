# Everything the library links to comes from the system's package manager; HACKING.md says what
# each package replaces. The package config repeats this list for whoever links to an installed copy.

find_package(Torch 1.13 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)

# Looked for by file: Debian's package of oneDNN asks for OpenCL, which its CPU library never uses, and
# LibTorch's wheels carry oneDNN inside without headers.
find_path(OVERPARAM_ONEDNN_HEADERS oneapi/dnnl/dnnl.hpp)
find_library(OVERPARAM_ONEDNN_LIBRARY dnnl)
mark_as_advanced(OVERPARAM_ONEDNN_HEADERS OVERPARAM_ONEDNN_LIBRARY)
set(onednn_found OFF)
if(OVERPARAM_ONEDNN_HEADERS AND OVERPARAM_ONEDNN_LIBRARY)
  set(onednn_found ON)
endif()
option(OVERPARAM_WITH_ONEDNN "Multiply in bfloat16 and int8 through oneDNN" ${onednn_found})
if(OVERPARAM_WITH_ONEDNN AND NOT onednn_found)
  message(FATAL_ERROR "OVERPARAM_WITH_ONEDNN is on, but oneDNN was not found (libdnnl-dev)")
endif()

# Looked for by file too: CMake's own module runs a compiler wrapper and lists what only static builds
# of HDF5 need. Debian keeps the serial library beside the one for MPI, which wants MPI's headers.
find_path(OVERPARAM_HDF5_HEADERS hdf5.h PATH_SUFFIXES hdf5/serial)
find_library(OVERPARAM_HDF5_LIBRARY NAMES hdf5_serial hdf5 PATH_SUFFIXES hdf5/serial)
mark_as_advanced(OVERPARAM_HDF5_HEADERS OVERPARAM_HDF5_LIBRARY)
set(hdf5_found OFF)
if(OVERPARAM_HDF5_HEADERS AND OVERPARAM_HDF5_LIBRARY)
  set(hdf5_found ON)
endif()
option(OVERPARAM_WITH_HDF5 "Write and read HDF5" ${hdf5_found})
if(OVERPARAM_WITH_HDF5 AND NOT hdf5_found)
  message(FATAL_ERROR "OVERPARAM_WITH_HDF5 is on, but HDF5 was not found (libhdf5-dev)")
endif()

# Wheels carry their C++ ABI in TORCH_CXX_FLAGS; Debian's package leaves it empty.
separate_arguments(OVERPARAM_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
