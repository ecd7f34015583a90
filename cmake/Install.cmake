# What other projects find: find_package(overparam 0.1 REQUIRED), then overparam::overparam, or one
# room such as overparam::net. Before 1.0 a minor version may change the interface.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/overparam")
get_property(rooms GLOBAL PROPERTY OVERPARAM_ROOMS)
install(
  TARGETS overparam ${rooms}
  EXPORT overparam
  ARCHIVE FILE_SET HEADERS)
install(
  EXPORT overparam
  NAMESPACE overparam::
  FILE overparamTargets.cmake
  DESTINATION "${package_folder}")

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/overparamConfig.cmake.in" "${PROJECT_BINARY_DIR}/overparamConfig.cmake"
  INSTALL_DESTINATION "${package_folder}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/overparamConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/overparamConfig.cmake"
              "${PROJECT_BINARY_DIR}/overparamConfigVersion.cmake"
        DESTINATION "${package_folder}")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(OVERPARAM_BUILD_PROGRAM)
  install(TARGETS overparam_app)
  install(FILES "${PROJECT_BINARY_DIR}/overparam.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
endif()
