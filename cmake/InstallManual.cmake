# Runs at install time: manual pages and shell completions, written by the program itself.
# gantry_program: the program; gantry_man, gantry_share: directories below the prefix
if(IS_ABSOLUTE "${gantry_man}" OR IS_ABSOLUTE "${gantry_share}")
  message(FATAL_ERROR "gantry: manual pages and completions go below the prefix; give relative CMAKE_INSTALL_MANDIR and CMAKE_INSTALL_DATADIR")
endif()
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")

function(gantry_write file)
  execute_process(COMMAND ${gantry_program} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE "${root}/${file}" "${text}")
  message(STATUS "Installing: ${root}/${file}")
endfunction()

gantry_write(${gantry_man}/gantry.1 help --man)
file(READ "${root}/${gantry_man}/gantry.1" page)
string(REGEX MATCHALL "gantry\\\\-[a-z]+" names "${page}")
list(REMOVE_DUPLICATES names)
foreach(name IN LISTS names)
  string(REGEX REPLACE "gantry\\\\-" "" verb "${name}")
  gantry_write(${gantry_man}/gantry-${verb}.1 help --man ${verb})
endforeach()
gantry_write(${gantry_share}/bash-completion/completions/gantry completion bash)
gantry_write(${gantry_share}/zsh/vendor-completions/_gantry completion zsh)
gantry_write(${gantry_share}/fish/vendor_completions.d/gantry.fish completion fish)
