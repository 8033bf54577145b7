# Builds the Debian packages of a build, looks at what they say of themselves, unpacks them into a
# scratch root, and runs the tool there. Set by -D: CPACK, DPKG_DEB, READELF, BUILD_DIR, WORK_DIR
# and ROOT (both emptied first), VERSION (a.b.c), ABI (a.b).
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../dynamic_section.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

# field(<package> <field> <variable>): what a package says, on one line.
function(field package field variable)
  execute_process(COMMAND ${DPKG_DEB} --field ${package} ${field} OUTPUT_VARIABLE text
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR} ${ROOT})
file(MAKE_DIRECTORY ${ROOT})
run(${CPACK} -G DEB --config ${BUILD_DIR}/CPackConfig.cmake -B ${WORK_DIR}/debs)

# Each package, and patterns of what it has to depend on.
set(version_pattern "\\(= ${VERSION}-1\\)")
string(REPLACE "." "\\." version_pattern "${version_pattern}")
set(packages
    "liblamella${ABI}|libc6 .*libstdc\\+\\+6 .*zlib1g"
    "liblamella-cblas${ABI}|liblamella${ABI} ${version_pattern}.*libc6 "
    "liblamella-dev|liblamella${ABI} ${version_pattern}.*liblamella-cblas${ABI} ${version_pattern}"
    "lamella|liblamella${ABI} ${version_pattern}.*libc6 .*libstdc\\+\\+6 ")
foreach(entry IN LISTS packages)
  string(REGEX MATCH "^[^|]*" name "${entry}")
  string(REGEX REPLACE "^[^|]*\\|" "" pattern "${entry}")
  file(GLOB deb ${WORK_DIR}/debs/${name}_${VERSION}-1_*.deb)
  list(LENGTH deb count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "${count} packages ${name}_${VERSION}-1_*.deb")
  endif()
  field(${deb} Package package)
  field(${deb} Version version)
  field(${deb} Depends depends)
  message(STATUS "${package} ${version}: ${depends}")
  if(NOT package STREQUAL name OR NOT version STREQUAL "${VERSION}-1")
    message(FATAL_ERROR "${deb} is of ${package} ${version}")
  endif()
  if(NOT depends MATCHES "${pattern}")
    message(FATAL_ERROR "the dependencies of ${name} do not match '${pattern}'")
  endif()
  run(${DPKG_DEB} --extract ${deb} ${ROOT})
endforeach()
file(GLOB debs ${WORK_DIR}/debs/*.deb)
list(LENGTH debs count)
list(LENGTH packages expected)
if(NOT count EQUAL expected)
  message(FATAL_ERROR "${count} packages were made, not ${expected}: ${debs}")
endif()

# What Debian's users look for: who may do what with each package, what is new, and the manual.
foreach(entry IN LISTS packages)
  string(REGEX MATCH "^[^|]*" name "${entry}")
  foreach(file copyright changelog.gz changelog.Debian.gz)
    if(NOT EXISTS ${ROOT}/usr/share/doc/${name}/${file})
      message(FATAL_ERROR "${name} has no ${file}")
    endif()
  endforeach()
endforeach()
file(GLOB_RECURSE archive ${ROOT}/usr/lib/*liblamella.a)
if(NOT archive OR NOT EXISTS ${ROOT}/usr/share/man/man1/lamella.1.gz)
  message(FATAL_ERROR "no liblamella.a, or no man page: '${archive}'")
endif()

# The tool has no library path of its own, and runs on the library's package.
set(tool ${ROOT}/usr/bin/lamella)
dynamic_section(${tool} NEEDED needed)
dynamic_section(${tool} R[A-Z]*PATH paths)
if(NOT liblamella.so.${ABI} IN_LIST needed OR paths)
  message(FATAL_ERROR "${tool} needs ${needed}, and looks for it in '${paths}'")
endif()
file(GLOB_RECURSE library ${ROOT}/usr/lib/*liblamella.so.${ABI})
get_filename_component(directory ${library} DIRECTORY)
set(ENV{LD_LIBRARY_PATH} ${directory})
execute_process(COMMAND ${tool} --version OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output STREQUAL "lamella ${VERSION}\n")
  message(FATAL_ERROR "lamella --version says '${output}'")
endif()
run(${tool} train --data moons --epochs 2 --hidden 8 --model ${WORK_DIR}/moons.safetensors)
