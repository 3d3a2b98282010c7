# Runs before a package is built: static libraries lose their debug information, as in every Debian package. CPACK_STRIP_FILES leaves them alone.
find_program(GANTRY_STRIP strip REQUIRED)
file(GLOB_RECURSE archives "${CPACK_TEMPORARY_DIRECTORY}/*.a")
foreach(archive IN LISTS archives)
  execute_process(COMMAND ${GANTRY_STRIP} --strip-debug --remove-section=.comment --remove-section=.note --enable-deterministic-archives ${archive}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
