# Builds a project that lamella is a part of, with every option off and every warning an error, and
# holds lamella to its promise about dependencies: liblamella.a needs libstdc++, libm and zlib.
#
# The project asks for lamella to be installed with it, by LAMELLA_INSTALL. Its program runs, and so
# does one that is linked with what was installed, -llamella -lz and nothing more; which shared
# libraries they ask for is read. Set by -D: SOURCE_DIR, WORK_DIR (emptied first), C_COMPILER, CXX,
# CXX_FLAGS, GENERATOR, READELF.
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../dynamic_section.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)
set(off)
foreach(option OPENMP TBB PLUGINS CBLAS TOOLS TESTS BENCH)
  list(APPEND off -DLAMELLA_WITH_${option}=OFF)
endforeach()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/parent -B ${WORK_DIR}/build -G ${GENERATOR}
    -DHOW=add_subdirectory -DLAMELLA_SOURCE_DIR=${SOURCE_DIR} -DCMAKE_C_COMPILER=${C_COMPILER}
    -DCMAKE_CXX_COMPILER=${CXX} "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror ${CXX_FLAGS}"
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_LIBDIR=lib -DLAMELLA_INSTALL=ON ${off})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${CMAKE_COMMAND} --install ${WORK_DIR}/build --prefix ${prefix})

separate_arguments(CXX_FLAGS UNIX_COMMAND "${CXX_FLAGS}")
set(program ${WORK_DIR}/minimal)
run(${CXX} -std=c++20 ${CXX_FLAGS} -I${prefix}/include ${CMAKE_CURRENT_LIST_DIR}/minimal.cpp
    -o ${program} -L${prefix}/lib -llamella -lz)
foreach(file ${program} ${prefix}/bin/app)
  run(${file})
  dynamic_section(${file} NEEDED names)
  message(STATUS "needed: ${names}")
  list(FILTER names EXCLUDE REGEX
       "^(libstdc\\+\\+\\.so|libm\\.so|libgcc_s\\.so|libc\\.so|libz\\.so|ld-linux)")
  if(names)
    message(FATAL_ERROR "${file} also needs: ${names}")
  endif()
endforeach()
