# Asks the installed package for a component that does not exist: the message has to say which do.
# Set by -D: BUILD_DIR, CONFIG, GENERATOR, WITH_CBLAS, WORK_DIR (emptied first).
cmake_minimum_required(VERSION 3.20)
include(${CMAKE_CURRENT_LIST_DIR}/../run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --config ${CONFIG} --prefix ${WORK_DIR}/prefix)
file(WRITE ${WORK_DIR}/source/CMakeLists.txt "cmake_minimum_required(VERSION 3.20)
project(curious LANGUAGES NONE)
find_package(lamella REQUIRED COMPONENTS library layers)
")
execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK_DIR}/source -B ${WORK_DIR}/build -G ${GENERATOR}
                        -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
                RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
message(STATUS "${output}")
set(components library)
if(WITH_CBLAS)
  string(APPEND components ", cblas")
endif()
string(REGEX REPLACE "[ \n]+" " " output "${output}")
if(NOT code EQUAL 1 OR NOT output MATCHES "no component 'layers'.*installation: ${components} ")
  message(FATAL_ERROR "exit code ${code}, and not the message that lists the components")
endif()
