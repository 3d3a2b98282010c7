# Builds and runs a consumer project. Called by ctest with
#   KIND        find_package or add_subdirectory, BUILD_TYPE and RELEASE_FLAGS as in the build tree
#   SOURCE_DIR  of the project, BINARY_DIR the build tree, WORK_DIR for everything that comes out
#   GENERATOR, COMPILER, LAUNCHER, UNITY  as in that build tree
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "${line}\nfailed with ${status}:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR}/run ${WORK_DIR}/prefix)
file(MAKE_DIRECTORY ${WORK_DIR}/run)
if(KIND STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${WORK_DIR}/prefix --component library)
  run(${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${WORK_DIR}/prefix --component dev)
endif()
run(${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/consumer/${KIND} -B ${WORK_DIR}/build -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
    # As in the build tree, so that a compiler cache knows the engine already.
    -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_CXX_FLAGS_RELWITHDEBINFO=${RELEASE_FLAGS} -DGANTRY_WARNINGS_AS_ERRORS=ON -DGANTRY_UNITY=${UNITY})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build --target consumer)

# Which library of this name a program needs when it runs.
function(expect_needed program expected)
  execute_process(COMMAND ${READELF} -d ${program} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "NEEDED[^\n]*\\[libgantry[^]]*" needed "${dynamic}")
  if(expected AND NOT needed)
    message(FATAL_ERROR "${program} does not need libgantry.so, so that it was not linked with the shared library:\n${dynamic}")
  elseif(needed AND NOT expected)
    message(FATAL_ERROR "${program} needs libgantry.so, so that it was not linked with the static library:\n${dynamic}")
  endif()
endfunction()
find_program(READELF readelf REQUIRED)
expect_needed(${WORK_DIR}/build/consumer FALSE)

# The same object by the words of pkg-config, against either library.
set(programs ${WORK_DIR}/build/consumer)
if(KIND STREQUAL "find_package")
  find_program(PKG_CONFIG pkg-config REQUIRED)
  file(GLOB_RECURSE description ${WORK_DIR}/prefix/gantry.pc)
  cmake_path(GET description PARENT_PATH place)
  set(ENV{PKG_CONFIG_PATH} ${place})
  file(REAL_PATH ${WORK_DIR}/prefix prefix)
  file(GLOB_RECURSE object ${WORK_DIR}/build/CMakeFiles/consumer.dir/*.o)
  foreach(name gantry gantry-static)
    foreach(words cflags libs)
      execute_process(COMMAND ${PKG_CONFIG} --${words} ${name} OUTPUT_VARIABLE ${words} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
      separate_arguments(${words} UNIX_COMMAND "${${words}}")
    endforeach()
    list(GET cflags 0 include)
    string(REGEX REPLACE "^-I" "" include ${include})
    file(REAL_PATH ${include} include)
    if(NOT EXISTS ${include}/gantry/engine.hpp OR NOT include MATCHES "^${prefix}/")
      message(FATAL_ERROR "pkg-config says ${cflags} for ${name}, and there is no gantry/engine.hpp of this installation")
    endif()
    set(program ${WORK_DIR}/build/by_pkg_config_${name})
    # The path is for the shared library; the other needs none.
    run(${COMPILER} ${object} -o ${program} ${libs} -Wl,-rpath,${place}/..)
    if(name STREQUAL "gantry")
      expect_needed(${program} TRUE)
    else()
      expect_needed(${program} FALSE)
    endif()
    list(APPEND programs ${program})
  endforeach()
endif()

foreach(program IN LISTS programs)
  # No network is needed to see that it runs: nobody listens on port 1.
  execute_process(COMMAND ${program} 127.0.0.1:1/no/image:1.0 image.tar store WORKING_DIRECTORY ${WORK_DIR}/run RESULT_VARIABLE status
                  ERROR_VARIABLE text TIMEOUT 60)
  if(NOT status EQUAL 1 OR NOT text MATCHES "consumer: .*127.0.0.1")
    message(FATAL_ERROR "${program} ended with ${status} and said: ${text}")
  endif()
  if(EXISTS ${WORK_DIR}/run/image.tar)
    message(FATAL_ERROR "a failed pull left an archive")
  endif()
endforeach()
