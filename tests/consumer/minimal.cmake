# The promise about dependencies: with every option off, liblamella.a needs libstdc++, libm and
# zlib.
#
# Configures such a build from scratch, links minimal.cpp with nothing but -llamella -lz, runs it
# and reads which shared libraries the program asks for. Set by -D: SOURCE_DIR, WORK_DIR (emptied
# first), CXX, CXX_FLAGS, GENERATOR, READELF.
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../dynamic_section.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)
set(off)
foreach(option OPENMP TBB PLUGINS CBLAS TOOLS TESTS BENCH)
  list(APPEND off -DLAMELLA_WITH_${option}=OFF)
endforeach()
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK_DIR}/build -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_INSTALL_LIBDIR=lib -DLAMELLA_WERROR=ON ${off})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${CMAKE_COMMAND} --install ${WORK_DIR}/build --prefix ${prefix})

separate_arguments(CXX_FLAGS UNIX_COMMAND "${CXX_FLAGS}")
set(program ${WORK_DIR}/minimal)
run(${CXX} -std=c++20 ${CXX_FLAGS} -I${prefix}/include ${CMAKE_CURRENT_LIST_DIR}/minimal.cpp
    -o ${program} -L${prefix}/lib -llamella -lz)
run(${program})

dynamic_section(${program} NEEDED names)
message(STATUS "needed: ${names}")
list(FILTER names EXCLUDE REGEX
     "^(libstdc\\+\\+\\.so|libm\\.so|libgcc_s\\.so|libc\\.so|libz\\.so|ld-linux)")
if(names)
  message(FATAL_ERROR "the minimal program also needs: ${names}")
endif()
