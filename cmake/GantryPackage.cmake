# Debian packages by CPack: gantry, libgantry${GANTRY_ABI}, libgantry-dev. In the build directory: cpack -G DEB
set(CPACK_PACKAGE_NAME gantry)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR gantry)
set(CPACK_PACKAGE_CONTACT "gantry developers <gantry@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/StripArchives.cmake)
set(CPACK_COMPONENTS_ALL app library dev)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
# A program built against the library wants exactly this version: while MAJOR is 0 every MINOR may change the interface.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEBIAN_APP_PACKAGE_NAME gantry)
set(CPACK_DEBIAN_APP_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_APP_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_COMPONENT_APP_DESCRIPTION "moves container images without a daemon
 Pulls container images from any registry into archives that docker, podman,
 containerd and skopeo load; pushes, copies and mirrors them; keeps layers in
 a store and serves it as a registry.")

set(library_package libgantry${GANTRY_ABI})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/triggers)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION "moves container images, shared library
 The engine of gantry for programs that want registry content.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libgantry-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(dev_depends "${library_package} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})" libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev zlib1g-dev libfmt-dev libxxhash-dev
    libcrypt-dev libzstd-dev)
if(ISAL_FOUND)
  list(APPEND dev_depends libisal-dev)
endif()
if(IDN2_FOUND)
  list(APPEND dev_depends libidn2-dev)
endif()
list(JOIN dev_depends ", " CPACK_DEBIAN_DEV_PACKAGE_DEPENDS)
set(CPACK_COMPONENT_DEV_DESCRIPTION "moves container images, development files
 Headers, static library, CMake package and pkg-config file of gantry's engine.")

# What Debian's policy wants beside the files: licence and changes.
find_program(GANTRY_GZIP gzip REQUIRED)
set(changes ${PROJECT_BINARY_DIR}/changelog.gz)
execute_process(COMMAND ${GANTRY_GZIP} -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md OUTPUT_FILE ${changes} COMMAND_ERROR_IS_FATAL ANY)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(debian_changes ${PROJECT_BINARY_DIR}/changelog.Debian)
file(WRITE ${debian_changes} "gantry (${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n  * What changed is in changelog.gz.\n\n"
                             " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
execute_process(COMMAND ${GANTRY_GZIP} -9nf ${debian_changes} COMMAND_ERROR_IS_FATAL ANY)
foreach(pair app:gantry library:${library_package} dev:libgantry-dev)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  set(documents ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(FILES ${changes} ${debian_changes}.gz DESTINATION ${documents} COMPONENT ${component})
  # The licence, what people read, examples.
  install(CODE "set(gantry_package ${component})
    set(gantry_documents \"${documents}\")
    set(gantry_source \"${PROJECT_SOURCE_DIR}\")
    set(gantry_page \"${GANTRY_PROJECT_PAGE}\")
    set(gantry_version ${PROJECT_VERSION})
    include(\"${PROJECT_SOURCE_DIR}/cmake/InstallDocuments.cmake\")" COMPONENT ${component})
endforeach()
include(CPack)
