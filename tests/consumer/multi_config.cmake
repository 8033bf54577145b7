# Configures lamella, with its default options, for a generator of several configurations, and looks
# at the commands that build the library in two of them. Set by -D: SOURCE_DIR, WORK_DIR (emptied
# first), C_COMPILER, CXX, CXX_FLAGS, OPTIONS, NINJA.
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK_DIR} -G "Ninja Multi-Config" ${OPTIONS}
    -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS})
foreach(pair Release/-O3 Debug/-g)
  string(REPLACE "/" ";" pair ${pair})
  list(GET pair 0 config)
  list(GET pair 1 flag)
  execute_process(COMMAND ${NINJA} -C ${WORK_DIR} -f build-${config}.ninja -t commands lamella
                  OUTPUT_VARIABLE commands COMMAND_ERROR_IS_FATAL ANY)
  if(NOT commands MATCHES "${flag} [^\n]*core/training/trainer\\.cpp" OR
     NOT commands MATCHES "${config}/liblamella\\.a")
    message(FATAL_ERROR "${config} does not build the library with ${flag}:\n${commands}")
  endif()
endforeach()
