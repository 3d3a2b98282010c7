# Install rules of the library: targets gantry::engine and gantry::engine_shared, a CMake package and pkg-config files.
include(CMakePackageConfigHelpers)

# Components: library is what programs need to run, dev what they need to be built.
install(TARGETS gantry_engine gantry_engine_shared EXPORT gantry ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/engine/include/gantry DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.hpp")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gantry)
install(EXPORT gantry NAMESPACE gantry:: FILE gantryTargets.cmake DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gantryConfig.cmake.in ${PROJECT_BINARY_DIR}/gantryConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gantryConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gantryConfig.cmake ${PROJECT_BINARY_DIR}/gantryConfigVersion.cmake DESTINATION ${package_dir} COMPONENT dev)

set(GANTRY_PC_REQUIRES "openssl >= 3.0, zlib, fmt, libxxhash, libxcrypt, libzstd")
if(ISAL_FOUND)
  string(APPEND GANTRY_PC_REQUIRES ", libisal")
endif()
if(IDN2_FOUND)
  string(APPEND GANTRY_PC_REQUIRES ", libidn2")
endif()
# The prefix is told from where the file lies: a package is installed elsewhere than the build was configured for.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE GANTRY_PC_PREFIX)
# Both libraries are called gantry and lie in one directory, where -lgantry is the shared one, with --static as without: the static one has a
# description of its own, which names its file.
foreach(name gantry gantry-static)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

include(GantryPackage)
