# Installs a build of the shared library and looks at it: file names, SONAME, and that the installed
# tool runs on it where it stands. Set by -D: BUILD_DIR, WORK_DIR (emptied first), VERSION (a.b.c),
# ABI (a.b), TOOL (whether there is one), READELF.
cmake_minimum_required(VERSION 3.20)

include(${CMAKE_CURRENT_LIST_DIR}/../dynamic_section.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

function(expect what found wanted)
  if(NOT found STREQUAL wanted)
    message(FATAL_ERROR "${what} is '${found}', expected '${wanted}'")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/made)
# The tree can be moved.
file(RENAME ${WORK_DIR}/made ${WORK_DIR}/moved)

file(GLOB_RECURSE libraries ${WORK_DIR}/moved/liblamella.so.${VERSION})
list(LENGTH libraries count)
expect("the number of files liblamella.so.${VERSION}" ${count} 1)
dynamic_section(${libraries} SONAME soname)
expect("the SONAME" "${soname}" liblamella.so.${ABI})
get_filename_component(directory ${libraries} DIRECTORY)
foreach(link liblamella.so liblamella.so.${ABI})
  file(REAL_PATH ${directory}/${link} target)
  file(REAL_PATH ${libraries} library)
  expect("what ${link} stands for" ${target} ${library})
endforeach()

if(TOOL)
  set(tool ${WORK_DIR}/moved/bin/lamella)
  dynamic_section(${tool} NEEDED needed)
  if(NOT liblamella.so.${ABI} IN_LIST needed)
    message(FATAL_ERROR "${tool} does not use the shared library, but ${needed}")
  endif()
  unset(ENV{LD_LIBRARY_PATH})
  execute_process(COMMAND ${tool} --version OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  expect("lamella --version" "${output}" "lamella ${VERSION}\n")
  run(${tool} train --data moons --epochs 1 --hidden 8)
endif()
