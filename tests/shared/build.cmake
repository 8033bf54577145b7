# Builds lamella as a shared library and the tool on top of it. Set by -D: SOURCE_DIR, BUILD_DIR,
# how the build that runs this test was made (C_COMPILER, CXX, CXX_FLAGS, LAUNCHER, GENERATOR), and
# its options (WITH_OPENMP, WITH_TBB, WITH_PLUGINS, WITH_CBLAS, WITH_TOOLS).
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

set(launcher)
if(LAUNCHER)
  set(launcher -DCMAKE_C_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
endif()
set(options)
foreach(option OPENMP TBB PLUGINS CBLAS TOOLS)
  list(APPEND options -DLAMELLA_WITH_${option}=${WITH_${option}})
endforeach()
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${BUILD_DIR} -G ${GENERATOR}
    -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS}
    ${launcher} -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DLAMELLA_WERROR=ON ${options}
    -DLAMELLA_WITH_TESTS=OFF -DLAMELLA_WITH_BENCH=OFF)
run(${CMAKE_COMMAND} --build ${BUILD_DIR})
