# What every target of this project is compiled with: gantry_compile_options is linked privately and never exported.
add_library(gantry_compile_options INTERFACE)
target_compile_features(gantry_compile_options INTERFACE cxx_std_20)
target_compile_options(gantry_compile_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -fvisibility-inlines-hidden)
if(GANTRY_WARNINGS_AS_ERRORS)
  target_compile_options(gantry_compile_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside its own headers and inside Boost's coroutine frames, never here.
  target_compile_options(gantry_compile_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overread -Wno-array-bounds
                                                          -Wno-stringop-overflow -Wno-dangling-pointer -Wno-mismatched-new-delete)
endif()
# In a file that includes others GCC says of every coroutine that its frame holds types of one file.
target_compile_options(gantry_compile_options INTERFACE $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-subobject-linkage>)

if(GANTRY_SANITIZE STREQUAL "address")
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
elseif(GANTRY_SANITIZE STREQUAL "thread")
  set(flags -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
elseif(GANTRY_SANITIZE STREQUAL "fuzz")
  set(flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
elseif(GANTRY_SANITIZE)
  message(FATAL_ERROR "GANTRY_SANITIZE is '${GANTRY_SANITIZE}', not one of: address, thread, fuzz")
else()
  set(flags)
endif()

# What a release is hardened with (tests/hardening.py looks whether it is there). Tests are not optimised, which fortified calls need.
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT GANTRY_SANITIZE)
  set(hardened $<AND:$<CONFIG:Release,RelWithDebInfo,MinSizeRel>,$<NOT:$<BOOL:$<TARGET_PROPERTY:GANTRY_UNINSTRUMENTED>>>>)
  target_compile_options(gantry_compile_options INTERFACE "$<${hardened}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3;-fstack-protector-strong;-fstack-clash-protection;-fPIC>")
  target_link_options(gantry_compile_options INTERFACE "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-Wl,-z,relro,-z,now,-z,noexecstack>"
                                                       $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()

# What runs a few times per image and moves no bytes is compiled for size: the program's own text is a quarter of what it holds in memory.
add_library(gantry_compile_for_size INTERFACE)
target_compile_options(gantry_compile_for_size INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:-Os>)

# A target with the property GANTRY_UNINSTRUMENTED is linked with the sanitizer and compiled without.
target_compile_options(gantry_compile_options INTERFACE "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:GANTRY_UNINSTRUMENTED>>>:${flags}>")
target_link_options(gantry_compile_options INTERFACE ${flags})

find_program(GANTRY_CCACHE ccache)
if(GANTRY_CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${GANTRY_CCACHE})
endif()
