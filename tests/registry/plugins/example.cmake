# Builds examples/plugin-minimal as its users do, against an installed lamella, and trains with it
# through the installed command line, by path and by name. Run as a test, with these set by -D:
#   BUILD_DIR, CONFIG                    the build to install
#   WORK_DIR                             scratch, emptied first
#   SOURCE_DIR                           examples/plugin-minimal
#   C_COMPILER, C_FLAGS, GENERATOR       how that build was made
cmake_minimum_required(VERSION 3.20)
set(prefix ${WORK_DIR}/prefix)

file(REMOVE_RECURSE ${WORK_DIR})
# A copy: the example must not reach into the repository around it.
file(COPY ${SOURCE_DIR}/ DESTINATION ${WORK_DIR}/source)
foreach(command
        "--install;${BUILD_DIR};--config;${CONFIG};--prefix;${prefix}"
        "-S;${WORK_DIR}/source;-B;${WORK_DIR}/build;-G;${GENERATOR};-DCMAKE_C_COMPILER=${C_COMPILER};-DCMAKE_C_FLAGS=${C_FLAGS};-DCMAKE_BUILD_TYPE=${CONFIG};-DCMAKE_PREFIX_PATH=${prefix}"
        "--build;${WORK_DIR}/build")
  execute_process(COMMAND ${CMAKE_COMMAND} ${command} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

set(ENV{LAMELLA_VERBOSE} 1)
foreach(name ${WORK_DIR}/build/lamella-minimal.so minimal)
  set(ENV{LAMELLA_PLUGIN_PATH} ${WORK_DIR}/build)
  set(ENV{LAMELLA_BACKEND} ${name})
  execute_process(COMMAND ${prefix}/bin/lamella train --data moons --epochs 1 --hidden 8
                  ERROR_VARIABLE trace COMMAND_ERROR_IS_FATAL ANY)
  if(NOT trace MATCHES "lamella: fused_gemm f32 [^\n]* minimal/plugin ")
    message(FATAL_ERROR "LAMELLA_BACKEND=${name} was not used:\n${trace}")
  endif()
endforeach()
