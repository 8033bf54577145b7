# Configures a project that lamella is a part of, and the same project without it: lamella adds its
# library and nothing else. Set by -D: HOW (add_subdirectory or FetchContent), SOURCE_DIR, WORK_DIR
# (emptied first), C_COMPILER, CXX, CXX_FLAGS, CTEST, GENERATOR, OPTIONS.
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

# configure(<how> <build directory>)
function(configure how build)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/parent -B ${build} -G ${GENERATOR}
      -DHOW=${how} -DLAMELLA_SOURCE_DIR=${SOURCE_DIR} -DCMAKE_C_COMPILER=${C_COMPILER}
      -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
      ${OPTIONS})
endfunction()

# cache_of(<build directory> <variable>): the entries NAME:TYPE=VALUE of the cache.
function(cache_of build variable)
  file(READ ${build}/CMakeCache.txt entries)
  string(REPLACE ";" "," entries "${entries}")
  string(REPLACE "\n" ";" entries "${entries}")
  list(FILTER entries INCLUDE REGEX "^[A-Za-z0-9_.+-]+:[A-Z]+=")
  # Of CMake itself, and results of its checks.
  list(FILTER entries EXCLUDE REGEX ":(INTERNAL|STATIC)=")
  string(REPLACE "${build}" "<build>" entries "${entries}")
  set(${variable} "${entries}" PARENT_SCOPE)
endfunction()

function(expect what found wanted)
  if(NOT found STREQUAL wanted)
    message(FATAL_ERROR "${what}: '${found}', expected '${wanted}'")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(alone ${WORK_DIR}/alone)
set(build ${WORK_DIR}/build)
configure(nothing ${alone})
configure(${HOW} ${build})

# Targets.
file(READ ${build}/targets.txt targets)
list(SORT targets)
expect("targets of lamella" "${targets}" "lamella;lamella_flags")

# The cache: lamella's options, where its dependencies are, and what FetchContent adds.
cache_of(${alone} before)
cache_of(${build} after)
foreach(entry IN LISTS before)
  if(NOT entry MATCHES "^(HOW|LAMELLA_[A-Z_]+):" AND NOT entry IN_LIST after)
    message(FATAL_ERROR "lamella changes the parent's cache: there is no ${entry}")
  endif()
endforeach()
list(REMOVE_ITEM after ${before})
list(FILTER after EXCLUDE REGEX "^(HOW|LAMELLA_[A-Z_]+|lamella_(BINARY|SOURCE)_DIR):")
list(FILTER after EXCLUDE REGEX
     "^(ZLIB|fmt|nlohmann_json|OpenMP|TBB|XSIMD|RANDOM123|FETCHCONTENT|pkgcfg|PKG_CONFIG)_")
expect("entries of the cache besides those" "${after}" "")

# What is installed, packed and tested.
file(GLOB_RECURSE scripts ${build}/*cmake_install.cmake)
foreach(script IN LISTS scripts)
  if(NOT script STREQUAL "${build}/cmake_install.cmake")
    file(STRINGS ${script} rules REGEX "file\\(INSTALL")
    expect("rules of ${script}" "${rules}" "")
  endif()
endforeach()
file(STRINGS ${build}/CPackConfig.cmake package REGEX
     "CPACK_(PACKAGE_NAME|PACKAGE_VERSION|COMPONENTS_ALL|GENERATOR) ")
file(STRINGS ${alone}/CPackConfig.cmake package_alone REGEX
     "CPACK_(PACKAGE_NAME|PACKAGE_VERSION|COMPONENTS_ALL|GENERATOR) ")
expect("the parent's package" "${package}" "${package_alone}")
execute_process(COMMAND ${CTEST} --test-dir ${build} --show-only OUTPUT_VARIABLE tests
                COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "Total Tests: [0-9]+" tests "${tests}")
expect("tests" "${tests}" "Total Tests: 1")

# The library is optimised. The parent's program is compiled as the parent says: without any flag.
file(READ ${build}/compile_commands.json commands)
string(JSON count LENGTH "${commands}")
math(EXPR last "${count} - 1")
set(seen)
foreach(i RANGE ${last})
  string(JSON file GET "${commands}" ${i} file)
  string(JSON command GET "${commands}" ${i} command)
  get_filename_component(name ${file} NAME)
  if(name STREQUAL "minimal.cpp")
    list(APPEND seen app)
    if(command MATCHES " -(O|DNDEBUG|Wall|ffp-contract)")
      message(FATAL_ERROR "lamella's flags compile the parent's program: ${command}")
    endif()
  elseif(name STREQUAL "trainer.cpp")
    list(APPEND seen library)
    if(NOT command MATCHES " -O3 -DNDEBUG ")
      message(FATAL_ERROR "the library is not optimised: ${command}")
    endif()
  endif()
endforeach()
list(SORT seen)
expect("compiled" "${seen}" "app;library")
